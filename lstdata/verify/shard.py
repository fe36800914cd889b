"""One shard: its sidecar, its index rows and its dead letters against what its tar and the plan give anew."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from upath import UPath

from lstdata.build.finish import read_sidecar
from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import PlannedShard, planned_shard, read_shard
from lstdata.errors import CorruptShard, Unavailable
from lstdata.index import INDEX_SCHEMA, index_row, read_table
from lstdata.records import DeadLetter
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import (
    exists,
    parquet_file,
    read_bytes,
    read_stretch,
    sha256_bytes,
    sum_and_size,
    version,
)
from lstdata.verify.guard import guarded
from lstdata.verify.rows import against_plan, against_sidecar, against_tar, sidecar_of
from lstdata.verify.run import Run
from lstdata.verify.sample import sample_mistakes
from lstdata.verify.tar import is_closed, stretch_mistakes
from lstdata.verify.uniqueness import name_hashes, text_hashes

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MOST_LINES: Final = 50
"""That are said of one shard."""

NO_GROUP: Final = -1
"""Of `Task.group`: the index has no rows of the shard."""

_PLANNED = ("key", "id", "shard", "split", "duration", "text_bytes", "fingerprint")


@dataclass(frozen=True, slots=True)
class Task:
    """A shard to be checked."""

    shard: PlannedShard
    decoded: int | None
    """How many of its samples are decoded, chosen by hash; None: all."""
    group: int | None
    """The row group of `index.parquet` that should hold its rows; None where that cannot be told."""
    known: str = ""
    """The state, see `Checked`, in which it was checked before."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a shard really holds and what is wrong with it, however many samples it has: a line of a journal."""

    name: str
    state: str
    """Another one whenever one of its files is another."""
    problems: Sequence[str] = ()
    index_problems: Sequence[str] = ()
    """Of `index.parquet`, not of the shard."""
    sidecar: dict[str, Any] | None = None
    """As it should be, with the dead letters that it states; None where the shard cannot be read."""
    hashes: bytes = b""
    """Of its ids and keys: `name_hashes`."""


class ShardChecker:
    """What a worker does with each task."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._metadata: pq.FileMetaData | None = None
        """Of `index.parquet`."""

    def __call__(self, task: Task) -> Checked | None:
        """None where the shard is as it was when it was checked before."""
        shard = task.shard
        state = " ".join(version_of(path) for path in shard_paths(self._run.out, shard.name))
        if state == task.known:
            return None
        problems: list[str] = []
        found: _Found | None = None
        with guarded(f"shard {shard.name}", problems):
            found = _check(self._run, shard, task.decoded, problems)
        said = _cut(shard, problems)
        if found is not None:
            return Checked(shard.name, state, said, self._of_index(task, found), found.sidecar, name_hashes(found.rows))
        return Checked(shard.name, state, said)

    def _of_index(self, task: Task, found: _Found) -> list[str]:
        """What is wrong with the shard's row group of `index.parquet`, which was made of the committed rows."""
        problems: list[str] = []
        if task.group is None:
            return problems
        rows = found.rows if found.committed is None else found.committed
        with (
            guarded("`index.parquet`", problems),
            parquet_file(self._run.out / "index.parquet", self._metadata) as file,
        ):
            self._metadata = file.metadata
            there = INDEX_SCHEMA.empty_table() if task.group == NO_GROUP else file.read_row_group(task.group)
            if not there.equals(rows):
                problems.append(f"`index.parquet` and shard {task.shard.name} disagree.")
        return problems


def version_of(path: UPath) -> str:
    """Another one whenever a file is another, or is there no longer."""
    try:
        return version(path).replace(" ", "-")
    except (FileNotFoundError, NotADirectoryError):
        return "-"
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be looked at: {error}.") from error


def _cut(shard: PlannedShard, problems: list[str]) -> list[str]:
    more = len(problems) - MOST_LINES
    return problems if more <= 0 else [*problems[:MOST_LINES], f"shard {shard.name}: {more} more problems."]


@dataclass(frozen=True, slots=True)
class _Found:
    rows: pa.Table
    """Of the index, as they should be."""
    committed: pa.Table | None
    """As they are beside the tar; None where they cannot be read."""
    sidecar: dict[str, Any]
    """As it should be."""


def _check(run: Run, shard: PlannedShard, decoded: int | None, problems: list[str]) -> _Found:
    """What makes the shard unreadable is raised."""
    here = f"shard {shard.name}"
    tar = shard_paths(run.out, shard.name)[0]
    stated = read_sidecar(run.out, shard.name)
    letters = [_letter(letter) for letter in stated["rejected"]]
    committed: pa.Table | None = None
    with guarded(f"{here}: its index rows", problems):
        committed = _committed_rows(run.out, shard, stated, here, problems)
    data = _tar(tar, stated, committed, here, problems, whole=decoded is None)
    if decoded is None:
        rows = _decode_all(run, shard, data, tar, problems)
        if committed is not None and not committed.equals(rows):
            problems.append(f"{here}: index rows and tar disagree.")
    elif committed is None:
        raise CorruptShard("without its index rows nothing is known of its samples.")
    else:
        rows = committed
        problems += against_tar(here, shard, rows, stated["bytes"])
        _decode_some(run, shard, rows, tar, decoded, problems)
    planned = read_shard(run.out / "plan.parquet", shard.number, _PLANNED)
    problems += against_plan(here, rows, letters, planned)
    if planned_shard(planned, shard.number) != shard:
        problems.append(f"{here}: its rows in `plan.parquet` are not what the file's footer says of them.")
    sidecar = sidecar_of(run, shard, stated, rows, planned.num_rows)
    problems += against_sidecar(here, sidecar, stated)
    return _Found(rows, committed, sidecar)


