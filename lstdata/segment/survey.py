"""A first look through a source: how much there is to segment. No audio is read."""

from __future__ import annotations

from dataclasses import dataclass

from lstdata.config import SegmentConfig
from lstdata.segment.recording import needs_word_times
from lstdata.source_row import SourceRow
from lstdata.source_table import ScanFingerprint, row_fingerprint
from lstdata.sources import Source


@dataclass(frozen=True)
class Survey:
    records: int
    seconds: float
    """Of the records whose length is known."""
    long: int
    """Records that are known to be longer than `segment.longer_than`."""
    long_seconds: float
    unknown: int
    """Records whose length is known only when they have been decoded."""
    needing_word_times: int
    """Long ones with a transcript that cannot be cut with them: they will be rejected."""
    to_be_aligned: int
    """Those, and the ones of unknown length, where an aligner divides transcripts: none will be rejected for that."""
    fingerprint: str

    def describe(self) -> str:
        """One line for a person."""
        more = f", {self.unknown} of unknown length" if self.unknown else ""
        more += (
            f"; {self.needing_word_times} have no word times and will be rejected" if self.needing_word_times else ""
        )
        more += f"; {self.to_be_aligned} have no word times and will be aligned" if self.to_be_aligned else ""
        return (
            f"{self.long} of {self.records} records ({self.long_seconds / 3600:.2f} of {self.seconds / 3600:.2f} h) "
            f"to be segmented{more}"
        )


def look_through(source: Source, config: SegmentConfig, *, divides: bool = False) -> Survey:
    """`divides`: whether transcripts without word times are aligned."""
    records = long = unknown = lacking = to_be_aligned = 0
    total = long_total = 0.0
    fingerprint = ScanFingerprint()
    for row in source.scan():
        fingerprint.add(row_fingerprint(row))
        records += 1
        seconds = known_seconds(row)
        total += seconds or 0.0
        if row.reject is not None:
            continue
        unknown += seconds is None
        to_be_aligned += divides and needs_word_times(row) and not is_short(row, config)
        if seconds is not None and seconds > config.longer_than:
            long += 1
            long_total += seconds
            lacking += needs_word_times(row) and not divides
    return Survey(records, total, long, long_total, unknown, lacking, to_be_aligned, str(fingerprint))


def known_seconds(row: SourceRow) -> float | None:
    """A row's length as its source or its locator states it."""
    place = row.locator
    if row.duration is None and place.end is not None and place.rate:
        return (place.end - (place.start or 0)) / place.rate
    return row.duration


def is_short(row: SourceRow, config: SegmentConfig) -> bool:
    """Whether a row is known to need no segmenting."""
    seconds = known_seconds(row)
    return seconds is not None and seconds <= config.longer_than
