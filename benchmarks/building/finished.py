"""How long it takes to see that shards are finished."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from statistics import median

from building.empty import planned, spec_of

from lstdata.build.finish import SIDECAR
from lstdata.build.folder import shard_paths
from lstdata.build.standing import standing
from lstdata.shards import STORED_STRATEGIES

TIMES = 3


def seconds_to_recognise(count: int, folder: Path) -> float:
    """Median, of folders whose sidecars are as long as real ones; the tars are small."""
    spec, shards = spec_of(folder), list(planned(count))
    (folder / "shards").mkdir()
    for shard in shards:
        tar, rows, sidecar = shard_paths(spec.out, shard.name)
        stated = dict.fromkeys(SIDECAR, 0) | {
            "shard": shard.name,
            "fingerprint": spec.shard_fingerprint(shard.fingerprint),
            "stages": dict(spec.stages),
            "patches": dict.fromkeys(STORED_STRATEGIES, 1_234_567),
            "bytes": 512,
            "sha256": "0" * 64,
            "index_sha256": "0" * 64,
            "rejected": [letter(n) for n in range(3)],
        }
        Path(str(tar)).write_bytes(bytes(512))
        Path(str(rows)).write_bytes(b"")
        Path(str(sidecar)).write_text(json.dumps(stated, indent=1), encoding="utf-8")
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found = standing(spec.out, shards, lambda shard: spec.shard_fingerprint(shard.fingerprint))
        seconds.append(time.perf_counter() - started)
        assert len(found.complete) == count
    shutil.rmtree(folder / "shards")
    return median(seconds)


def letter(number: int) -> dict[str, object]:
    return {
        "id": f"recording-{number:06d}",
        "stage": "words",
        "reason": "low_score",
        "message": "the words' score is -9.12 per frame, below `words.min_score` -7.25.",
        "source": f"audio/recording-{number:06d}.flac",
        "environmental": False,
    }
