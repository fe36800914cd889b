"""The end of a build: every record is accounted for, then the tables of the whole run are written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import Plan, PlannedShard, iter_rejected
from lstdata.config import fingerprint
from lstdata.errors import CorruptShard, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, concatenate, write_rejects, write_table
from lstdata.records import DeadLetter
from lstdata.shards import FORMAT, STORED_STRATEGIES
from lstdata.storage import read_json, sha256_bytes, sha256_file

SIDECAR: tuple[str, ...] = (
    "format",
    "shard",
    "split",
    "fingerprint",
    "stages",
    "compute_class",
    "records",
    "samples",
    "rejected",
)
SIDECAR += ("seconds", "units", "words", "patches", "bytes", "sha256", "index_sha256")
"""The keys of a shard's sidecar, all of them."""

SEALED: tuple[str, ...] = ("plan.parquet", "shards.parquet", "index.parquet", "rejects.parquet")
SEALED += ("vocab.json", "tokenizer.json", "codebook.npz", "codebook.json")
"""The files, beside those of the shards, whose sha256 a finished `run.json` states."""


@dataclass(frozen=True)
class Totals:
    """What a finished run holds; `planned == written + rejected`."""

    planned: int
    written: int
    rejected: int
    environmental: int
    shards: int
    seconds: float
    units: int
    words: int
    reasons: dict[str, int]
    """Dead letters by reason, most first."""

    @property
    def reject_rate(self) -> float:
        return self.rejected / self.planned if self.planned else 0.0

    def describe(self) -> str:
        """One line for a person."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        return (
            f"{self.written} of {self.planned} records written ({self.seconds / 3600:.2f} h, {self.units} units, "
            f"{self.shards} shards), {self.rejected} rejected" + (f": {reasons}" if reasons else "")
        )


def finish(plan: Plan, out: Path, expected: Callable[[PlannedShard], str]) -> Totals:
    """Write shards.parquet, index.parquet and rejects.parquet from the sidecars; IncompleteBuild if one is missing.

    `expected` gives the fingerprint that a shard's sidecar must have; CorruptShard where it has another.
    """
    sidecars = [read_sidecar(out, shard.name) for shard in plan.shards]
    for shard, stated in zip(plan.shards, sidecars, strict=True):
        if stated["fingerprint"] != expected(shard):
            raise CorruptShard(f"shard {shard.name} is not of this run: its fingerprint is {stated['fingerprint']}.")
    write_table(out / "shards.parquet", [shard_row(s) for s in sidecars], SHARDS_SCHEMA)
    written = concatenate(out / "index.parquet", (shard_paths(out, s.name)[1] for s in plan.shards), INDEX_SCHEMA)
    letters = [*plan_letters(out / "plan.parquet"), *(DeadLetter(**r) for s in sidecars for r in s["rejected"])]
    write_rejects(out / "rejects.parquet", letters)
    if plan.records != written + len(letters):
        raise IncompleteBuild(
            f"{plan.records} records were planned, but {written} were written and {len(letters)} rejected."
        )
    return total(plan.records, sidecars, letters)


def total(planned: int, sidecars: Iterable[Mapping[str, Any]], letters: Sequence[DeadLetter]) -> Totals:
    """What a run holds, from what each shard's sidecar says or should say."""
    shards = [s for s in sidecars if s["samples"]]
    return Totals(
        planned=planned,
        written=sum(s["samples"] for s in shards),
        rejected=len(letters),
        environmental=sum(letter.environmental for letter in letters),
        shards=len(shards),
        seconds=sum(s["seconds"] for s in shards),
        units=sum(s["units"] for s in shards),
        words=sum(s["words"] for s in shards),
        reasons=dict(sorted(Counter(x.reason for x in letters).items(), key=lambda item: (-item[1], item[0]))),
    )


def shard_fingerprint(records: str, stages: Mapping[str, str]) -> str:
    """Changes with anything that could change a byte of a shard: its records and every stage (name → fingerprint)."""
    return fingerprint("shard", FORMAT, records, dict(stages))


def sealed(out: Path, run: Mapping[str, Any]) -> dict[str, Any]:
    """A finished `run.json` with the sha256 of the tables and frozen files of `out`, and of itself as `seal`."""
    files = {name: sha256_file(out / name) for name in SEALED if (out / name).is_file()}
    body = {key: value for key, value in run.items() if key != "seal"} | {"sha256": files}
    return body | {"seal": seal(body)}


def seal(run: Mapping[str, Any]) -> str:
    """sha256 of all of `run.json` but the seal itself."""
    body = {key: value for key, value in run.items() if key != "seal"}
    return sha256_bytes(json.dumps(body, sort_keys=True, ensure_ascii=False).encode())


def plan_letters(plan_path: Path) -> Iterator[DeadLetter]:
    """The dead letters of records that never reached a shard."""
    for record in iter_rejected(plan_path):
        reason, message = record.row.reject or ("rejected", "")
        yield DeadLetter(record.row.id, "source", reason, message, record.row.locator.path)


def read_sidecar(out: Path, name: str) -> dict[str, Any]:
    """A shard's sidecar; IncompleteBuild where there is none, CorruptShard where it is not one."""
    path = shard_paths(out, name)[2]
    try:
        stated: dict[str, Any] = read_json(path)
    except FileNotFoundError as error:
        raise IncompleteBuild(f"shard {name} is not built: run `build-shards` again.") from error
    except (OSError, ValueError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
    if not isinstance(stated, dict) or set(stated) != set(SIDECAR):
        raise CorruptShard(f"`{path}` is not the sidecar of a shard of format {FORMAT}.")
    return stated


def shard_row(stated: dict[str, Any]) -> dict[str, Any]:
    """A sidecar as a row of shards.parquet; the path is relative to the run folder, null without samples."""
    return {
        "shard": stated["shard"],
        "split": stated["split"],
        "path": f"shards/{stated['shard']}.tar" if stated["samples"] else None,
        "samples": stated["samples"],
        "rejected": len(stated["rejected"]),
        "seconds": stated["seconds"],
        "units": stated["units"],
        "words": stated["words"],
        **{f"positions_{name}": stated["patches"][name] for name in STORED_STRATEGIES},
        "bytes": stated["bytes"],
        "sha256": stated["sha256"],
    }
