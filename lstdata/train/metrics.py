"""What is published of each step: its figures, its speed, and the totals of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import torch
from fairseq2.datasets import DataReader

from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig
from lstdata.model.flops import Work, training_flops

COUNTS: Final = ("targets_text", "targets_units", "tokens", "positions", "total_tokens", "total_positions")
MEANS: Final = (
    *("loss", "loss_text", "loss_units", "bits_per_second", "epochs"),
    *("tokens_per_second", "positions_per_second", "seconds", "data_wait", "mfu"),
    *("saved_positions", "padding_share", "continued_share", "flops", "total_flops"),
)
"""In the order in which they are written."""


@dataclass
class Totals:
    """Of a run since its first step, whoever took the steps."""

    total_tokens: int = 0
    total_positions: int = 0
    total_flops: float = 0.0

    @classmethod
    def read(cls, out: Path) -> Self:
        """As the last published step left them; nothing where none is published."""
        path = out / "metrics" / "train.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        last = json.loads(lines[-1]) if lines else {}
        return cls(**{field.name: last.get(field.name, field.default) for field in fields(cls)})

    def add(self, work: Work, flops: float) -> dict[str, object]:
        self.total_tokens += int(work.tokens)
        self.total_positions += int(work.positions)
        self.total_flops += flops
        return dict(vars(self))


class TimedReader(DataReader[Batch]):
    """A reader that says when it was last asked for batches, and for how long it was waited for."""

    def __init__(self, reader: DataReader[Batch]) -> None:
        self._reader = reader
        self.asked = time.monotonic()
        self.waited = 0.0

    def __iter__(self) -> Iterator[list[Batch]]:
        return self

    def __next__(self) -> list[Batch]:
        self.asked = time.monotonic()
        batches: list[Batch] = next(self._reader)
        self.waited = time.monotonic() - self.asked
        return batches

    def reset(self) -> None:
        self._reader.reset()

    def state_dict(self) -> dict[str, object]:
        state: dict[str, object] = self._reader.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._reader.load_state_dict(state_dict)

    @property
    def num_accumulate(self) -> int:
        return int(self._reader.num_accumulate)


@dataclass
class Pace:
    """How fast training goes; `peak`: FLOP/s of all processes' devices together, where it is known."""

    model: ModelConfig
    reader: TimedReader
    totals: Totals
    peak: float | None = None

    def figures(self, work: Work) -> dict[str, object]:
        """Of the step that has just ended: it began when its batches were asked for."""
        seconds = max(time.monotonic() - self.reader.asked, 1e-9)
        flops = training_flops(self.model, work)
        rates: dict[str, object] = {
            "seconds": seconds,
            "tokens_per_second": work.tokens / seconds,
            "positions_per_second": work.positions / seconds,
            "flops": flops,
            **self.totals.add(work, flops),
        }
        return rates if self.peak is None else rates | {"mfu": flops / seconds / self.peak}


def device_peak(precision_is_bfloat16: bool, processes: int) -> float | None:
    """FLOP/s of all processes' GPUs, taken to be alike; None where it is not known."""
    from lstdata.train.peaks import bfloat16_peak

    if not (precision_is_bfloat16 and torch.cuda.is_available()):
        return None
    peak = bfloat16_peak(torch.cuda.get_device_name())
    return None if peak is None else peak * processes
