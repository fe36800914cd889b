"""Planning a table of 10,000, 100,000 and 1,000,000 records: time for each, memory, and what others take to read it.

Run from the project's root: `.venv/bin/python benchmarks/planning.py`, or with the names of cases. Each case and size
has a process of its own; times are of its processor, so that neighbours do not count, memory is the most that was
resident, imports included. The peers do less: lhotse makes its object of each record, lazily, and pyarrow reads the
table and sorts it, all of it in memory.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WARM_UP = 10
"""Records that are read first, for what is imported and allocated once."""

SIZES = (10_000, 100_000, 1_000_000)
MOST, MOST_MORE, MOST_SLOWER = 500.0, 150.0, 1.3
"""Megabytes (lhotse's own imports take more), megabytes between the smallest and the largest table, and the time of a
record against that of one in a table of a tenth."""

TEXT = "the old miller saw seven grey geese above the river and so he went home early to tell his sister"


def main(names: list[str]) -> int:
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for rows in (WARM_UP, *SIZES):
            write_tables(Path(folder), rows)
        for name in names or CASES:
            found = [measured(name, Path(folder), rows) for rows in SIZES]
            for rows, (seconds, megabytes) in zip(SIZES, found, strict=True):
                each = 1e6 * seconds / rows
                print(
                    f"{name:16}{rows:>9,} records  {seconds:7.2f} s  {each:4.0f} µs each  {megabytes:4.0f} MB",
                    flush=True,
                )
            (_, least), (middle, _), (last, most) = found
            slower = last / middle * SIZES[1] / SIZES[2]
            print(f"{'':16}{most - least:.0f} MB more, {slower:.2f} times the time of each record", flush=True)
            if name.startswith("plan"):
                imported = name == "plan-cuts"
                kept &= (most <= MOST or imported) and most - least <= MOST_MORE and slower <= MOST_SLOWER
    limits = f"at most {MOST:.0f} MB, {MOST_MORE:.0f} MB more, {MOST_SLOWER} times the time"
    print(f"summary: {'planning keeps' if kept else 'planning exceeds'} its limits: {limits}")
    return 0


def measured(name: str, folder: Path, rows: int) -> tuple[float, float]:
    """(seconds of processor time, megabytes) of a case."""
    command = [sys.executable, __file__, "--in-process", name, str(folder), str(rows)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout.splitlines()
    seconds, megabytes = json.loads(lines[-1])
    return seconds, megabytes


def plan(path: Path, rows: int) -> None:
    from lstdata.build.plan import make_plan
    from lstdata.config import PlanConfig, SourceConfig
    from lstdata.sources import open_source

    made = make_plan(open_source(str(path), SourceConfig()), PlanConfig(), path.with_name("plan.parquet"))
    assert made.records == rows and not made.rejected


def lhotse_scan(path: Path, rows: int) -> None:
    from lhotse import CutSet

    assert sum(cut.duration > 0 for cut in CutSet.from_jsonl_lazy(path)) == rows


def pyarrow_sort(path: Path, rows: int) -> None:
    table = pq.read_table(path).sort_by("audio")
    pq.write_table(table, path.with_name("sorted.parquet"), row_group_size=1000, compression="zstd")
    assert table.num_rows == rows


def write_tables(folder: Path, rows: int) -> None:
    """The same records as JSON lines, Parquet, and lhotse's cuts."""
    batch: list[dict[str, object]] = []
    kinds = {"id": "string", "audio": "string", "duration": "double", "speaker": "string", "text": "string"}
    schema = pa.schema(list(kinds.items()))
    with (
        open(folder / f"{rows}.jsonl", "w", encoding="utf-8") as lines,
        open(folder / f"{rows}.cuts.jsonl", "w", encoding="utf-8") as cuts,
        pq.ParquetWriter(folder / f"{rows}.parquet", schema) as parquet,
    ):
        for i in range(rows):
            name, seconds = f"utt-{i:07d}", 12.5 + i % 7
            row = {"id": name, "audio": f"wav/{i}.wav", "duration": seconds, "speaker": f"s{i % 500}", "text": TEXT}
            lines.write(json.dumps(row) + "\n")
            cuts.write(json.dumps(cut(row, round(16_000 * seconds))) + "\n")
            batch.append(row)
            if len(batch) == 65_536 or i == rows - 1:
                parquet.write_table(pa.Table.from_pylist(batch, schema))
                batch.clear()


def cut(row: dict[str, object], samples: int) -> dict[str, object]:
    name, seconds = row["id"], row["duration"]
    spoken = {"id": name, "recording_id": name, "start": 0, "duration": seconds, "channel": 0, "text": TEXT}
    source = {"type": "file", "channels": [0], "source": row["audio"]}
    recording = {"id": name, "sources": [source], "sampling_rate": 16_000, "num_samples": samples, "channel_ids": [0]}
    return {
        "id": name,
        "type": "MonoCut",
        "start": 0,
        "duration": seconds,
        "channel": 0,
        "supervisions": [{**spoken, "speaker": row["speaker"]}],
        "recording": {**recording, "duration": seconds},
    }


CASES: dict[str, tuple[Callable[[Path, int], None], str]] = {
    "plan-jsonl": (plan, "jsonl"),
    "plan-parquet": (plan, "parquet"),
    "plan-cuts": (plan, "cuts.jsonl"),
    "lhotse-cuts": (lhotse_scan, "cuts.jsonl"),
    "pyarrow-parquet": (pyarrow_sort, "parquet"),
}
"""What is done with which table. Planning writes a plan in its own order; lhotse only reads."""


def in_process(name: str, folder: Path, rows: int) -> None:
    work, suffix = CASES[name]
    work(folder / f"{WARM_UP}.{suffix}", WARM_UP)
    began = time.process_time()
    work(folder / f"{rows}.{suffix}", rows)
    print(json.dumps([time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-process"]:
        in_process(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(main(sys.argv[1:]))
