"""One shard: its sidecar, its index rows and its dead letters against what its tar and the plan give anew."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
from upath import UPath

from lstdata.build.finish import read_sidecar, shard_fingerprint
from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import PlannedRecord, PlannedShard, planned_shard, read_shard, read_shard_rows
from lstdata.errors import CorruptShard
from lstdata.index import INDEX_SCHEMA, index_row, positions_column, read_table
from lstdata.patching import utterance_patches
from lstdata.records import SAMPLE_RATE, DeadLetter, Sample
from lstdata.shards import FORMAT, STORED_STRATEGIES, StoredSample, iter_samples, stored_strategies
from lstdata.storage import exists, read_bytes, sha256_bytes, sha256_file
from lstdata.verify.guard import guarded
from lstdata.verify.run import Run


@dataclass(frozen=True)
class CountedShard:
    """What a shard really holds."""

    name: str
    rows: Sequence[dict[str, Any]]
    """Of the index, recomputed."""
    letters: Sequence[DeadLetter]
    sidecar: dict[str, Any]
    """As it should be."""

    def without_rows(self) -> CountedShard:
        return replace(self, rows=())


def check_shard(run: Run, shard: PlannedShard, problems: list[str]) -> CountedShard:
    """Recompute a shard; what is wrong goes to `problems`, and what makes it unreadable is raised."""
    here = f"shard {shard.name}"
    tar, rows_path, _ = shard_paths(run.out, shard.name)
    stated = read_sidecar(run.out, shard.name)
    letters = [_letter(letter) for letter in stated["rejected"]]
    data = _tar(tar, stated, here, problems)
    with guarded(f"{here}: its index rows", problems):
        if sha256_file(rows_path) != stated["index_sha256"]:
            problems.append(f"{here}: its index rows are not those that were committed (sha256 differs).")
    if len(data) != stated["bytes"] or (data and sha256_bytes(data) != stated["sha256"]):
        problems.append(f"{here}: the tar is not the one that was committed (sha256 or size differs).")
        with guarded(f"{here}: its index rows", problems):
            problems += _damaged(data, rows_path, here)
    rows: list[dict[str, Any]] = []
    samples = mismatches = 0
    for start, end, stored in iter_samples(data, str(tar)) if data else ():
        samples += stored.sample.samples
        mismatches += stored.sample.belies_header
        rows.append(index_row(stored, shard.name, start, data[start:end]))
        with guarded(f"{here}: sample `{stored.sample.id}`", problems):
            problems += (f"{here}: sample `{stored.sample.id}`: {m}" for m in _sample(run, shard, stored))
    planned = read_shard_rows(run.out / "plan.parquet", shard.number)
    problems += _against_plan(here, rows, letters, planned)
    if planned_shard(read_shard(run.out / "plan.parquet", shard.number), shard.number) != shard:
        problems.append(f"{here}: its rows in `plan.parquet` are not what the file's footer says of them.")
    with guarded(f"{here}: its index rows", problems):
        if pa.Table.from_pylist(rows, schema=INDEX_SCHEMA) != read_table(rows_path, INDEX_SCHEMA):
            problems.append(f"{here}: index rows and tar disagree.")
    counted = {"records": len(planned), "seconds": samples / SAMPLE_RATE, "header_mismatches": mismatches}
    sidecar = _sidecar(run, shard, stated, rows) | counted
    problems += _against_sidecar(here, sidecar, stated)
    return CountedShard(shard.name, rows, letters, sidecar)


def _letter(stated: dict[str, Any]) -> DeadLetter:
    """A dead letter of a sidecar; CorruptShard where it is none."""
    kinds = {f.name: bool if f.name == "environmental" else str for f in fields(DeadLetter)}
    if {name: type(value) for name, value in stated.items()} != kinds:
        raise CorruptShard(f"its sidecar holds {stated} where a dead letter belongs.")
    return DeadLetter(**stated)


def _tar(path: UPath, stated: dict[str, Any], here: str, problems: list[str]) -> bytes:
    """The tar's bytes; a shard without samples has none, and none may lie there."""
    if stated["samples"]:
        return read_bytes(path)
    if exists(path):
        problems.append(f"{here}: there is a tar, but the sidecar says that the shard has no samples.")
    return b""


