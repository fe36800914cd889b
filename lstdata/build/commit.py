"""A finished shard's files; the sidecar comes last: present ⇔ complete."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import PlannedShard
from lstdata.build.spec import BuildSpec
from lstdata.index import INDEX_SCHEMA, index_row, write_table
from lstdata.records import SAMPLE_RATE, DeadLetter
from lstdata.shards import FORMAT, STORED_STRATEGIES, StoredSample, write_shard
from lstdata.storage import commit_bytes, commit_json, read_json, remove, sha256_file


def commit_shard(spec: BuildSpec, shard: PlannedShard, results: Sequence[StoredSample | DeadLetter]) -> float:
    """Seconds of audio written: tar, then index rows, then sidecar; a shard without samples has no tar.

    Where the very same tar is committed already, its sidecar stays meanwhile: what a worker of a dead driver still
    writes must not make a finished shard look unfinished.
    """
    samples = [result for result in results if isinstance(result, StoredSample)]
    letters = [result for result in results if isinstance(result, DeadLetter)]
    tar, rows, sidecar = shard_paths(spec.out, shard.name)
    buffer = io.BytesIO()
    offsets = write_shard(buffer, samples) if samples else [0]
    data = buffer.getvalue()
    sha256 = hashlib.sha256(data).hexdigest() if samples else None
    fingerprint = spec.shard_fingerprint(shard.fingerprint)
    if not _is_committed(sidecar, fingerprint, sha256):
        remove(sidecar)
    if samples:
        commit_bytes(tar, data)
    else:
        data = b""
        remove(tar)
    stretches = zip(samples, pairwise(offsets), strict=True)
    indexed = [index_row(s, shard.name, a, data[a:b]) for s, (a, b) in stretches]
    write_table(rows, indexed, INDEX_SCHEMA)
    seconds = sum(s.sample.samples for s in samples) / SAMPLE_RATE
    stated: dict[str, Any] = {
        "format": FORMAT,
        "shard": shard.name,
        "split": shard.split,
        "fingerprint": fingerprint,
        "stages": dict(spec.stages),
        "compute_class": spec.compute_class,
        "records": shard.records,
        "samples": len(samples),
        "rejected": [asdict(letter) for letter in letters],
        "seconds": seconds,
        "header_mismatches": sum(s.sample.belies_header for s in samples),
        "units": sum(s.sample.frames for s in samples),
        "words": sum(len(s.sample.words or ()) for s in samples),
        "text_bytes": sum(row["text_bytes"] or 0 for row in indexed),
        "text_tokens": sum(row["text_tokens"] or 0 for row in indexed),
        "patches": {n: sum(len(s.patches.get(n, ())) for s in samples) for n in STORED_STRATEGIES},
        "bytes": len(data),
        "sha256": sha256,
        "index_sha256": sha256_file(rows),
    }
    commit_json(sidecar, stated)
    return seconds


def _is_committed(sidecar: UPath, fingerprint: str, sha256: str | None) -> bool:
    try:
        stated = read_json(sidecar)
        return bool(stated["fingerprint"] == fingerprint and stated["sha256"] == sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return False
