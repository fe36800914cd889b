"""A source's rows on disk between its scan and the plan: written as they come, read back in the plan's order.

Both ways are sequential and in pieces, so that time grows with the rows and memory hardly does.
"""

from __future__ import annotations

import math
import os
import secrets
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lstdata.build.arrange import REJECTED, USABLE, Scanned
from lstdata.build.plan_table import UNKNOWN_SECONDS
from lstdata.randomness import hash64
from lstdata.source_row import Locator, SourceRow
from lstdata.source_table import ROW_SCHEMA, ScanFingerprint, flat_row, row_fingerprint
from lstdata.sources import Source
from lstdata.storage import TEMPORARY, is_local

if TYPE_CHECKING:
    from lstdata.storage import AnyPath

_BATCH = 4096
"""Rows that are spilled together."""

_DEALT = 256
"""Rows, on average, that are dealt to a bucket together."""

Members = NDArray[np.int64]
"""Rows by their number in the scan."""


@dataclass(frozen=True, eq=False)
class Spilled:
    """All rows of a scan, in its order."""

    scanned: Scanned
    fingerprint: str
    """Of the whole scan."""
    path: Path

    def parts(self, parts: Sequence[Members]) -> Generator[pa.Table]:
        """The rows of each part, in its order; no row is in two of them.

        Rows are dealt into as many buckets as there are pieces of the result, then each bucket is put in order.
        """
        piece = self._rows_of_a_piece()
        buckets = list(_buckets(parts, piece))
        dealt = self.path.with_name(f"{self.path.name}-dealt")
        try:
            where = self._deal(dealt, [np.concatenate(bucket) for bucket in buckets], piece)
            with pa.OSFile(str(dealt)) as file, pa.ipc.open_file(file) as reader:
                for bucket, batches in zip(buckets, where, strict=True):
                    found = pa.Table.from_batches([reader.get_batch(number) for number in batches], ROW_SCHEMA)
                    members = np.concatenate(bucket)
                    as_dealt = np.lexsort((np.arange(len(members)), members // piece))
                    rows = found.take(np.argsort(as_dealt))
                    start = 0
                    for part in bucket:
                        yield rows.slice(start, len(part)).combine_chunks()
                        start += len(part)
        finally:
            dealt.unlink(missing_ok=True)

    def _rows_of_a_piece(self) -> int:
        """Whole batches of the scan; n pieces make n² dealt ones, which are not to become small."""
        return max(1, math.isqrt(_DEALT * len(self.scanned.ids)) // _BATCH) * _BATCH

    def _deal(self, path: Path, buckets: Sequence[Members], piece: int) -> list[list[int]]:
        """Write the rows of each bucket in batches of their own, by piece of the scan; the batches of each bucket."""
        place = np.full(len(self.scanned.ids), -1)
        place[np.concatenate([*buckets, np.zeros(0, np.int64)])] = np.arange(sum(map(len, buckets)))
        edges = np.cumsum([0, *map(len, buckets)])
        where: list[list[int]] = [[] for _ in buckets]
        written = 0
        with (
            pa.OSFile(str(self.path)) as file,
            pa.ipc.open_file(file) as reader,
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, ROW_SCHEMA) as writer,
        ):
            for first in range(0, len(place), piece):
                last = min(first + piece, len(place))
                batches = range(first // _BATCH, -(-last // _BATCH))
                order = np.argsort(place[first:last], kind="stable")
                bounds = np.searchsorted(place[first:last][order], edges)
                if bounds[0] == bounds[-1]:
                    continue
                rows = pa.Table.from_batches([reader.get_batch(number) for number in batches], ROW_SCHEMA)
                rows = rows.take(order).combine_chunks()
                for bucket in np.flatnonzero(np.diff(bounds)).tolist():
                    start, end = bounds[bucket : bucket + 2].tolist()
                    for batch in rows.slice(start, end - start).to_batches():
                        writer.write_batch(batch)
                        where[bucket].append(written)
                        written += 1
        return where


def _buckets(parts: Sequence[Members], piece: int) -> Iterator[list[Members]]:
    """Neighbouring parts of about a piece together."""
    bucket: list[Members] = []
    rows = 0
    for part in parts:
        bucket.append(part)
        rows += len(part)
        if rows >= piece:
            yield bucket
            bucket, rows = [], 0
    if bucket:
        yield bucket


@contextmanager
def spilling(source: Source, beside: AnyPath) -> Iterator[Spilled]:
    """Scan a source into a temporary file beside a local path, or where temporary files go, while the context lasts."""
    if is_local(beside):
        beside.parent.mkdir(parents=True, exist_ok=True)
    folder = beside.parent if is_local(beside) else tempfile.gettempdir()
    path = Path(folder) / f"scan{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield Spilled(*_spill(source, path), path)
    finally:
        path.unlink(missing_ok=True)


def _spill(source: Source, path: Path) -> tuple[Scanned, str]:
    scanned = Scanned()
    split_codes: dict[str, int] = {}
    fingerprint = ScanFingerprint()
    batch: list[dict[str, Any]] = []
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        for row in source.scan():
            described = row_fingerprint(row)
            fingerprint.add(described)
            scanned.ids.append(hash64(row.id))
            recording = _remembered(row.recording)
            scanned.recordings.append(recording)
            scanned.blocks.append(recording if row.locator.row_group is None else _remembered(_group(row.locator)))
            scanned.speakers.append(0 if row.speaker is None else _remembered(row.speaker) | 1)
            scanned.sizes.append(_size(row))
            scanned.is_text |= row.text_bytes is not None
            scanned.splits.append(-1 if row.split is None else split_codes.setdefault(row.split, len(split_codes)))
            scanned.verdicts.append(USABLE if row.reject is None else REJECTED)
            scanned.fingerprints.append(int(described, 16))
            batch.append(flat_row(row, described))
            if len(batch) == _BATCH:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=ROW_SCHEMA))
                batch.clear()
        if batch:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=ROW_SCHEMA))
    scanned.split_names = list(split_codes)
    return scanned, str(fingerprint)


def _size(row: SourceRow) -> float:
    """Bytes of text, or seconds of audio."""
    if row.text_bytes is not None:
        return row.text_bytes
    return UNKNOWN_SECONDS if row.duration is None else row.duration


def _group(place: Locator) -> str:
    """What is best read in one go."""
    return f"{place.path}\n{place.row_group}"


_remembered = lru_cache(maxsize=4096)(hash64)
"""Of names that come again and again."""
