"""The tables of the whole run against what the shards gave; little memory, however many samples there are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from upath import UPath

from lstdata.build.finish import shard_row, total
from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import Plan
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_rejects, read_table
from lstdata.randomness import digest
from lstdata.records import DeadLetter
from lstdata.storage import TEMPORARY, exists, names_in, parquet_file
from lstdata.verify.guard import guarded
from lstdata.verify.run import Run
from lstdata.verify.shard import CountedShard

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class IndexTable:
    """`index.parquet`, one row group after another: each must hold the rows of one shard, in the plan's order."""

    def __init__(self, path: UPath, problems: list[str]) -> None:
        self._open = ExitStack()
        self._file: pq.ParquetFile | None = None
        self._groups: dict[str, int] = {}
        with guarded("`index.parquet`", problems):
            file = self._open.enter_context(parquet_file(path))
            if not file.schema_arrow.equals(INDEX_SCHEMA):
                problems.append("`index.parquet` has other columns than this version of lstdata writes.")
                return
            for group in range(file.num_row_groups):
                self._groups.setdefault(_only(file.read_row_group(group, columns=["shard"])["shard"]), group)
            if len(self._groups) != file.num_row_groups:
                problems.append("`index.parquet` has several row groups of one shard.")
            self._file = file

    def check(self, shard: str, rows: Sequence[dict[str, Any]], problems: list[str]) -> None:
        """Compare a shard's rows with its row group."""
        if self._file is None:
            return
        with guarded("`index.parquet`", problems):
            group = self._groups.get(shard)
            there = INDEX_SCHEMA.empty_table() if group is None else self._file.read_row_group(group)
            if there != pa.Table.from_pylist(list(rows), schema=INDEX_SCHEMA):
                problems.append(f"`index.parquet` and shard {shard} disagree.")

    def close(self, names: list[str], complete: bool, problems: list[str]) -> None:
        """Compare the row groups with the shards that have samples; `complete`: there are no other shards."""
        self._open.close()
        if self._file is None:
            return
        there = [name for name in self._groups if complete or name in names]
        if there != names:
            problems.append("`index.parquet` does not hold the run's shards in the order of the plan.")


class Uniqueness:
    """Whether keys and ids are unique in the run, by 16 bytes for each."""

    def __init__(self, out: UPath) -> None:
        self._out = out
        self._shards: list[tuple[str, int]] = []
        self._digests = {"id": bytearray(), "key": bytearray()}

    def add(self, shard: str, rows: Sequence[dict[str, Any]]) -> None:
        self._shards.append((shard, len(rows)))
        for name, digests in self._digests.items():
            for row in rows:
                digests += digest(row[name])[:16]

    def repeated(self) -> Iterator[str]:
        """One line for each sample whose id or key an earlier one has."""
        ends = np.cumsum([count for _, count in self._shards])
        for column, digests in self._digests.items():
            values = np.frombuffer(digests, dtype="S16")
            order = np.argsort(values, kind="stable")
            again = order[1:][values[order[1:]] == values[order[:-1]]]
            for number in np.sort(again).tolist():
                place = int(np.searchsorted(ends, number, side="right"))
                shard, count = self._shards[place]
                rows = read_table(shard_paths(self._out, shard)[1], INDEX_SCHEMA)
                value = rows[column][number - int(ends[place]) + count].as_py()
                yield f"shard {shard}: sample {column} `{value}` is in the run twice."


def check_tables(
    out: UPath, plan: Plan, counted: Sequence[CountedShard], letters: list[DeadLetter], problems: list[str]
) -> None:
    """`shards.parquet`, `rejects.parquet`, and the files of `shards/`; of unreadable shards there is nothing to say."""
    with guarded("`shards.parquet`", problems):
        rows = read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist()
        if [row["shard"] for row in rows] != [shard.name for shard in plan.shards]:
            problems.append("`shards.parquet` does not hold the run's shards in the order of the plan.")
        known = {c.name: shard_row(c.sidecar) for c in counted}
        names = [row["shard"] for row in rows if known.get(row["shard"], row) != row]
        problems += (f"`shards.parquet` and shard {name} disagree." for name in names)
    with guarded("`rejects.parquet`", problems):
        if read_rejects(out / "rejects.parquet") != letters and len(counted) == len(plan.shards):
            problems.append("`rejects.parquet` and the sidecars disagree.")
    files = {f"{shard.name}{suffix}" for shard in plan.shards for suffix in (".tar", ".json", ".parquet")}
    strangers = [name for name in names_in(out / "shards") if name not in files and TEMPORARY not in name]
    problems += (f"`shards/{name}` belongs to no planned shard." for name in strangers)


def check_totals(
    run: Run, plan: Plan, counted: Sequence[CountedShard], letters: list[DeadLetter], problems: list[str]
) -> None:
    """`run.json` and the plan against the sums over all shards."""
    totals = total(plan.records, (c.sidecar for c in counted), letters)
    if totals.planned != totals.written + totals.rejected:
        problems.append(
            f"planned {totals.planned} ≠ written {totals.written} + rejected {totals.rejected}: records are lost."
        )
    found = json.loads(json.dumps(asdict(totals)))
    for key in sorted(found.keys() | run.totals.keys()):
        if found.get(key) != run.totals.get(key):
            problems.append(f"`run.json`: {key} is {found.get(key)}, but its totals say {run.totals.get(key)}.")
    if run.card is None and totals.written and not exists(run.out / "vocab.json"):
        problems.append("`vocab.json` is missing, but there are samples.")


def _only(names: pa.ChunkedArray) -> str:
    """The one value of a column; ValueError where there are several."""
    found = names.unique().to_pylist()
    if len(found) != 1:
        raise ValueError(f"a row group holds the rows of {len(found)} shards")
    return str(found[0])