def _sidecar(run: Run, shard: PlannedShard, stated: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the rows say of the sidecar. Check sums, which have their own messages, and dead letters are as stated."""
    return stated | {
        "format": FORMAT,
        "shard": shard.name,
        "split": shard.split,
        "fingerprint": shard_fingerprint(shard.fingerprint, run.stages),
        "stages": run.stages,
        "compute_class": stated["compute_class"] if run.mixed_compute else run.compute_class,
        "samples": len(rows),
        "units": sum(row["units"] for row in rows),
        "words": sum(row["words"] or 0 for row in rows),
        "text_bytes": sum(row["text_bytes"] or 0 for row in rows),
        "text_tokens": sum(row["text_tokens"] or 0 for row in rows),
        "patches": {n: sum(row.get(positions_column(n)) or 0 for row in rows) for n in STORED_STRATEGIES},
        "sha256": stated["sha256"] if rows else None,
    }


def _against_sidecar(here: str, sidecar: dict[str, Any], stated: dict[str, Any]) -> Iterator[str]:
    if stated["fingerprint"] != sidecar["fingerprint"]:
        yield f"{here}: it is a shard of another run, or of other records (its fingerprint differs)."
    for key in sorted(sidecar.keys() - {"fingerprint"}):
        if stated[key] != sidecar[key]:
            yield f"{here}: {key} is {sidecar[key]}, but the sidecar says {stated[key]}."


def _against_plan(
    here: str, rows: Sequence[dict[str, Any]], letters: Sequence[DeadLetter], planned: Sequence[PlannedRecord]
) -> Iterator[str]:
    """Each planned record is one sample, in the plan's order, or one dead letter."""
    rejected = Counter(letter.id for letter in letters)
    stored = [(row["key"], row["id"]) for row in rows]
    wanted = [(r.key, r.row.id) for r in planned if r.row.id not in rejected]
    there, due = set(stored), set(wanted)
    yield from (f"{here}: sample `{id}` is lost." for key, id in wanted if (key, id) not in there)
    yield from (f"{here}: sample `{id}` was not planned there." for key, id in stored if (key, id) not in due)
    if stored != wanted and sorted(stored) == sorted(wanted):
        yield f"{here}: samples are not in the order of the plan."
    known = {r.row.id for r in planned}
    yield from (f"{here}: the dead letter `{id}` was not planned there." for id in rejected if id not in known)
    yield from (f"{here}: `{id}` is a dead letter {n} times." for id, n in rejected.items() if n > 1)


def _sample(run: Run, shard: PlannedShard, stored: StoredSample) -> Iterator[str]:
    """The invariants of one sample; frames and patch sums were checked while reading."""
    sample = stored.sample
    if sample.split != shard.split:
        yield f"its split is {sample.split}, but the shard's is {shard.split}."
    if run.card is not None and sample.frames and int(sample.units.max()) >= run.card.units:
        yield f"unit {sample.units.max()} is not below the {run.card.units} clusters of the vocab card."
    for kind, *what in stored.drawn:
        if kind == "s" and not 0 <= what[0] <= what[1] <= sample.frames:
            yield f"the drawn speech span {what} is not inside its {sample.frames} frames."
        if kind == "t" and run.card is not None and not all(0 <= t < run.card.text_size for t in what[0]):
            yield "a drawn text span has ids outside the text vocabulary."
    wrong = _word_times(sample)
    if wrong is not None:
        yield wrong
        return
    wanted = stored_strategies(sample)
    if list(stored.patches) != wanted:
        yield f"it has patches of {', '.join(stored.patches)}, but must have those of {', '.join(wanted)}."
        return
    for strategy, lengths in stored.patches.items():
        if not np.array_equal(lengths, utterance_patches(strategy, sample, run.patching)):
            yield f"the `{strategy}` patches are not those of its words and activity."


def _word_times(sample: Sample) -> str | None:
    words, frames = sample.words, sample.word_frames
    if (words is None) != (frames is None) or (words is not None and frames is not None and len(words) != len(frames)):
        return "words and word times do not pair up."
    if frames is not None and frames.size:
        edges = frames.reshape(-1)
        if (np.diff(edges) < 0).any() or edges[0] < 0 or edges[-1] > sample.frames:
            return f"word times are not monotone inside its {sample.frames} frames."
    return _of_words(sample, [] if frames is None else frames.tolist())


def _of_words(sample: Sample, frames: list[list[int]]) -> str | None:
    """What is said of each word beside its times."""
    words = sample.words or ()
    for name, values in (("word scores", sample.word_scores), ("character times", sample.character_frames)):
        if values is not None and len(values) != len(words):
            return f"there are {len(values)} {name} of {len(words)} words."
    numbers = sample.interpolated
    if list(numbers) != sorted(set(numbers)) or not all(0 <= number < len(words) for number in numbers):
        return f"the interpolated words {list(numbers)} are no words of its {len(words)}, in order."
    for word, (start, end), begins in zip(words, frames, sample.character_frames or (), strict=False):
        if begins is not None and (len(begins) != len(word) or list(begins) != sorted(begins)):
            return f"the character times of `{word}` are not one for each character, in order."
        if begins is not None and not all(start <= begin <= end for begin in begins):
            return f"the character times of `{word}` are not inside the word."
    return _of_pieces(sample)


def _of_pieces(sample: Sample) -> str | None:
    pieces = sample.piece_frames
    if (pieces is None) != (sample.character_frames is None):
        return "times of pieces and of characters do not come together."
    if pieces is not None:
        begun = {frame for frames in sample.character_frames or () for frame in frames or ()}
        if list(pieces) != sorted(pieces) or not begun.issuperset(pieces.tolist()):
            return "the times of its pieces are not those of characters, in order."
    return None


def _damaged(data: bytes, rows_path: UPath, here: str) -> Iterator[str]:
    """The samples whose own check sum fails, by the committed index rows."""
    for row in read_table(rows_path, INDEX_SCHEMA).to_pylist():
        if zlib.crc32(data[row["offset"] : row["offset"] + row["bytes"]]) != row["crc32"]:
            yield f"{here}: sample `{row['id']}` is damaged (crc32 differs)."
