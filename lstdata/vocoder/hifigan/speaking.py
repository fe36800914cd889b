"""A unit HiFi-GAN as a vocoder: found, checked, and speaking in one voice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from lstdata.checkpoints.loading import exact_arithmetic
from lstdata.errors import ConfigError
from lstdata.records import Waveform
from lstdata.storage import read_json
from lstdata.vocab import VocabCard
from lstdata.vocoder.hifigan.description import Description, read_description
from lstdata.vocoder.hifigan.generator import Generator
from lstdata.vocoder.hifigan.weights import fit_weights, read_weights

CONFIG: Final = "config.json"
_WEIGHTS: Final = ("*.pt", "*.pth", "*.bin", "g_*")
_BLOCK: Final = 250
"""Units at a time, for bounded memory."""


@dataclass(frozen=True, eq=False)
class UnitHifiGan:
    """One voice of a checkpoint; satisfies `lstdata.vocoder.Vocoder`."""

    path: str
    shape: Description
    generator: Generator
    device: str
    speaker: int | None
    style: int | None
    voice: str
    """How speaker and style were asked for."""
    predict_durations: bool
    """Whether units are merged where equal ones follow one another, and last as long as the checkpoint thinks."""

    @property
    def name(self) -> str:
        durations = ", durations predicted" if self.predict_durations else ""
        return f"unit HiFi-GAN `{Path(self.path).parent.name}/{Path(self.path).name}`{self.voice}{durations}"

    @property
    def rate(self) -> int:
        return self.shape.sampling_rate

    def check(self, vocab: VocabCard) -> None:
        """By number and length alone: a checkpoint does not say which codebook its units are of."""
        if vocab.hop * self.rate != self.shape.hop * vocab.sample_rate:
            raise ConfigError(
                f"`{self.path}` speaks {self.rate / self.shape.hop:g} units a second, but these are "
                f"{vocab.sample_rate / vocab.hop:g} a second."
            )
        if vocab.pieces_sha256 is None and not vocab.units <= self.shape.num_embeddings <= vocab.units + 1:
            raise ConfigError(
                f"`{self.path}` speaks {self.shape.num_embeddings} units, but these are of {vocab.units}."
            )

    def speak(self, units: NDArray[np.integer]) -> Waveform:
        """As long as the units, unless durations are predicted."""
        known = self.shape.num_embeddings
        if len(units) and not 0 <= units.min() <= units.max() < known:
            raise ConfigError(f"`{self.path}` speaks the units 0…{known - 1}, but not {units.min()}…{units.max()}.")
        with exact_arithmetic():
            units_N = torch.from_numpy(units.astype(np.int64)).to(self.device)
            if self.predict_durations and len(units_N):
                units_N = torch.unique_consecutive(units_N)
                units_N = units_N.repeat_interleave(self.generator.durations(units_N))
            parts = [self._part(units_N, first) for first in range(0, len(units_N), _BLOCK)]
            return torch.cat([torch.zeros(0), *parts]).numpy()

    def _part(self, units_N: torch.Tensor, first: int) -> torch.Tensor:
        """The sound of a block, with as many units on either side as it may depend on."""
        last, begin = min(first + _BLOCK, len(units_N)), max(0, first - self.shape.reach)
        sound: torch.Tensor = self.generator(units_N[begin : last + self.shape.reach], self.speaker, self.style)
        return sound[(first - begin) * self.shape.hop :][: (last - first) * self.shape.hop].cpu()


def open_hifigan(path: str, *, speaker: str | None, style: str | None, predict_durations: bool) -> UnitHifiGan:
    """A checkpoint, or the only one in a folder, with its config.json beside it; the first voice where none is named.

    ConfigError for what is none, or is conditioned on what cannot be given.
    """
    file = _find(Path(path))
    described = _beside(file, CONFIG)
    try:
        said = read_json(described)
    except FileNotFoundError as error:
        raise ConfigError(f"`{file}` needs the {CONFIG} that it was trained with beside it.") from error
    except ValueError as error:
        raise ConfigError(f"`{described}` is no JSON: {error}.") from error
    shape = read_description(said, str(described))
    if predict_durations and shape.predictor is None:
        raise ConfigError(f"`{file}` cannot predict durations: its {CONFIG} has no `dur_predictor_params`.")
    speaker_number, speaker_said = _chosen("speaker", speaker, shape.speakers, file)
    style_number, style_said = _chosen("style", style, shape.styles, file)
    with torch.device("meta"):
        generator = Generator(shape)
    fit_weights(generator, read_weights(str(file)), str(file))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return UnitHifiGan(
        str(file),
        shape,
        generator.eval().to(device),
        device,
        speaker=speaker_number,
        style=style_number,
        voice=speaker_said + style_said,
        predict_durations=predict_durations,
    )


def _find(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"the vocoder `{path}` does not exist.")
    if path.is_file():
        return path
    found = sorted({file for pattern in _WEIGHTS for file in path.glob(pattern) if file.is_file()})
    if len(found) != 1:
        named = ", ".join(file.name for file in found) or "none"
        raise ConfigError(f"`{path}` must hold one checkpoint ({', '.join(_WEIGHTS)}), but has {named}: name the file.")
    return found[0]


def _beside(file: Path, name: str) -> Path:
    """What belongs to a checkpoint: by its plain name, or, as textlesslib keeps them, after that of the checkpoint."""
    kept = [file.with_name(f"{file.name.removesuffix('generator.pt')}{name}"), file.with_name(f"{file.stem}_{name}")]
    return next((path for path in kept if path.exists()), file.with_name(name))


def _chosen(what: str, asked: str | None, count: int, file: Path) -> tuple[int | None, str]:
    """The number of a speaker or style, and how it is said; names are lines of speakers.txt or styles.txt."""
    if not count:
        if asked is not None:
            raise ConfigError(f"`{file}` was trained without {what}s: `--{what}` cannot be chosen.")
        return None, ""
    names = _names(_beside(file, f"{what}s.txt"))
    wanted = "0" if asked is None else asked
    number = names.index(wanted) if wanted in names else int(wanted) if wanted.isdecimal() else count
    if number >= count:
        listed = f" or one of {', '.join(names[:8])}{' …' if len(names) > 8 else ''}" if names else ""
        raise ConfigError(f"`--{what}` must be a number from 0 to {count - 1}{listed}, but is {json.dumps(wanted)}.")
    called = f" ({names[number]})" if number < len(names) else ""
    return number, f", {what} {number}{called} of {count}"


def _names(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise ConfigError(f"`{path}` must be UTF-8, a name in each line: {error}.") from error
