"""The end of a build: every record is accounted for, then the tables of the whole run are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import Plan, PlannedShard, iter_rejected
from lstdata.config import fingerprint
from lstdata.errors import CorruptShard, IncompleteBuild
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, concatenate, positions_column, write_rejects, write_table
from lstdata.records import DeadLetter
from lstdata.run_folder import SEALED as SEALED
from lstdata.run_folder import seal as seal
from lstdata.run_folder import sealed as sealed
from lstdata.shards import FORMAT, STORED_STRATEGIES
from lstdata.storage import is_local, read_json, remove, remove_temporaries, sha256_file, sizes_in

T = TypeVar("T")

_READERS: Final = 32
"""Files that are asked for at once where each is a request."""

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
SIDECAR += ("seconds", "header_mismatches", "units", "words", "text_bytes", "text_tokens", "patches", "bytes")
SIDECAR += ("sha256", "index_sha256")
"""The keys of a shard's sidecar, all of them."""


@dataclass(frozen=True)
class Totals:
    """What a finished run holds; `planned == written + rejected`."""

    planned: int
    written: int
    rejected: int
    """Dead letters of any kind."""
    filtered: int
    """Those of them that a filter was asked to make."""
    environmental: int
    shards: int
    seconds: float
    header_mismatches: int
    """Samples whose file's header promised another length than was decoded."""
    units: int
    words: int
    text_bytes: int
    """Of documents of text, in UTF-8."""
    text_tokens: int
    """Of theirs."""
    reasons: dict[str, int]
    """Dead letters by reason, most first."""

    @property
    def failed(self) -> int:
        """Dead letters that nobody asked for."""
        return self.rejected - self.filtered

    @property
    def wanted(self) -> int:
        """Records that no filter has left out."""
        return self.planned - self.filtered

    @property
    def reject_rate(self) -> float:
        """Share of the wanted records that failed."""
        return self.failed / self.wanted if self.wanted else 0.0

    def describe(self) -> str:
        """One line for a person."""
        held = f"{self.seconds / 3600:.2f} h, {self.units} units, {self.shards} shards"
        if self.text_tokens:
            held = f"{self.text_bytes / 1e6:,.1f} MB of text, {self.text_tokens:,} tokens, {self.shards} shards"
        filtered = f", {self.filtered} left out by filters{self._reasons(True)}" if self.filtered else ""
        return (
            f"{self.written} of {self.planned} records written ({held}){filtered}, "
            f"{self.failed} rejected{self._reasons(False)}"
        )

    def _reasons(self, of_filters: bool) -> str:
        """Those of the filters, or all others, with their counts."""
        counts = (f"{r} {n}" for r, n in self.reasons.items() if (r in FILTER_REASONS) == of_filters)
        listed = ", ".join(counts)
        return f" ({listed})" if listed else ""


def finish(plan: Plan, out: UPath, expected: Callable[[PlannedShard], str]) -> Totals:
    """Write shards.parquet, index.parquet and rejects.parquet from the sidecars.

    IncompleteBuild if one is missing, or is of another writer than its tar or index rows: it is removed, so that the
    next run builds the shard again.

    What workers left that died in the midst of a commit is removed first. `expected` gives the fingerprint that a
    shard's sidecar must have; CorruptShard where it has another.
    """
    remove_temporaries(out)
    sidecars = _of_each(out, plan.shards, lambda shard: read_sidecar(out, shard.name))
    for shard, stated in zip(plan.shards, sidecars, strict=True):
        if stated["fingerprint"] != expected(shard):
            raise CorruptShard(f"shard {shard.name} is not of this run: its fingerprint is {stated['fingerprint']}.")
    _require_one_writer(out, plan.shards, sidecars)
    write_table(out / "shards.parquet", [shard_row(s) for s in sidecars], SHARDS_SCHEMA)
    written = concatenate(out / "index.parquet", (shard_paths(out, s.name)[1] for s in plan.shards), INDEX_SCHEMA)
    letters = [*plan_letters(out / "plan.parquet"), *(DeadLetter(**r) for s in sidecars for r in s["rejected"])]
    write_rejects(out / "rejects.parquet", letters)
    if plan.records != written + len(letters):
        raise IncompleteBuild(
            f"{plan.records} records were planned, but {written} were written and {len(letters)} rejected."
        )
    return total(plan.records, sidecars, letters)


