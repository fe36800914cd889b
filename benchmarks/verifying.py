"""How fast `verify` is: all of it for each sample, `--quick` beside `sha256sum` of the same files, and its memory.

Run from the project's root: `.venv/bin/python benchmarks/verifying.py`, or with a number of utterances. The runs are
made for it, without audio: utterances of 12 to 15 s with words, characters' times and all five strategies. Times are of
processors, so that neighbours do not count, and of one worker process unless it says otherwise; what is imported and
allocated once is not in them. All files are in the page cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

UTTERANCES = 160_000
"""More than 500 MB."""

TIMES = 5
"""Of `--quick` and its peers, in turn."""

MOST_EACH, LEAST_SPEED, MOST_MORE = 600.0, 0.7, 64.0
"""Microseconds of a sample; speed of `--quick`, that of sha256sum being 1; megabytes that a run of ten times as many
samples may take more."""


def main(utterances: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out, small = Path(folder) / "run", Path(folder) / "small"
        for run, count in ((small, utterances // 10), (out, utterances)):
            began = time.perf_counter()
            measured("make", run, count)
            print(f"{count:,} utterances, {megabytes(run):,.0f} MB: made in {time.perf_counter() - began:.0f} s")
        each = 1e6 * measured("all", out)["processor"] / utterances
        print(f"verify                  {each:6.0f} µs a sample, {each / 10:.0f} s for 100,000", flush=True)
        found = [{name: peer(out) for name, peer in PEERS.items()} for _ in range(TIMES)]
        rates = {name: megabytes(out) / median(times[name] for times in found) for name in PEERS}
        for name, rate in rates.items():
            print(f"{name:24}{rate:6.0f} MB/s", flush=True)
        speed = rates["verify --quick"] / rates.get("sha256sum", rates["hashlib"])
        workers = len(os.sched_getaffinity(0))
        most = [measured("many", run, workers)["memory"] for run in (small, out)]
        print(f"memory of the parent of {workers} workers: {most[0]:.0f} MB, of ten times the samples {most[1]:.0f} MB")
    kept = each <= MOST_EACH and speed >= LEAST_SPEED and most[1] - most[0] <= MOST_MORE
    print(
        f"summary: {each:.0f} µs a sample (at most {MOST_EACH:.0f}); --quick at {speed:.2f} of the speed of sha256sum "
        f"(at least {LEAST_SPEED}); {most[1] - most[0]:.0f} MB more (at most {MOST_MORE:.0f}): "
        f"{'within' if kept else 'beyond'} the limits"
    )
    return 0


def measured(case: str, run: Path, number: int = 1) -> dict[str, float]:
    """What a case says, in a process of its own."""
    command = [sys.executable, __file__, "--in-process", case, str(run), str(number)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout.splitlines()
    found: dict[str, float] = json.loads(lines[-1])
    return found


def make(run: Path, utterances: int) -> dict[str, float]:
    from verified.synthetic import write_run

    write_run(run, utterances)
    return {}


def check(run: Path, workers: int, *, quick: bool = False) -> dict[str, float]:
    """Seconds of this process's processors, and the most megabytes that it ever had."""
    from upath import UPath

    from lstdata.verify import How, verify
    from lstdata.verify.depth import EVERYTHING, QUICK

    how = How(depth=QUICK if quick else EVERYTHING, workers=workers)
    small = run.with_name("small")
    if small != run:  # for what is done once
        verify(UPath(small), how)
    before = time.process_time()
    verdict = verify(UPath(run), how)
    assert verdict.samples and not verdict.problems, verdict.problems[:3]
    return {
        "processor": time.process_time() - before,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def sha256sum(run: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sha256sum", *map(str, files(run))], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def openssl(run: Path) -> float:
    """By Python's hashlib, which is what verify has."""
    before = time.process_time()
    for path in files(run):
        with open(path, "rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.process_time() - before


def files(run: Path) -> list[Path]:
    return sorted(path for path in run.rglob("*") if path.is_file())


def megabytes(run: Path) -> float:
    return sum(path.stat().st_size for path in files(run)) / 1e6


PEERS: dict[str, Callable[[Path], float]] = {
    "verify --quick": lambda run: measured("quick", run)["processor"],
    "hashlib": openssl,
}
if shutil.which("sha256sum"):
    PEERS["sha256sum"] = sha256sum

CASES: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "make": make,
    "all": check,
    "many": check,
    "quick": lambda run, workers: check(run, workers, quick=True),
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-process"]:
        print(json.dumps(CASES[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else UTTERANCES))
