"""Whether ids and keys are unique in the whole run, in little memory: hashes find candidates, the names themselves say.

What does not fit into memory is kept as sorted files of (hash, place), of which one range of hashes after another is
laid side by side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.index import INDEX_SCHEMA, read_table

ROOM: Final = 1 << 22
"""Hashes that are in memory at once."""

MOST_LINES: Final = 1000
"""That are said of repeated names."""

_COLUMNS: Final = ("id", "key")
_KEY_SALT: Final = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


def name_hashes(rows: pa.Table) -> bytes:
    """8 bytes for the id of each row of an index, then 8 for each key; equal on every machine."""
    hashes = np.concatenate([text_hashes(rows["id"]), text_hashes(rows["key"]) ^ _KEY_SALT])
    return hashes.astype("<u8").tobytes()


def text_hashes(texts: pa.ChunkedArray) -> Hashes:
    """(rows,) multilinear hashes of strings: two that differ have the same once in 2⁵⁷ pairs. Null is as empty."""
    if not len(texts):
        return np.zeros(0, dtype=np.uint64)
    column = texts.combine_chunks().cast(pa.large_string()).fill_null("")
    _, bounds, data = column.buffers()
    ends = np.frombuffer(bounds, np.int64)[column.offset : column.offset + len(column) + 1]
    lengths = np.diff(ends)
    letters = np.frombuffer(data or b"", np.uint8)[ends[0] : ends[-1]].astype(np.uint64) + np.uint64(1)
    place = np.arange(len(letters)) - np.repeat(ends[:-1] - ends[0], lengths)
    sums = np.zeros(len(letters) + 1, dtype=np.uint64)
    np.cumsum(letters * _factors(int(lengths.max()))[place], out=sums[1:])
    hashes: Hashes = sums[ends[1:] - ends[0]] - sums[ends[:-1] - ends[0]]
    return hashes


class Uniqueness:
    """Of the ids and keys of shards that are added one after another, in the plan's order."""

    def __init__(self, out: UPath, names: Sequence[str], room: int = ROOM) -> None:
        """`names` are those of all shards of the plan."""
        self._out, self._names, self._room = out, names, room
        self._waiting: list[tuple[Hashes, Hashes]] = []
        self._count = 0
        self._runs: list[tuple[Hashes, Hashes]] = []
        """Sorted by hash: hashes, and the places at which they were met."""
        self._folder: Path | None = None
        self._open = ExitStack()
        self._names_of = lru_cache(maxsize=2)(self._read_names)

    def __enter__(self) -> Uniqueness:
        return self

    def __exit__(self, *exception: object) -> None:
        self._runs.clear()
        self._open.close()

    def add(self, number: int, hashes: bytes) -> None:
        """What `name_hashes` gave of the shard of this number."""
        values = np.frombuffer(hashes, "<u8").astype(np.uint64)
        rows = np.arange(len(values) // 2, dtype=np.uint64) << np.uint64(1)
        places = np.concatenate([rows, rows | np.uint64(1)]) | np.uint64(number << 32)
        self._waiting.append((values, places))
        self._count += len(values)
        if self._count >= self._room:
            self._settle(on_disk=True)

    def repeated(self) -> Iterator[str]:
        """One line for each sample whose id or key an earlier one has, up to a limit, in the plan's order."""
        self._settle(on_disk=False)
        found = [place for places in self._candidates() for place in self._really_repeated(places)]
        found.sort(key=lambda place: (place & 1, place))
        for place in found[:MOST_LINES]:
            shard = self._names[place >> 32]
            yield f"shard {shard}: sample {_COLUMNS[place & 1]} `{self._name(place)}` is in the run twice."
        if len(found) > MOST_LINES:
            yield f"{len(found) - MOST_LINES} more ids and keys are in the run twice."

    def _settle(self, *, on_disk: bool) -> None:
        """Sort what is waiting, and keep it."""
        if not self._waiting:
            return
        values, places = (np.concatenate(arrays) for arrays in zip(*self._waiting, strict=True))
        order = np.argsort(values)
        self._waiting, self._count = [], 0
        values, places = values[order], places[order]
        self._runs.append((self._kept(values), self._kept(places)) if on_disk else (values, places))

    def _kept(self, array: Hashes) -> Hashes:
        if self._folder is None:
            self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="lstdata-")))
        path = self._folder / f"{len(list(self._folder.iterdir()))}.npy"
        np.save(path, array, allow_pickle=False)
        kept: Hashes = np.load(path, mmap_mode="r", allow_pickle=False)
        return kept

    def _candidates(self) -> Iterator[Hashes]:
        """Places whose hash is another's too."""
        parts = -(-sum(len(values) for values, _ in self._runs) // self._room) or 1
        edges = [(1 << 64) * part // parts for part in range(1, parts)]
        cuts = [
            [0, *(int(np.searchsorted(values, np.uint64(edge))) for edge in edges), len(values)]
            for values, _ in self._runs
        ]
        for part in range(parts):
            ranges = [slice(cut[part], cut[part + 1]) for cut in cuts]
            values = np.concatenate([run[0][range] for run, range in zip(self._runs, ranges, strict=True)] or [_NONE])
            places = np.concatenate([run[1][range] for run, range in zip(self._runs, ranges, strict=True)] or [_NONE])
            order = np.argsort(values)
            again = np.flatnonzero(values[order[1:]] == values[order[:-1]])
            yield np.unique(places[order[np.concatenate([again, again + 1])]])

    def _really_repeated(self, places: Hashes) -> Iterator[int]:
        """Those of the candidates whose name an earlier one has."""
        seen: set[tuple[int, str]] = set()
        for place in places.tolist():
            name = place & 1, self._name(place)
            if name in seen:
                yield place
            seen.add(name)

    def _name(self, place: int) -> str:
        return self._names_of(self._names[place >> 32], _COLUMNS[place & 1])[place >> 1 & 0x7FFFFFFF]

    def _read_names(self, shard: str, column: str) -> list[str]:
        names: list[str] = read_table(shard_paths(self._out, shard)[1], INDEX_SCHEMA, [column])[column].to_pylist()
        return names


_NONE: Final = np.zeros(0, dtype=np.uint64)


@lru_cache(maxsize=4)
def _factors(longest: int) -> Hashes:
    """(longest,) fixed odd numbers, at least as many as the longest text has bytes."""
    drawn = np.random.Philox(key=[0, 0]).random_raw(1 << max(longest - 1, 1).bit_length())
    return drawn | np.uint64(1)