def _require_one_writer(out: UPath, shards: Sequence[PlannedShard], sidecars: Sequence[Mapping[str, Any]]) -> None:
    sizes = sizes_in(out / "shards")

    def sum_of_rows(shard: PlannedShard) -> str | None:
        try:
            return sha256_file(shard_paths(out, shard.name)[1])
        except FileNotFoundError:
            return None

    sums = _of_each(out, shards, sum_of_rows)
    mixed = [
        shard.name
        for shard, stated, rows in zip(shards, sidecars, sums, strict=True)
        if stated["index_sha256"] != rows or stated["bytes"] != sizes.get(f"{shard.name}.tar", 0)
    ]
    for name in mixed:
        remove(shard_paths(out, name)[2])
    if mixed:
        more = f", as are those of {len(mixed) - 1} more" if mixed[1:] else ""
        raise IncompleteBuild(
            f"the tar or index rows of shard {mixed[0]} are not those of its sidecar{more}: run the same command again."
        )


def _of_each(out: UPath, shards: Sequence[PlannedShard], work: Callable[[PlannedShard], T]) -> list[T]:
    """In order; on an object store many at once."""
    if is_local(out):
        return [work(shard) for shard in shards]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(work, shards))


def total(planned: int, sidecars: Iterable[Mapping[str, Any]], letters: Iterable[DeadLetter]) -> Totals:
    """What a run holds, from what each shard's sidecar says or should say; each is asked for once."""
    sums: Counter[str] = Counter()
    seconds: float = 0
    for stated in sidecars:
        if stated["samples"]:
            seconds += stated["seconds"]
            sums["shards"] += 1
            for name in ("samples", "header_mismatches", "units", "words", "text_bytes", "text_tokens"):
                sums[name] += stated[name]
    reasons: Counter[str] = Counter()
    for letter in letters:
        reasons[letter.reason] += 1
        sums["environmental"] += letter.environmental
    return Totals(
        planned=planned,
        written=sums["samples"],
        rejected=reasons.total(),
        filtered=sum(count for reason, count in reasons.items() if reason in FILTER_REASONS),
        environmental=sums["environmental"],
        shards=sums["shards"],
        seconds=seconds,
        header_mismatches=sums["header_mismatches"],
        units=sums["units"],
        words=sums["words"],
        text_bytes=sums["text_bytes"],
        text_tokens=sums["text_tokens"],
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def shard_fingerprint(records: str, stages: Mapping[str, str]) -> str:
    """Changes with anything that could change a byte of a shard: its records and every stage (name → fingerprint)."""
    return fingerprint("shard", FORMAT, records, dict(stages))


def plan_letters(plan_path: UPath) -> Iterator[DeadLetter]:
    """The dead letters of records that never reached a shard."""
    for record in iter_rejected(plan_path):
        reason, message = record.row.reject or ("rejected", "")
        yield DeadLetter(record.row.id, "source", reason, message, record.row.locator.path)


def read_sidecar(out: UPath, name: str) -> dict[str, Any]:
    """A shard's sidecar; IncompleteBuild where there is none, CorruptShard where it is not one."""
    path = shard_paths(out, name)[2]
    try:
        stated: dict[str, Any] = read_json(path)
    except FileNotFoundError as error:
        raise IncompleteBuild(f"shard {name} is not built: run the same command again.") from error
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
        "text_bytes": stated["text_bytes"],
        "text_tokens": stated["text_tokens"],
        **{positions_column(name): stated["patches"][name] for name in STORED_STRATEGIES},
        "bytes": stated["bytes"],
        "sha256": stated["sha256"],
    }
