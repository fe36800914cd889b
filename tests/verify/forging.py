"""Runs that were wrong when they were written: every check sum fits, so only what is said can tell."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from upath import UPath

from lstdata.build.finish import finish, read_sidecar, sealed
from lstdata.build.plan_table import read_plan
from lstdata.errors import CorruptShard, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, index_row, write_table
from lstdata.members import json_gz, npy, read_json_gz
from lstdata.shards import iter_samples, write_members
from lstdata.storage import commit_json, read_json, sha256_bytes, sha256_file
from lstdata.tar_members import iter_members

Member = tuple[str, str, bytes]
"""Key, extension, content."""


def members(run: Path, shard: str) -> list[Member]:
    data = (run / f"shards/{shard}.tar").read_bytes()
    return [(key, extension, content) for key, extension, _, _, content in iter_members(data, shard)]


def forge(run: Path, shard: str, change: Callable[[list[Member]], list[Member]]) -> None:
    """Write a tar anew with other members, then its index rows, sidecar and the tables as a build would."""
    buffer = io.BytesIO()
    write_members(buffer, ((key, {extension: data}) for key, extension, data in change(members(run, shard))))
    (run / f"shards/{shard}.tar").write_bytes(buffer.getvalue())
    sign(run, shard)


def sign(run: Path, shard: str) -> None:
    """Give a shard the index rows and the sums of its tar, as far as they can be told, and the run its tables."""
    data = (run / f"shards/{shard}.tar").read_bytes()
    rows = UPath(run / f"shards/{shard}.parquet")
    found: dict[str, Any] = {}
    try:
        stored = [index_row(s, shard, start, data[start:end]) for start, end, s in iter_samples(data, shard)]
    except CorruptShard:
        stored = None
    if stored is not None:
        write_table(rows, stored, INDEX_SCHEMA)
        found = {
            name: sum(row[name] or 0 for row in stored) for name in ("units", "words", "text_bytes", "text_tokens")
        }
        found["seconds"] = sum(round(row["seconds"] * 16_000) for row in stored) / 16_000
    sums = {"bytes": len(data), "sha256": sha256_bytes(data), "index_sha256": sha256_file(rows)}
    commit_json(run / f"shards/{shard}.json", read_json(run / f"shards/{shard}.json") | found | sums)
    finish_again(run)


def finish_again(run: Path) -> None:
    """Tables, totals and seal, by the sidecars that are there."""
    out, stated = UPath(run), read_json(run / "run.json")
    try:
        plan = read_plan(out / "plan.parquet")
        totals = asdict(finish(plan, out, lambda shard: read_sidecar(out, shard.name)["fingerprint"]))
    except IncompleteBuild:  # records are lost, as they should be
        totals = stated["totals"]
    commit_json(run / "run.json", sealed(out, stated | {"totals": totals}))


def with_json(number: int, **changes: Any) -> Callable[[list[Member]], list[Member]]:
    """Change what the JSON of one sample says; a function is given what is there."""

    def change(found: list[Member]) -> list[Member]:
        key, extension, data = found[2 * number]
        meta = read_json_gz(data)
        new = {name: value(meta[name]) if callable(value) else value for name, value in changes.items()}
        found[2 * number] = key, extension, json_gz(meta | new)
        return found

    return change


def with_units(number: int, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[list[Member]], list[Member]]:
    def changed(found: list[Member]) -> list[Member]:
        key, extension, data = found[2 * number + 1]
        units = np.frombuffer(data, "<u2", offset=128)
        found[2 * number + 1] = key, extension, npy(change(units.copy()).astype(np.uint16))
        return found

    return changed
