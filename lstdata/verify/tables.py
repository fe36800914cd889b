"""The tables of the whole run against what the shards gave; little memory, however many samples there are."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import zip_longest
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from lstdata.build.finish import Totals, shard_row
from lstdata.build.plan_table import Plan
from lstdata.errors import CorruptShard
from lstdata.index import INDEX_SCHEMA, REJECTS_SCHEMA, SHARDS_SCHEMA
from lstdata.records import DeadLetter
from lstdata.storage import exists, is_temporary, names_in, parquet_file
from lstdata.verify.guard import guarded
from lstdata.verify.run import Run
from lstdata.verify.shard import NO_GROUP, Checked

_SHARD_COLUMN: Final = INDEX_SCHEMA.get_field_index("shard")
_BATCH: Final = 4096
"""Rows that are in memory at once."""


class IndexGroups:
    """Which row group of `index.parquet` should hold the rows of which shard, by the file's own footer."""

    def __init__(self, out: UPath, problems: list[str]) -> None:
        self._groups: dict[str, int] | None = None
        with guarded("`index.parquet`", problems), parquet_file(out / "index.parquet") as file:
            if not file.schema_arrow.equals(INDEX_SCHEMA):
                problems.append("`index.parquet` has other columns than this version of lstdata writes.")
                return
            groups: dict[str, int] = {}
            for group in range(file.num_row_groups):
                groups.setdefault(_shard_of(file, group), group)
            if len(groups) != file.num_row_groups:
                problems.append("`index.parquet` has several row groups of one shard.")
            self._groups = groups

    def of(self, shard: str) -> int | None:
        """`NO_GROUP` where there is none; None where the file cannot be read."""
        return None if self._groups is None else self._groups.get(shard, NO_GROUP)

    def check_order(self, names: Sequence[str], complete: bool, problems: list[str]) -> None:
        """Against the shards that have samples, in the order of the plan; `complete`: there are no other shards."""
        if self._groups is None:
            return
        known = set(names)
        if [name for name in self._groups if complete or name in known] != list(names):
            problems.append("`index.parquet` does not hold the run's shards in the order of the plan.")


def check_shards_table(out: UPath, checked: Iterable[Checked], problems: list[str]) -> None:
    """`shards.parquet` row by row against all shards in the plan's order; unreadable ones say nothing."""
    disorder = "`shards.parquet` does not hold the run's shards in the order of the plan."
    with guarded("`shards.parquet`", problems):
        rows = _rows(out / "shards.parquet", SHARDS_SCHEMA)
        for shard in checked:
            row = next(rows, {})
            if row.get("shard") != shard.name:
                problems.append(disorder)
                return
            if shard.sidecar is not None and row != shard_row(shard.sidecar):
                problems.append(f"`shards.parquet` and shard {shard.name} disagree.")
        if next(rows, None) is not None:
            problems.append(disorder)


def check_rejects(out: UPath, letters: Iterable[DeadLetter] | None, problems: list[str]) -> None:
    """`rejects.parquet` row by row; only whether it can be read where not all letters are known."""
    with guarded("`rejects.parquet`", problems):
        there = (DeadLetter(**row) for row in _rows(out / "rejects.parquet", REJECTS_SCHEMA))
        if letters is None:
            deque(there, maxlen=0)
        elif any(one != other for one, other in zip_longest(there, letters)):
            problems.append("`rejects.parquet` and the sidecars disagree.")


def strangers(out: UPath, plan: Plan) -> Iterator[tuple[str, str]]:
    """(path in the run folder, what is said of it) of the files that no finished run holds."""
    files = {f"{shard.name}{suffix}" for shard in plan.shards for suffix in (".tar", ".json", ".parquet")}
    paths = [(name, True) for name in names_in(out)]
    paths += [(f"shards/{name}", name in files) for name in names_in(out / "shards")]
    for path, is_known in paths:
        if is_temporary(path):
            yield path, f"`{path}` is what a killed writer left."
        elif not is_known:
            yield path, f"`{path}` belongs to no planned shard."


def check_totals(run: Run, totals: Totals, problems: list[str]) -> None:
    """`run.json` and the plan against the sums over all shards."""
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


def _shard_of(file: pq.ParquetFile, group: int) -> str:
    """Whose rows a row group holds, by its statistics where it has them; ValueError where they are of several."""
    said = file.metadata.row_group(group).column(_SHARD_COLUMN).statistics
    if said is not None and said.has_min_max and said.null_count == 0:
        names = sorted({said.min, said.max})
    else:
        names = pc.unique(file.read_row_group(group, columns=["shard"])["shard"]).to_pylist()
    if len(names) != 1:
        raise ValueError(f"a row group holds the rows of {len(names)} shards")
    return str(names[0])


def _rows(path: UPath, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    """The rows of a table that must have this schema; CorruptShard where it has not, or is missing."""
    try:
        with parquet_file(path) as file:
            if not file.schema_arrow.equals(schema):
                raise CorruptShard("it has other columns than this version of lstdata writes.")
            for batch in file.iter_batches(_BATCH):
                yield from batch.to_pylist()
    except FileNotFoundError as error:
        raise CorruptShard("it is missing.") from error
