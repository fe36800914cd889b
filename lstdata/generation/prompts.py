"""A prompt as the ids that a model reads: text, or units from an array, a recording or a sample of a run folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.train.trained import Trained
from lstdata.units.arrays import check_range, read_row

if TYPE_CHECKING:
    from lstdata.loader.corpus import RunFolder

Units = NDArray[np.uint16]


@dataclass(frozen=True, kw_only=True)
class PromptOptions:
    """Of what is given first: one of `text`, `units`, `audio` and `sample`, or none of them."""

    text: str | None = None
    units: str | None = None
    """A file of numpy."""
    audio: str | None = None
    """A recording, coded as the run folder `data` was."""
    sample: str | None = None
    """The key or id of a sample of `data`."""
    data: UPath | None = None
    sample_as: Literal["speech", "text"] = "speech"
    seconds: float | None = None
    """How much of the speech, from its beginning; None: all."""

    def mistakes(self) -> list[str]:
        given = [name for name in ("text", "units", "audio", "sample") if getattr(self, name) is not None]
        found = []
        if len(given) > 1:
            found.append(f"A prompt must be given in one way, but is as {', '.join(given)}.")
        found += [
            f"A prompt of `{name}` needs `data`." for name in given if name in ("audio", "sample") and not self.data
        ]
        if self.seconds is not None and not self.seconds > 0:
            found.append(f"`seconds` of a prompt must be > 0, but is {self.seconds}.")
        return found


def prompt_ids(options: PromptOptions, trained: Trained) -> list[int]:
    """`BOS` and what is given, after the marker of its modality; ConfigError for what is no prompt of this model."""
    mistakes = options.mistakes()
    if mistakes:
        raise ConfigError(*mistakes)
    vocab = trained.vocab
    text, units = _content(options, trained)
    if text is not None:
        return [vocab.bos, vocab.text_marker, *trained.tokenizer.encode(text)]
    if units is None:
        return [vocab.bos]
    if vocab.is_text:
        raise ConfigError("A model of text alone reads no speech.")
    if options.seconds is not None:
        units = units[: max(1, round(options.seconds * vocab.sample_rate / vocab.hop))]
    return [vocab.bos, vocab.speech_marker, *trained.unit_ids(units)]


def _content(options: PromptOptions, trained: Trained) -> tuple[str | None, Units | None]:
    if options.text is not None:
        return options.text, None
    if options.units is not None:
        return None, _read_units(options.units, trained)
    if options.data is None:
        return None, None
    from lstdata.loader.corpus import open_run

    run = open_run(options.data)
    trained.check_data(run)
    if options.audio is not None:
        return None, _encode(options.audio, run)
    return _of_sample(options, run) if options.sample is not None else (None, None)


def _of_sample(options: PromptOptions, run: RunFolder) -> tuple[str | None, Units | None]:
    from lstdata.inspection.finding import find_place, read_sample

    sample = read_sample(run.root, find_place(run.root, str(options.sample))).sample
    if sample.tokens is not None:
        return run.tokenizer.decode(sample.tokens.tolist()), None
    if options.sample_as == "speech":
        return None, sample.units
    text = " ".join(sample.words) if sample.words else sample.text
    if not text:
        raise ConfigError(f"The sample `{sample.id}` has no transcript to be given as text.")
    return text, None


def _read_units(path: str, trained: Trained) -> Units:
    """One array of whole numbers; ConfigError where it is none, or one is no unit of the model's."""
    array = read_row(path, "prompt-units")
    check_range(array, trained.vocab.units if trained.pieces is None else trained.pieces.units, path)
    return array.astype(np.uint16)


def _encode(path: str, run: RunFolder) -> Units:
    """A recording's units as a build makes them, on the CPU."""
    from lstdata.audio.reading import check_length, read
    from lstdata.build.folder import read_run
    from lstdata.config import BuildConfig, from_dict
    from lstdata.units import extract
    from lstdata.units.codebook import load_codebook
    from lstdata.units.features import find_features, make_extractor

    card = read_run(run.root)
    path_of_codebook = run.root / "codebook.npz"
    if card is None or not path_of_codebook.exists():
        raise ConfigError(
            f"`{run.root}` has no codebook: its units came from elsewhere, and no recording can be coded."
        )
    features = find_features(from_dict(BuildConfig, card["config"]).units, "cpu")
    codebook = load_codebook(path_of_codebook)
    features.check(codebook, str(path_of_codebook))
    audio = read(path)
    check_length(audio, features.hop)
    return extract(make_extractor(features, codebook), audio.samples)
