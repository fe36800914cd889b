"""A build on one core and on two, by each runner, beside no runner at all and Ray Data; and what 10,000 shards cost.

Run from the project's root: `.venv/bin/python benchmarks/build.py`. Needs two cores that others leave alone; how busy
they were is said with each run. Ray Data needs pandas, which lstdata does not: `--ray-data PYTHON` is an interpreter
that has it and all that lstdata needs, where this one has no pandas.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from building.builds import ALONE, COMMAND, SPAN, Build, Way, print_builds, run_all, scaling, ways
from building.corpus import find_corpus
from building.deadlines import microseconds_per_record
from building.empty import CASES, SETTLED, WORKERS
from building.finished import seconds_to_recognise

FEW, MANY = 100, 10_000
"""Shards."""

MINUTE = 60
"""Seconds for one shard."""


def main(arguments: Sequence[str]) -> int:
    asked = parsed(arguments)
    # Workers on Ray and the peers' interpreter import this project and its benchmarks.
    here = Path(__file__).resolve().parent
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here.parent), str(here), os.environ.get("PYTHONPATH", "")])
    python = ray_python(asked.ray_data)
    print(f"load before: {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores", flush=True)
    said: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.hours:
            said += report_builds(asked.hours, asked.rounds, python, folder)
        said += report_many(python, folder)
        seconds = seconds_to_recognise(MANY, folder)
    said.append(f"{MANY:,} finished shards recognised in {seconds:.2f} s")
    said.append(f"a record's deadline costs {microseconds_per_record():.1f} µs")
    print("summary: " + "; ".join(said))
    return 0


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0, help="Of speech; 0: only what shards cost that hold none.")
    parser.add_argument("--rounds", type=int, default=2, help="Of all builds, in turn; medians are compared.")
    parser.add_argument("--ray-data", default=sys.executable, metavar="PYTHON", help="With pandas.")
    return parser.parse_args(arguments)


def ray_python(wanted: str) -> str | None:
    if subprocess.run([wanted, "-c", "import pandas"], stderr=subprocess.DEVNULL).returncode == 0:
        return wanted
    print(f"Ray Data: not measured, as {wanted} has no pandas", flush=True)
    return None


def report_builds(hours: float, rounds: int, python: str | None, folder: Path) -> list[str]:
    corpus = find_corpus(hours)
    chosen = list(ways(corpus, python))
    print(f"{corpus.hours:.2f} h of speech, {rounds} rounds", flush=True)
    builds = run_all(corpus, chosen, rounds, folder)
    print_builds(builds, chosen)
    return [_scaled(builds, way) for way in chosen if way.workers > 1]


def _scaled(builds: Sequence[Build], way: Way) -> str:
    ratios = [scaling(builds, way, of) for of in (SPAN, ALONE, COMMAND)]
    return "{}: {:.2f} of one worker's time ({:.2f} alone, {:.2f} of the whole command's)".format(way.name, *ratios)


def report_many(python: str | None, folder: Path) -> list[str]:
    print(f"\n| {WORKERS} workers, empty shards | count | a second | driver, MB | more than at shard {SETTLED} |")
    print("| --- | --: | --: | --: | --: |")
    found: dict[tuple[str, int], dict[str, float]] = {}
    for case in CASES:
        interpreter = python if case == "Ray Data" else sys.executable
        for count in (FEW, MANY) if interpreter else ():
            found[case, count] = one = measured(str(interpreter), case, count, folder / f"{case} {count}")
            rate = f"{one['rate']:,.0f}" if count == MANY else ""
            cells = f"{count:,} | {rate} | {one['end']:.1f} | {one['end'] - one['settled']:.1f}"
            print(f"| {case} | {cells} |", flush=True)
    per_second = found["driver on ray", MANY]["rate"]
    more = found["driver on ray", MANY]["end"] - found["driver on ray", FEW]["end"]
    return [
        f"a driver on Ray takes {per_second:.0f} shards a second: {per_second * MINUTE:,.0f} workers, at a minute each",
        f"{MANY:,} shards take {more:.1f} MB more of it than {FEW}",
    ]


def measured(python: str, case: str, count: int, folder: Path) -> dict[str, float]:
    folder.mkdir()
    command = [python, str(Path(__file__).with_name("building") / "empty.py"), case, str(count), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
