"""What a training run says of itself: its size, what it took, and its losses on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.config import from_dict
from lstdata.model.config import ModelConfig
from lstdata.model.parameters import count_parameters
from lstdata.storage import read_json

POINTS: Final = 60
"""Of the curve of losses in training, at most; each is a mean over as many steps as the others."""

MODALITIES: Final = ("units", "text")


@dataclass(frozen=True, slots=True)
class Reached:
    """What a run had taken when a step ended, since its first; `seconds` are those of steps, without validation."""

    step: int
    positions: int
    tokens: int
    flops: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss in nats per token, by modality where it had tokens, at what had been reached."""

    at: Reached
    loss: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A run of `lstdata train`, finished or not."""

    end: Reached
    finished: bool
    strategy: str
    patched: bool
    """Several tokens may share a position: no baseline."""
    pieces: bool
    """A token of speech is a piece of several units: neither tokens nor their losses are counted as others' are."""
    parameters: int
    held_out: tuple[Loss, ...]
    smoothed: tuple[Loss, ...]
    """In training, means over consecutive steps."""

    @property
    def saved_positions(self) -> float | None:
        """1 − positions / raw tokens; None where tokens are no raw ones."""
        return None if self.pieces or not self.end.tokens else 1 - self.end.positions / self.end.tokens


def read_training(run: Path) -> Training | None:
    """None where there is no run yet, or none of its steps has ended."""
    if not (run / "train.json").is_file():
        return None
    card = read_json(run / "train.json")
    steps = list(read_lines(run / "metrics" / "train.jsonl"))
    if not steps:
        return None
    reached = _reached(steps)
    end, config = reached[-1], card["config"]
    asked = [(end.step, config["steps"]), (end.tokens, config["tokens"])]
    return Training(
        end=end,
        finished=any(least is not None and got >= least for got, least in asked),
        strategy=config["patching"]["strategy"],
        patched=card["model"]["architecture"] == "lst",
        pieces=card["vocab"].get("pieces_sha256") is not None,
        parameters=count_parameters(from_dict(ModelConfig, card["model"])),
        held_out=_held_out(run / "metrics", {one.step: one for one in reached}),
        smoothed=_smoothed(steps, reached),
    )


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; none where there is no file. A line that is still being written is none."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def _reached(steps: Sequence[Mapping[str, Any]]) -> list[Reached]:
    found, seconds = [], 0.0
    for line in steps:
        seconds += line["seconds"]
        totals = (line["total_positions"], line["total_tokens"], line["total_flops"])
        found.append(Reached(line["Step"], *totals, seconds))
    return found


def _held_out(metrics: Path, reached: Mapping[int, Reached]) -> tuple[Loss, ...]:
    """Of one folder's validation or of several: units as in the first that has them, text as in the last.

    Text alone, where there is some, says more of text than the spans of it between speech.
    """
    alone = metrics / "valid.jsonl"
    files = [alone] if alone.is_file() else sorted((metrics / "valid").glob("*.jsonl"))
    found: dict[int, dict[str, float]] = {}
    for path in files:
        for line in read_lines(path):
            of_step = found.setdefault(line["Step"], {})
            units, text = line.get("loss_units"), line.get("loss_text")
            if units is not None:
                of_step.setdefault("units", units)
            if text is not None and (units is None or "text" not in of_step):
                of_step["text"] = text
    return tuple(Loss(reached[step], found[step]) for step in sorted(found) if step in reached)


def _smoothed(steps: Sequence[Mapping[str, Any]], reached: Sequence[Reached]) -> tuple[Loss, ...]:
    size = -(-len(steps) // POINTS)
    found = []
    for first in range(0, len(steps) - size + 1, size):
        some = steps[first : first + size]
        means = {}
        for name in ("loss", *(f"loss_{modality}" for modality in MODALITIES)):
            values = [line[name] for line in some if line.get(name) is not None]
            if values:
                means[name.removeprefix("loss_")] = sum(values) / len(values)
        found.append(Loss(reached[first + size - 1], means))
    return tuple(found)
