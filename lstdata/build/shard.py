"""Building one shard, whole: the unit of work, of retry and of commit."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

from lstdata.build.folder import shard_paths
from lstdata.build.plan_table import PlannedShard, read_shard_rows
from lstdata.build.spec import BuildSpec
from lstdata.build.stages import Stages
from lstdata.compute import compute_class
from lstdata.computing import uses_models
from lstdata.errors import ConfigError
from lstdata.index import INDEX_SCHEMA, index_row, write_table
from lstdata.records import HOP, SAMPLE_RATE, DeadLetter
from lstdata.run_folder import read_card
from lstdata.shards import FORMAT, STORED_STRATEGIES, StoredSample, write_shard
from lstdata.sources import open_source
from lstdata.storage import commit_bytes, commit_json, exists, remove, sha256_file
from lstdata.tokenizer import TextTokenizer
from lstdata.units.codebook import load_codebook
from lstdata.units.features import make_extractor
from lstdata.workers.trying import try_hard


@dataclass(frozen=True)
class ShardResult:
    """What a finished shard tells the driver."""

    name: str
    samples: int
    rejected: int
    seconds: float
    """Of audio written."""
    stage_seconds: dict[str, float] = field(default_factory=dict)
    wanted_frames: int = 0
    """That recordings and their windows have."""
    computed_frames: int = 0
    """That went through the encoder, padding and missing rows included."""


def shard_builder(spec: BuildSpec) -> Callable[[PlannedShard], ShardResult]:
    """What a worker does with each shard it is given."""
    return partial(build_shard, spec)


def build_shard(spec: BuildSpec, shard: PlannedShard) -> ShardResult:
    """Build and commit one shard; the sidecar comes last: present ⇔ complete. Faults of the world are retried.

    Raises LstDataError and nothing else.
    """
    return try_hard(partial(_build_once, spec, shard), shard.describe())


def _build_once(spec: BuildSpec, shard: PlannedShard) -> ShardResult:
    stages = _stages(spec)
    stages.seconds.clear()
    samples: list[StoredSample] = []
    letters: list[DeadLetter] = []
    before = stages.frames
    for result in stages.process(read_shard_rows(spec.out / "plan.parquet", shard.row_group)):
        if isinstance(result, DeadLetter):
            letters.append(result)
        else:
            samples.append(result)
    started = time.perf_counter()
    seconds = _commit(spec, shard, samples, letters)
    stages.seconds["commit"] += time.perf_counter() - started
    wanted, computed = (now - then for now, then in zip(stages.frames, before, strict=True))
    return ShardResult(shard.name, len(samples), len(letters), seconds, dict(stages.seconds), wanted, computed)


def _commit(spec: BuildSpec, shard: PlannedShard, samples: list[StoredSample], letters: list[DeadLetter]) -> float:
    """Tar, then index rows, then sidecar; a shard without samples has no tar."""
    tar, rows, sidecar = shard_paths(spec.out, shard.name)
    remove(sidecar)
    buffer = io.BytesIO()
    offsets = write_shard(buffer, samples) if samples else [0]
    data = buffer.getvalue()
    if samples:
        commit_bytes(tar, data)
    else:
        data = b""
        remove(tar)
    stretches = zip(samples, pairwise(offsets), strict=True)
    write_table(rows, [index_row(s, shard.name, a, data[a:b]) for s, (a, b) in stretches], INDEX_SCHEMA)
    seconds = sum(s.sample.samples for s in samples) / SAMPLE_RATE
    stated: dict[str, Any] = {
        "format": FORMAT,
        "shard": shard.name,
        "split": shard.split,
        "fingerprint": spec.shard_fingerprint(shard.fingerprint),
        "stages": dict(spec.stages),
        "compute_class": spec.compute_class,
        "records": shard.records,
        "samples": len(samples),
        "rejected": [asdict(letter) for letter in letters],
        "seconds": seconds,
        "header_mismatches": sum(s.sample.belies_header for s in samples),
        "units": sum(s.sample.frames for s in samples),
        "words": sum(len(s.sample.words or ()) for s in samples),
        "patches": {n: sum(len(s.patches.get(n, ())) for s in samples) for n in STORED_STRATEGIES},
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest() if samples else None,
        "index_sha256": sha256_file(rows),
    }
    commit_json(sidecar, stated)
    return seconds


@lru_cache(maxsize=1)
def _stages(spec: BuildSpec) -> Stages:
    """The stages with their models, loaded once per process."""
    here = compute_class(spec.device, uses_models(spec.config))
    if here != spec.compute_class:
        raise ConfigError(
            f"This worker's compute class is {here}, but the build's is {spec.compute_class}: their bytes could differ."
        )
    source = open_source(spec.source, spec.config.source)
    codebook, card = spec.out / "codebook.npz", read_card(spec.out)
    features = spec.features if exists(codebook) else None
    return Stages(
        config=spec.config,
        source=source,
        extractor=None if features is None else make_extractor(features, load_codebook(codebook)),
        tokenizer=TextTokenizer.read(str(spec.out / "tokenizer.json")),
        clusters=0 if card is None else card.units,
        hop=HOP if spec.features is None else spec.features.hop,
        device=spec.device,
        word_source=spec.word_source,
    )
