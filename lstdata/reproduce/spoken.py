"""Recognition and synthesis after fine-tuning, as `lstdata evaluate --tasks asr,tts` says them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.evaluate.statistics import Interval
from lstdata.storage import read_json

SYNTHESIS: Final = "synthesis"
"""The chapter in which there is something to be heard."""

_STEP: Final = re.compile(r"step-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One that was synthesised; `wav` is where it can be heard, `recognised` what a recogniser made of it."""

    id: str
    text: str
    recognised: str | None
    seconds: float | None
    wav: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A fine-tuned model's answers to one split, at one step of fine-tuning."""

    task: str
    arm: str
    seed: int
    step: int
    asked: str
    """Whose utterances, and of which split."""
    utterances: int
    wer: Interval | None
    """Of synthesis: of what a recogniser heard; None without one."""
    cer: Interval | None
    cut_off: int
    tokens: int
    """Generated."""
    global_steps: int
    local_steps: int
    """Of the global transformer and of the local parts; the baseline's are equal."""
    seconds: float
    prompt_tokens: int
    prompt_positions: int
    seconds_of_speech: float | None = None
    recogniser: str | None = None
    recorded_wer: Interval | None = None
    """Of the same recogniser on the recordings themselves."""
    vocoder: str | None = None
    sentences: tuple[Sentence, ...] = ()


def read_spoken(folder: Path, task: str, arm: str, seed: int) -> Iterator[Spoken]:
    """All evaluations below a folder, by step; none that was made anew when the model had gone on to a later one."""
    found = [_read(path, task, arm, seed) for path in sorted(folder.rglob(f"*-{task}.json"))]
    yield from sorted((one for one in found if one is not None), key=lambda one: one.step)


def _read(path: Path, task: str, arm: str, seed: int) -> Spoken | None:
    row = read_json(path)
    named = _STEP.fullmatch(path.parent.name)
    if named and int(named[1]) != row["step"]:
        return None
    sound = path.with_suffix("")
    return Spoken(
        task=task,
        arm=arm,
        seed=seed,
        step=row["step"],
        asked=f"{Path(row['data']).name} {row['split']}",
        utterances=row["utterances"],
        wer=_interval(row.get("wer")),
        cer=_interval(row.get("cer")),
        cut_off=row.get("cut_off", 0),
        tokens=row["tokens"],
        global_steps=row["global_steps"],
        local_steps=row["local_steps"],
        seconds=row["seconds"],
        prompt_tokens=row["prompt_tokens"],
        prompt_positions=row["prompt_positions"],
        seconds_of_speech=row.get("seconds_of_speech"),
        recogniser=Path(row["recogniser"]).name if row.get("recogniser") else None,
        recorded_wer=_interval(row.get("recorded_wer")),
        vocoder=row.get("vocoder"),
        sentences=tuple(_sentences(sound)) if (sound / "spoken.json").is_file() else (),
    )


def _sentences(folder: Path) -> Iterator[Sentence]:
    for one in read_json(folder / "spoken.json"):
        wav = folder / Path(one["wav"]).name if one.get("wav") else None
        yield Sentence(
            id=one["id"],
            text=one["text"],
            recognised=one.get("recognised"),
            seconds=one.get("seconds"),
            wav=wav if wav is not None and wav.is_file() else None,
        )


def _interval(found: Mapping[str, Any] | None) -> Interval | None:
    return None if found is None else Interval(found["mean"], found["low"], found["high"])