def _letter(stated: dict[str, Any]) -> DeadLetter:
    """A dead letter of a sidecar; CorruptShard where it is none."""
    kinds = {f.name: bool if f.name == "environmental" else str for f in fields(DeadLetter)}
    if {name: type(value) for name, value in stated.items()} != kinds:
        raise CorruptShard(f"its sidecar holds {stated} where a dead letter belongs.")
    return DeadLetter(**stated)


def _committed_rows(
    out: UPath, shard: PlannedShard, stated: dict[str, Any], here: str, problems: list[str]
) -> pa.Table:
    path = shard_paths(out, shard.name)[1]
    try:
        data = read_bytes(path)
    except FileNotFoundError as error:
        raise CorruptShard("the file is missing.") from error
    if sha256_bytes(data) != stated["index_sha256"]:
        problems.append(f"{here}: its index rows are not those that were committed (sha256 differs).")
    return read_table(path, INDEX_SCHEMA, data=data)


def _tar(
    path: UPath, stated: dict[str, Any], committed: pa.Table | None, here: str, problems: list[str], *, whole: bool
) -> bytes:
    """The tar's bytes if all of them are wanted; a shard without samples has none, and none may lie there."""
    if not stated["samples"]:
        if exists(path):
            problems.append(f"{here}: there is a tar, but the sidecar says that the shard has no samples.")
        return b""
    try:
        data = read_bytes(path) if whole else b""
        sha256, size = (sha256_bytes(data), len(data)) if whole else sum_and_size(path)
    except FileNotFoundError as error:
        raise CorruptShard("its tar is missing.") from error
    if size != stated["bytes"] or sha256 != stated["sha256"]:
        problems.append(f"{here}: the tar is not the one that was committed (sha256 or size differs).")
        if committed is not None:
            problems += _damaged(data if whole else read_bytes(path), committed, here)
    return data


def _damaged(data: bytes, committed: pa.Table, here: str) -> Iterator[str]:
    """The samples whose own check sum fails, by the committed index rows."""
    names, offsets, sizes, sums = (committed[name].to_pylist() for name in ("id", "offset", "bytes", "crc32"))
    places = zip(offsets, sizes, sums, strict=True)
    whole = [zlib.crc32(data[offset : offset + size]) == crc32 for offset, size, crc32 in places]
    if not any(whole):
        yield f"{here}: none of its {len(whole)} samples is there as committed (crc32 differs)."
    elif all(whole):
        yield f"{here}: its samples are whole; the damage is after the last of them."
    else:
        damaged = (name for name, is_whole in zip(names, whole, strict=True) if not is_whole)
        yield from (f"{here}: sample `{name}` is damaged (crc32 differs)." for name in damaged)


def _decode_all(run: Run, shard: PlannedShard, data: bytes, tar: UPath, problems: list[str]) -> pa.Table:
    """The index rows that the tar gives."""
    rows: list[dict[str, Any]] = []
    end = 0
    for start, end, stored in iter_samples(data, str(tar)) if data else ():
        stretch = data[start:end]
        rows.append(index_row(stored, shard.name, start, stretch))
        _check_sample(run, shard, stored, stretch, problems)
    if data and not is_closed(data, end):
        problems.append(f"shard {shard.name}: after its last sample there is more in the tar than what closes it.")
    return pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)


def _decode_some(run: Run, shard: PlannedShard, rows: pa.Table, tar: UPath, count: int, problems: list[str]) -> None:
    """So many samples, always the same, against their index rows."""
    here = f"shard {shard.name}"
    chosen = np.sort(np.argsort(text_hashes(rows["id"]), kind="stable")[:count])
    for number in chosen.tolist():
        row = rows.slice(number, 1)
        id, offset, size = (row[name][0].as_py() for name in ("id", "offset", "bytes"))
        with guarded(f"{here}: sample `{id}`", problems):
            stretch = read_stretch(tar, offset, size)
            _, end, stored = next(iter_samples(stretch, str(tar)))
            again = index_row(stored, shard.name, offset, stretch)
            if end != size or not pa.Table.from_pylist([again], schema=INDEX_SCHEMA).equals(row):
                problems.append(f"{here}: sample `{id}`: its index row and the tar disagree.")
            _check_sample(run, shard, stored, stretch, problems)


def _check_sample(run: Run, shard: PlannedShard, stored: StoredSample, stretch: bytes, problems: list[str]) -> None:
    what = f"shard {shard.name}: sample `{stored.sample.id}`"
    with guarded(what, problems):
        problems += (f"{what}: {mistake}" for mistake in sample_mistakes(run, shard.split, stored))
        problems += (f"{what}: {mistake}" for mistake in stretch_mistakes(stretch))
