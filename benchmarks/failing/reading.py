"""What a reader gets of what a build has left: of each library's output by its own reader."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logging.disable(logging.WARNING)


@dataclass(frozen=True)
class Kept:
    """How often each record is read, whole; what the reader raised, if anything."""

    records: Counter[str]
    fault: str = ""

    def __str__(self) -> str:
        twice = sum(count > 1 for count in self.records.values())
        parts = [str(len(self.records))] + [f"{twice} of them twice"] * bool(twice) + [self.fault] * bool(self.fault)
        return ", ".join(parts)


def read_tars(folder: Path) -> Kept:
    """By WebDataset's reader, in the order of names."""
    from webdataset import WebDataset

    records: Counter[str] = Counter()
    tars = sorted(str(path) for path in folder.glob("*.tar"))
    if not tars:
        return Kept(records)
    try:
        for sample in WebDataset(tars, shardshuffle=False, empty_check=False):
            members = {name.partition(".")[0] for name in sample if not name.startswith("__")}
            records[sample["__key__"]] += len(members) > 1
    except Exception as error:
        return Kept(+records, type(error).__name__)
    return Kept(+records)


def read_shar(folder: Path) -> Kept:
    """By lhotse's reader, cuts with their audio."""
    from lhotse import CutSet

    records: Counter[str] = Counter()
    try:
        for cut in CutSet.from_shar(in_dir=folder):
            expected: Any = cut.supervisions[0].recording_id
            cut.load_audio()
            records[expected] += 1
    except Exception as error:
        return Kept(records, type(error).__name__)
    return Kept(records)
