"""One look through the source before anything is transcribed."""

from __future__ import annotations

from dataclasses import dataclass

from lstdata.source_table import ScanFingerprint, row_fingerprint
from lstdata.sources import Source
from lstdata.transcribe.batches import wants_transcript
from lstdata.transcribe.config import TranscribeConfig


@dataclass(frozen=True)
class Survey:
    """What there is to do."""

    records: int
    wanted: int
    """Records that want a transcript."""
    seconds: float
    """Of those, as far as the source knows."""
    fingerprint: str
    """Changes with anything the source says of any record."""


def look_through(source: Source, config: TranscribeConfig) -> Survey:
    records, wanted, seconds, fingerprint = 0, 0, 0.0, ScanFingerprint()
    for row in source.scan():
        fingerprint.add(row_fingerprint(row))
        records += 1
        if wants_transcript(row, config):
            wanted += 1
            seconds += row.duration or 0.0
    return Survey(records, wanted, seconds, str(fingerprint))
