"""Who speaks what, how fast and how well aligned: the columns of the index, streamed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.records import HEADER_TOLERANCE
from lstdata.report.distribution import Distribution

MOST_NAMES: Final = 10_000
"""Languages and licences that are counted by name; the samples of further ones are counted together, as `OTHERS`."""

OTHERS: Final = "(all others)"

MOST_SPEAKERS: Final = 1_000_000
"""Beyond so many, speakers are no longer told apart."""


@dataclass(slots=True)
class Part:
    """The samples of one language, or under one licence."""

    samples: int = 0
    seconds: float = 0.0
    text_bytes: int = 0


Parts = defaultdict[str | None, Part]
"""By name; None: not named."""


@dataclass
class Corpus:
    """Exact, of all samples."""

    seconds: Distribution = field(default_factory=lambda: Distribution(0.1))
    """Of utterances."""
    text_tokens: Distribution = field(default_factory=Distribution)
    """Of documents of text."""
    words_per_second: Distribution = field(default_factory=lambda: Distribution(0.05))
    align_score: Distribution = field(default_factory=lambda: Distribution(0.01))
    header_error: Distribution = field(default_factory=lambda: Distribution(0.001))
    """Seconds between what a file's header promised and what was decoded, where it promised anything."""
    header_mismatches: int = 0
    """Samples of which that is more than the tolerance."""
    interpolated: int = 0
    """Words whose times are no finding, but lie between those of their neighbours."""
    languages: Parts = field(default_factory=lambda: defaultdict(Part))
    licenses: Parts = field(default_factory=lambda: defaultdict(Part))
    named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Speakers by split."""
    speakers: set[str] = field(default_factory=set)

    def add_index(self, batch: Mapping[str, NDArray[Any]]) -> None:
        seconds = batch["seconds"].astype(np.float64)
        error = np.abs(batch["header_seconds"].astype(np.float64) - seconds)
        words = batch["words"].astype(np.float64)
        self.header_error.add(error)
        self.header_mismatches += int((error > HEADER_TOLERANCE).sum())
        self.interpolated += int(np.nansum(batch["interpolated"].astype(np.float64)))
        self.seconds.add(seconds[seconds > 0])
        self.text_tokens.add(batch["text_tokens"].astype(np.float64))
        self.words_per_second.add(words[seconds > 0] / seconds[seconds > 0])
        self.align_score.add(batch["align_score"].astype(np.float64))
        written = np.nan_to_num(batch["text_bytes"].astype(np.float64))
        _add_parts(self.languages, batch["language"], seconds, written)
        _add_parts(self.licenses, batch["license"], seconds, written)
        if not self.many_speakers:
            for speaker, split in set(zip(batch["speaker"].tolist(), batch["split"].tolist(), strict=True)):
                if speaker is not None:
                    self.named[split].add(speaker)
                    self.speakers.add(speaker)

    @property
    def many_speakers(self) -> bool:
        """Whether there are more than are counted."""
        return len(self.speakers) >= MOST_SPEAKERS


def _add_parts(
    parts: Parts, names: NDArray[np.object_], seconds: NDArray[np.float64], written: NDArray[np.float64]
) -> None:
    kinds: dict[str | None, int] = {}
    places = np.array([kinds.setdefault(name, len(kinds)) for name in names.tolist()], dtype=np.int64)
    counts, lengths, sizes = (np.bincount(places, weights=w, minlength=len(kinds)) for w in (None, seconds, written))
    for name, samples, length, size in zip(kinds, counts.tolist(), lengths.tolist(), sizes.tolist(), strict=True):
        part = parts[name if name in parts or len(parts) < MOST_NAMES else OTHERS]
        part.samples += samples
        part.seconds += length
        part.text_bytes += int(size)
