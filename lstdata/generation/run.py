"""From options to what is said of each sample that was generated."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.generation.prompts import PromptOptions, prompt_ids
from lstdata.model.generation import Generated, Limits, generate
from lstdata.model.sampling import Sampling
from lstdata.model.spans import Language, Span, Wanted
from lstdata.storage import commit_bytes
from lstdata.train.trained import Trained, open_trained
from lstdata.vocoder import Vocoder, open_vocoder
from lstdata.vocoder.sound import write_speech


@dataclass(frozen=True, kw_only=True)
class Asked:
    """All of `lstdata generate`."""

    run: Path
    prompt: PromptOptions
    wanted: Wanted
    sampling: Sampling
    limits: Limits
    samples: int = 1
    """Drawn from the same prompt, at once."""
    out: Path | None = None
    """Where the units of each go; see `numbered`."""
    vocoder: str | None = None
    """What speaks them; see `open_vocoder`."""
    speaker: str | None = None
    style: str | None = None
    wav: Path | None = None
    """Where the sound of each goes."""

    def mistakes(self) -> list[str]:
        found = [*self.sampling.mistakes(), *self.limits.mistakes(), *self.prompt.mistakes()]
        if self.samples < 1:
            found.append(f"`samples` must be ≥ 1, but is {self.samples}.")
        if self.out is not None and self.out.suffix != ".npy":
            found.append(f"`out` must end in .npy, but is `{self.out}`.")
        if self.wav is not None and self.wav.suffix != ".wav":
            found.append(f"`wav` must end in .wav, but is `{self.wav}`.")
        if (self.wav is None) != (self.vocoder is None):
            found.append("`vocoder` and `wav` are given together: what speaks, and where its sound goes.")
        if self.vocoder is None and (self.speaker is not None or self.style is not None):
            found.append("`speaker` and `style` are of a `vocoder`, but none is given.")
        return found


def run_generation(asked: Asked) -> dict[str, Any]:
    """Open the run, generate, write units where that is asked for, and say what came; ConfigError for wrong options."""
    mistakes = asked.mistakes()
    if mistakes:
        raise ConfigError(*mistakes)
    trained = open_trained(asked.run)
    vocoder = _vocoder(asked, trained)
    prompt = prompt_ids(asked.prompt, trained)
    language = Language(trained.vocab, trained.tokenizer.special, trained.frames())
    begun = time.monotonic()
    made = generate(
        trained.model,
        language,
        [prompt] * asked.samples,
        patch_size=trained.patching.patch_size,
        wanted=asked.wanted,
        sampling=asked.sampling,
        limits=asked.limits,
    )
    seconds = time.monotonic() - begun
    samples = [_described(one, trained) for one in made]
    for path, one, said in zip(numbered(asked.out, len(made)), made, samples, strict=bool(asked.out)):
        commit_bytes(path, _npy(one.spans, trained))
        said["out"] = str(path)
    for path, one, said in zip(numbered(asked.wav, len(made)), made, samples, strict=bool(asked.wav)):
        if vocoder is not None:
            units = _units(one.spans, trained)
            said["wav"] = str(path) if len(units) else None
            if len(units):
                write_speech(vocoder, units, path)
    steps, baseline = (sum(getattr(one, name) for one in made) for name in ("global_steps", "local_steps"))
    return {
        "run": str(asked.run),
        "step": trained.step,
        "prompt_tokens": len(prompt),
        "samples": samples,
        "global_steps": steps,
        "local_steps": baseline,
        "saved": 1 - steps / baseline if baseline else 0.0,
        "seconds": seconds,
        **({} if vocoder is None else {"vocoder": vocoder.name}),
    }


def numbered(out: Path | None, count: int) -> list[Path]:
    """A file of each sample: `out`, or of several samples FILE-0.npy, FILE-1.npy, …"""
    if out is None or count == 1:
        return [] if out is None else [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(count)]


def lines(said: dict[str, Any]) -> list[str]:
    """For people: of each sample its spans and what they took, and the whole's steps."""
    shown = []
    for number, sample in enumerate(said["samples"]):
        shown.append(
            f"sample {number} · {sample['tokens']} tokens, {sample['seconds']:g} s of speech · {sample['end']}"
        )
        for span in sample["spans"]:
            shown.append(f"  {span['kind']:<8}{span['text'] if span['kind'] == 'text' else _repeated(span['units'])}")
        if "wav" in sample:
            shown.append(f"  {'sound':<8}{sample['wav'] or 'none, as there is no speech'}")
    shown.append(
        f"{said['global_steps']} global steps for {said['local_steps']} tokens, {said['saved']:.0%} fewer than the "
        f"baseline · {said['seconds']:.1f} s"
    )
    if "vocoder" in said:
        shown.append(f"sound by the {said['vocoder']}")
    return shown


def _vocoder(asked: Asked, trained: Trained) -> Vocoder | None:
    """What speaks the model's units; ConfigError where it speaks others."""
    if asked.vocoder is None:
        return None
    if trained.vocab.is_text:
        raise ConfigError("A model of text alone has no units to speak.")
    vocoder = open_vocoder(asked.vocoder, speaker=asked.speaker, style=asked.style)
    vocoder.check(trained.vocab)
    return vocoder


def _described(one: Generated, trained: Trained) -> dict[str, Any]:
    return {
        "tokens": len(one.tokens),
        "end": one.ended,
        "seconds": one.seconds,
        "global_steps": one.global_steps,
        "local_steps": one.local_steps,
        "spans": [
            {"kind": "text", "text": trained.tokenizer.decode(span.ids)}
            if span.kind == "text"
            else {"kind": "speech", "units": trained.units(span.ids).tolist()}
            for span in one.spans
        ],
    }


def _npy(spans: Sequence[Span], trained: Trained) -> bytes:
    made = io.BytesIO()
    np.save(made, _units(spans, trained))
    return made.getvalue()


def _units(spans: Sequence[Span], trained: Trained) -> NDArray[np.uint16]:
    """Of all spans of speech in order."""
    units = [trained.units(span.ids) for span in spans if span.kind == "speech"]
    return np.concatenate([np.zeros(0, dtype=np.uint16), *units])


def _repeated(units: Sequence[int]) -> str:
    """Unit ids in order; 12×3 is three times unit 12."""
    runs = [(unit, len(list(same))) for unit, same in groupby(units)]
    return " ".join(f"{unit}×{count}" if count > 1 else f"{unit}" for unit, count in runs)
