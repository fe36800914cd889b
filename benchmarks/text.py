"""What documents of text cost: planned, read, coded, written and loaded, in processor time of one core.

Run from the project's root: `.venv/bin/python benchmarks/text.py TEXT TOKENIZER`. TEXT is what `build-shards` takes
with `--kind text`, TOKENIZER a tokenizer's file; up to 16 MB of it are built in this process, as a worker would.
"""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from lstdata.build.plan import make_plan
from lstdata.build.plan_table import PlannedRecord, read_shard_rows
from lstdata.build.text_stages import TextStages, read_document
from lstdata.config import BuildConfig, load
from lstdata.shards import StoredSample, sample_in, write_shard
from lstdata.sources import open_source
from lstdata.tokenizer import TextTokenizer
from lstdata.tokenizer.files import given_tokenizer

MOST_BYTES = 16_000_000

T = TypeVar("T")


def main(text: str, tokenizer_path: str) -> int:
    config = load(BuildConfig, None, ["source.kind=text", "plan.validation=0"])
    source = open_source(str(Path(text).absolute()), config.source)
    tokenizer = TextTokenizer.from_bytes(given_tokenizer(tokenizer_path))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "plan.parquet"
        planning, plan = clocked(lambda: make_plan(source, config.plan, path))
        records: list[PlannedRecord] = []
        for shard in plan.shards:
            records += read_shard_rows(path, shard.number)
            if sum(record.row.text_bytes or 0 for record in records) > MOST_BYTES:
                break
        plan_bytes = path.stat().st_size / plan.records
    megabytes = sum(record.row.text_bytes or 0 for record in records) / 1e6
    stages = TextStages(config, source, tokenizer)
    reading, documents = clocked(lambda: [read_document(source, record) for record in records])
    building, done = clocked(lambda: stages.process(dict(enumerate(records))))
    samples = [sample for _, sample in sorted(done.items()) if isinstance(sample, StoredSample)]
    tar = io.BytesIO()
    writing, offsets = clocked(lambda: write_shard(tar, samples))
    stretches = [tar.getvalue()[start:end] for start, end in pairwise(offsets)]
    loading, _ = clocked(lambda: [sample_in(stretch, "tar") for stretch in stretches])
    tokens = sum(len(sample.sample.tokens) for sample in samples if sample.sample.tokens is not None)
    packed = len(gzip.compress("\n".join(document.text for document in documents).encode(), 6))

    print(f"{plan.records:,} documents, {plan.text_bytes / 1e6:,.1f} MB; the plan: {plan_bytes:.1f} bytes a document")
    print(f"{'planned':10}{plan.records / planning:12,.0f} documents/s {plan.text_bytes / 1e6 / planning:9.2f} MB/s")
    for what, seconds in (("read", reading), ("built", building + writing), ("loaded", loading)):
        print(f"{what:10}{len(samples) / seconds:12,.0f} documents/s {megabytes / seconds:9.2f} MB/s")
    size, length = 1e6 * megabytes / len(samples), tokens / len(samples)
    print(f"{len(samples):,} documents of {size:,.0f} bytes and {length:,.0f} tokens")
    print(f"a token: {offsets[-1] / tokens:.2f} bytes of shard, {packed / tokens:.2f} of its text by gzip")
    return 0


def clocked(work: Callable[[], T]) -> tuple[float, T]:
    started = time.process_time()
    made = work()
    return time.process_time() - started, made


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
