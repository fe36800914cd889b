"""A shard's index rows against what the plan, the sidecar and the size of the tar say: whole columns at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lstdata.build.finish import shard_fingerprint
from lstdata.build.plan_table import PlannedShard
from lstdata.index import positions_column
from lstdata.records import HEADER_TOLERANCE, SAMPLE_RATE, DeadLetter
from lstdata.shards import FORMAT, STORED_STRATEGIES
from lstdata.verify.run import Run
from lstdata.verify.tar import closed_size


def against_tar(here: str, shard: PlannedShard, rows: pa.Table, size: int) -> Iterator[str]:
    """What can be said of index rows whose samples are not decoded."""
    offsets, sizes = rows["offset"].to_numpy(), rows["bytes"].to_numpy()
    ends = np.concatenate([[0], offsets + sizes])
    if (offsets != ends[:-1]).any() or ends[-1] > size:
        yield f"{here}: its index rows do not say where in the tar its samples are, one after another."
    elif rows.num_rows and size != closed_size(int(ends[-1])):
        yield f"{here}: after its last sample there is more in the tar than what closes it."
    for column, value in (("shard", shard.name), ("split", shard.split)):
        others = [other for other in pc.unique(rows[column]).to_pylist() if other != value]
        yield from (f"{here}: the {column} of its index rows is {other}, not {value}." for other in others)


def against_plan(here: str, rows: pa.Table, letters: Sequence[DeadLetter], planned: pa.Table) -> Iterator[str]:
    """Each planned record is one sample, in the plan's order, or one dead letter."""
    rejected = Counter(letter.id for letter in letters)
    left_out = pc.is_in(planned["id"], pa.array(list(rejected), pa.string()))
    due = planned.filter(pc.invert(left_out)).select(["key", "id"])
    if not rows.select(["key", "id"]).equals(due):
        yield from _misplaced(here, _pairs(rows), _pairs(due))
    known = set(planned["id"].to_pylist()) if rejected else set()
    yield from (f"{here}: the dead letter `{id}` was not planned there." for id in rejected if id not in known)
    yield from (f"{here}: `{id}` is a dead letter {n} times." for id, n in rejected.items() if n > 1)


def _pairs(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows["key"].to_pylist(), rows["id"].to_pylist(), strict=True))


def _misplaced(here: str, stored: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> Iterator[str]:
    there, due = Counter(stored), set(wanted)
    yield from (f"{here}: sample `{id}` is lost." for key, id in wanted if (key, id) not in there)
    yield from (f"{here}: sample `{id}` was not planned there." for key, id in there if (key, id) not in due)
    yield from (f"{here}: sample `{id}` is there {n} times." for (_, id), n in there.items() if n > 1)
    if sorted(stored) == sorted(wanted):
        yield f"{here}: samples are not in the order of the plan."


def sidecar_of(run: Run, shard: PlannedShard, stated: dict[str, Any], rows: pa.Table, records: int) -> dict[str, Any]:
    """What the rows say of the sidecar. Check sums, which have their own messages, and dead letters are as stated."""
    seconds = rows["seconds"].to_numpy()
    promised = rows["header_seconds"].to_numpy()  # NaN where nothing was promised
    return stated | {
        "format": FORMAT,
        "shard": shard.name,
        "split": shard.split,
        "fingerprint": shard_fingerprint(shard.fingerprint, run.stages),
        "stages": run.stages,
        "compute_class": stated["compute_class"] if run.mixed_compute else run.compute_class,
        "records": records,
        "samples": rows.num_rows,
        "seconds": int(np.rint(seconds * SAMPLE_RATE).sum()) / SAMPLE_RATE,
        "header_mismatches": int((np.abs(promised - seconds) > HEADER_TOLERANCE).sum()),
        **{name: _sum(rows[name]) for name in ("units", "words", "text_bytes", "text_tokens")},
        "patches": {name: _sum(rows[positions_column(name)]) for name in STORED_STRATEGIES},
        "sha256": stated["sha256"] if rows.num_rows else None,
    }


def _sum(column: pa.ChunkedArray) -> int:
    return pc.sum(column).as_py() or 0


def against_sidecar(here: str, sidecar: dict[str, Any], stated: dict[str, Any]) -> Iterator[str]:
    if stated["fingerprint"] != sidecar["fingerprint"]:
        yield f"{here}: it is a shard of another run, or of other records (its fingerprint differs)."
    for key in sorted(sidecar.keys() - {"fingerprint"}):
        if stated[key] != sidecar[key]:
            yield f"{here}: {key} is {sidecar[key]}, but the sidecar says {stated[key]}."
