"""`verify`: recompute every invariant of a run folder; nothing that is stored is taken on trust."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lstdata.build.finish import plan_letters, read_sidecar, shard_row
from lstdata.build.folder import read_run, shard_paths
from lstdata.build.plan_table import Plan, PlannedRecord, PlannedShard, read_plan, read_shard_rows
from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError, CorruptShard, IncompleteBuild, LstDataError
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, index_row, read_rejects, read_table
from lstdata.patching import utterance_patches
from lstdata.records import DeadLetter
from lstdata.shards import StoredSample, iter_samples
from lstdata.storage import read_json, sha256_bytes, sha256_file
from lstdata.tokenizer import TextTokenizer
from lstdata.units.codebook import load_codebook
from lstdata.vocab import VocabCard


@dataclass
class Verdict:
    """What was checked and what is wrong, one line each, naming shard and sample."""

    shards: int = 0
    samples: int = 0
    rejected: int = 0
    environmental: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Run:
    out: Path
    plan: Plan
    patching: PatchingConfig
    card: VocabCard | None


def verify(out: Path) -> Verdict:
    """Check sums, counts, patch lengths, frames, ids, plan, index, dead letters and vocabulary of a finished run."""
    verdict = Verdict()
    run = _open(out)
    problems = verdict.problems
    problems += _vocabulary(run)
    ids: set[str] = set()
    rows: list[dict[str, Any]] = []
    index: list[dict[str, Any]] = []
    letters = list(plan_letters(out / "plan.parquet"))
    for shard in run.plan.shards:
        verdict.shards += 1
        try:
            stated = read_sidecar(out, shard.name)
            rejected = [DeadLetter(**r) for r in stated["rejected"]]
            found = _verify_shard(run, shard, stated, {x.id for x in rejected}, problems)
        except (LstDataError, OSError, KeyError, TypeError) as error:
            problems.append(_line(shard, error))
            continue
        rows.append(shard_row(stated))
        index += found
        letters += rejected
        verdict.samples += len(found)
        repeated = [row["id"] for row in found if row["id"] in ids]
        problems += [f"shard {shard.name}: sample `{id}` is in the run twice." for id in repeated]
        ids.update(row["id"] for row in found)
    verdict.rejected = len(letters)
    verdict.environmental = sum(letter.environmental for letter in letters)
    problems += _tables(run, rows, index, letters)
    if run.plan.records != verdict.samples + verdict.rejected:
        problems.append(
            f"planned {run.plan.records} ≠ written {verdict.samples} + rejected {verdict.rejected}: records are lost."
        )
    return verdict


def _open(out: Path) -> _Run:
    if not (out / "run.json").is_file():
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    run = read_run(out)
    assert run is not None
    if run["totals"] is None:
        raise IncompleteBuild(f"`{out}` is not finished: run `build-shards` again.")
    if not (out / "plan.parquet").is_file():
        raise CorruptShard(f"`{out / 'plan.parquet'}` is missing.")
    card_path = out / "vocab.json"
    card = VocabCard.from_json(read_json(card_path)) if card_path.exists() else None
    return _Run(out, read_plan(out / "plan.parquet"), PatchingConfig(**run["config"]["patching"]), card)


def _vocabulary(run: _Run) -> Iterator[str]:
    if run.card is None:
        if any(read_sidecar(run.out, s.name)["samples"] for s in run.plan.shards):
            yield "`vocab.json` is missing, but there are samples."
        return
    tokenizer = TextTokenizer.read(str(run.out / "tokenizer.json"))
    codebook = load_codebook(run.out / "codebook.npz")
    if tokenizer.sha256 != run.card.tokenizer_sha256:
        yield "`tokenizer.json` is not the one that `vocab.json` names."
    if codebook.sha256 != run.card.codebook_sha256 or codebook.clusters != run.card.units:
        yield "`codebook.npz` is not the one that `vocab.json` names."


def _verify_shard(
    run: _Run, shard: PlannedShard, stated: dict[str, Any], rejected: set[str], problems: list[str]
) -> list[dict[str, Any]]:
    """The index rows of a shard, recomputed from its tar; what is wrong goes to `problems`."""
    tar, rows_path, _ = shard_paths(run.out, shard.name)
    here = f"shard {shard.name}"
    if sha256_file(rows_path) != stated["index_sha256"]:
        problems.append(f"{here}: its index rows are not those that were committed (sha256 differs).")
    planned = [r for r in read_shard_rows(run.out / "plan.parquet", shard.row_group) if r.row.id not in rejected]
    if stated["samples"] == 0:
        problems += [f"{here}: sample `{r.row.id}` is lost." for r in planned]
        return []
    data = tar.read_bytes()
    if len(data) != stated["bytes"] or sha256_bytes(data) != stated["sha256"]:
        problems.append(f"{here}: the tar is not the one that was committed (sha256 or size differs).")
        problems += _damaged(data, rows_path, here)
    found: list[dict[str, Any]] = []
    samples: list[StoredSample] = []
    for start, end, stored in iter_samples(data, str(tar)):
        samples.append(stored)
        found.append(index_row(stored, shard.name, start, data[start:end]))
        problems += [f"{here}: sample `{stored.sample.id}`: {m}" for m in _sample(run, shard, stored)]
    problems += _against_plan(here, samples, planned)
    if pa.Table.from_pylist(found, schema=INDEX_SCHEMA) != read_table(rows_path, INDEX_SCHEMA):
        problems.append(f"{here}: index rows and tar disagree.")
    counted = {
        "samples": len(found),
        "units": sum(row["units"] for row in found),
        "words": sum(row["words"] or 0 for row in found),
        "records": len(found) + len(rejected),
        "patches": {n: sum(row.get(f"positions_{n}") or 0 for row in found) for n in stated["patches"]},
    }
    problems += [f"{here}: {k} is {v}, but the sidecar says {stated[k]}." for k, v in counted.items() if stated[k] != v]
    return found


def _sample(run: _Run, shard: PlannedShard, stored: StoredSample) -> Iterator[str]:
    """The invariants of one sample; frames and patch sums were checked while reading."""
    sample = stored.sample
    if sample.split != shard.split:
        yield f"its split is {sample.split}, but the shard's is {shard.split}."
    if run.card is not None and sample.frames and int(sample.units.max()) >= run.card.units:
        yield f"unit {sample.units.max()} is not below the {run.card.units} clusters of the vocab card."
    if (sample.words is None) != (sample.word_frames is None) or (
        sample.words is not None and sample.word_frames is not None and len(sample.words) != len(sample.word_frames)
    ):
        yield "words and word times do not pair up."
        return
    if sample.word_frames is not None and sample.word_frames.size:
        edges = sample.word_frames.reshape(-1)
        if (np.diff(edges) < 0).any() or edges[0] < 0 or edges[-1] > sample.frames:
            yield f"word times are not monotone inside its {sample.frames} frames."
            return
    for strategy, lengths in stored.patches.items():
        if not np.array_equal(lengths, utterance_patches(strategy, sample, run.patching)):
            yield f"the `{strategy}` patches are not those of its words and activity."
    for kind, *what in stored.drawn:
        if kind == "s" and not 0 <= what[0] <= what[1] <= sample.frames:
            yield f"the drawn speech span {what} is not inside its {sample.frames} frames."
        if kind == "t" and run.card is not None and not all(0 <= t < run.card.text_size for t in what[0]):
            yield "a drawn text span has ids outside the text vocabulary."


def _against_plan(here: str, samples: list[StoredSample], planned: list[PlannedRecord]) -> Iterator[str]:
    stored = [(s.sample.key, s.sample.id) for s in samples]
    wanted = [(r.key, r.row.id) for r in planned]
    yield from (f"{here}: sample `{id}` is lost." for key, id in wanted if (key, id) not in set(stored))
    yield from (f"{here}: sample `{id}` was not planned there." for key, id in stored if (key, id) not in set(wanted))
    if sorted(stored) == sorted(wanted) and stored != wanted:
        yield f"{here}: samples are not in the order of the plan."


def _tables(
    run: _Run, rows: list[dict[str, Any]], index: list[dict[str, Any]], letters: list[DeadLetter]
) -> Iterator[str]:
    shards = read_table(run.out / "shards.parquet", SHARDS_SCHEMA)
    if shards != pa.Table.from_pylist(rows, schema=SHARDS_SCHEMA):
        yield "`shards.parquet` and the sidecars disagree."
    if read_table(run.out / "index.parquet", INDEX_SCHEMA) != pa.Table.from_pylist(index, schema=INDEX_SCHEMA):
        yield "`index.parquet` and the shards disagree."
    if read_rejects(run.out / "rejects.parquet") != letters:
        yield "`rejects.parquet` and the sidecars disagree."
    known = {f"{s.name}{suffix}" for s in run.plan.shards for suffix in (".tar", ".json", ".parquet")}
    for path in sorted((run.out / "shards").glob("*")):
        if path.name not in known:
            yield f"`shards/{path.name}` belongs to no planned shard."


def _damaged(data: bytes, rows_path: Path, here: str) -> Iterator[str]:
    """The samples whose own check sum fails, by the committed index rows."""
    for row in read_table(rows_path, INDEX_SCHEMA).to_pylist():
        if zlib.crc32(data[row["offset"] : row["offset"] + row["bytes"]]) != row["crc32"]:
            yield f"{here}: sample `{row['id']}` is damaged (crc32 differs)."


def _line(shard: PlannedShard, error: Exception) -> str:
    return f"shard {shard.name}: {error}"
