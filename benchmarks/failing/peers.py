"""What a user of each library would write to store a corpus in shards of four: `peers.py NAME CORPUS OUT`.

Each decodes every recording of the corpus' lhotse manifest and keeps samples and transcript.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np

PER_SHARD = 4


def main(name: str, corpus: str, out: str) -> None:
    if name.startswith("lhotse"):
        by_lhotse(corpus, out, fault_tolerant=name.endswith("tolerant"))
    elif name == "webdataset":
        by_webdataset(corpus, out)
    else:
        by_ray_data(corpus, out, tolerant=name.endswith("tolerant"))


def cuts_of(corpus: str) -> Any:
    from lhotse import CutSet
    from lhotse.audio.backend import LibsndfileBackend, set_current_audio_backend

    set_current_audio_backend(LibsndfileBackend())
    return CutSet.from_file(Path(corpus) / "cuts.jsonl.gz").with_recording_path_prefix(corpus)


def by_lhotse(corpus: str, out: str, *, fault_tolerant: bool) -> None:
    cuts_of(corpus).to_shar(out, {"recording": "flac"}, shard_size=PER_SHARD, num_jobs=2, fault_tolerant=fault_tolerant)


def records_of(corpus: str) -> list[dict[str, str]]:
    return [
        {"key": cut.id, "path": cut.recording.sources[0].source, "text": cut.supervisions[0].text}
        for cut in cuts_of(corpus)
    ]


def pcm(path: str) -> bytes:
    import soundfile

    samples: np.ndarray = soundfile.read(path, dtype="int16")[0]
    return samples.tobytes()


def by_webdataset(corpus: str, out: str) -> None:
    import webdataset

    Path(out).mkdir(exist_ok=True)
    with webdataset.ShardWriter(f"{out}/%06d.tar", maxcount=PER_SHARD, verbose=0) as sink:
        for record in records_of(corpus):
            sink.write({"__key__": record["key"], "pcm": pcm(record["path"]), "txt": record["text"]})


def by_ray_data(corpus: str, out: str, *, tolerant: bool) -> None:
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    options: dict[str, Any] = {}
    if tolerant:
        ray.data.DataContext.get_current().max_errored_blocks = -1
        options["max_retries"] = 1
    records = records_of(corpus)
    source = ray.data.from_items(records, override_num_blocks=len(records) // PER_SHARD)
    source.map_batches(decoded, batch_size=None, **options).write_webdataset(out)


def decoded(batch: dict[str, Any]) -> dict[str, Any]:
    return {"__key__": batch["key"], "pcm": [pcm(path) for path in batch["path"]], "txt": batch["text"]}


if __name__ == "__main__":
    main(*sys.argv[1:])
