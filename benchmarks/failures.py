"""What becomes of a build when something fails: lstdata beside what one writes with lhotse, webdataset and Ray Data.

Run from the project's root: `.venv/bin/python benchmarks/failures.py [PYTHON]`. Ray Data needs pandas, which lstdata
does not: PYTHON is an interpreter that has `ray[data]`, lhotse and webdataset, where this one has no pandas. Every
system stores the same 24 spoken stories in shards of four, by two workers (webdataset's writer is one process), from
the same decoder, into which `failing/faulty` puts the fault.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from failing.case import LIMIT, Case
from failing.peers import PER_SHARD
from failing.reading import Kept, read_shar, read_tars

HERE = Path(__file__).resolve().parent
STORIES = 24
BAD = "story-000001"
"""The recording that crashes, hangs or is damaged."""

PATIENCE = 30.0
"""Seconds in which a build that met the bad recording begins no other, until it counts as one that does not end."""

TRIES = 12
"""Of the bad recording, after which a build counts as one that does not end."""

ORPHANED = 15.0
"""Seconds that workers have to notice that their driver is dead."""

CUTS = 20
"""Places at which a finished tar is cut, evenly spread."""

FAULTS = (
    "driver killed",
    "all processes killed",
    "recording crashes",
    "recording hangs",
    "recording damaged",
    "tar cut later",
)
TOLERANT = ("recording crashes", "recording damaged")


@dataclass(frozen=True)
class Row:
    fault: str
    system: str
    ended: str
    readable: str
    again: str = ""


@dataclass(frozen=True)
class System:
    name: str
    command: tuple[str, ...]
    """What is run; the corpus and the output follow, then `options`."""
    read: Callable[[Path], Kept]
    options: tuple[str, ...] = ()
    faults: tuple[str, ...] = FAULTS

    def on(self, corpus: Path, out: Path) -> tuple[str, ...]:
        return (*self.command, str(corpus), str(out), *self.options)


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        corpora = Corpora(Path(folder))
        systems = systems_of(corpora, arguments[0] if arguments else sys.executable)
        with ThreadPoolExecutor(2) as pool:
            measured = pool.map(lambda system: list(Bench(corpora, system).rows()), systems)
            rows = [row for each in measured for row in each]
    print_table(rows)
    print(f"{len(rows)} cases of {STORIES} recordings, {PER_SHARD} in a shard, in {time.monotonic() - began:.0f} s")
    return 0


class Corpora:
    """The demo corpus whole, and once more with one recording cut in half."""

    def __init__(self, root: Path) -> None:
        import soundfile

        self.root, self.whole, self.damaged = root, root / "corpus", root / "damaged"
        prepare("demo-corpus", self.whole, f"--utterances={STORIES}", "--items=0", "--text-stories=50")
        shutil.copytree(self.whole, self.damaged)
        bad = self.damaged / "audio" / f"{BAD}.flac"
        self.bad_frames = int(soundfile.info(bad).frames)
        os.truncate(bad, bad.stat().st_size // 2)


def systems_of(corpora: Corpora, ray_python: str) -> list[System]:
    """The longest first."""
    options = ("--workers=2", "--no-report", "--no-verify", "--set=run.record_timeout=5")
    options += (f"--set=plan.shard_samples={PER_SHARD}",)
    systems = [System("lstdata", (*LSTDATA, "build-shards"), lambda out: read_tars(out / "shards"), options)]
    if subprocess.run([ray_python, "-c", "import pandas"], stderr=subprocess.DEVNULL).returncode == 0:
        systems += [
            System("Ray Data", peer(ray_python, "ray"), read_tars, faults=FAULTS[:5]),
            System("Ray Data, 1 retry, errors allowed", peer(ray_python, "ray-tolerant"), read_tars, faults=TOLERANT),
        ]
    else:
        print(f"Ray Data: not measured, as {ray_python} has no pandas", flush=True)
    return [
        *systems,
        System("lhotse", peer(sys.executable, "lhotse"), read_shar),
        System("lhotse, fault_tolerant", peer(sys.executable, "lhotse-tolerant"), read_shar, faults=TOLERANT[1:]),
        System("webdataset", peer(sys.executable, "webdataset"), read_tars, faults=FAULTS[1:]),
    ]


LSTDATA = (sys.executable, "-m", "lstdata")


def lstdata(verb: str, *arguments: str | Path) -> int:
    """Its exit code."""
    return subprocess.run([*LSTDATA, verb, *map(str, arguments)], capture_output=True).returncode


def prepare(verb: str, *arguments: str | Path) -> None:
    """What nothing can be measured without; says everything where it fails."""
    subprocess.run([*LSTDATA, verb, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def peer(python: str, name: str) -> tuple[str, ...]:
    return (python, str(HERE / "failing" / "peers.py"), name)


class Bench:
    """One system's faults, each in a folder of its own."""

    def __init__(self, corpora: Corpora, system: System) -> None:
        self.corpora, self.system = corpora, system

    def rows(self) -> Iterator[Row]:
        measures = {
            "driver killed": self.kill_driver,
            "all processes killed": self.kill_all,
            "recording damaged": self.damage,
            "tar cut later": self.cut,
        }
        for fault in self.system.faults:
            row = measures[fault]() if fault in measures else self.meet_bad_recording(fault, self.corpora.whole)
            print(" | ".join(filter(None, vars(row).values())), flush=True)
            yield row

    def kill_driver(self) -> Row:
        """The driver alone is killed, once three shards have their names."""
        case, process = self.half_way("driver killed")
        process.kill()
        process.wait()
        before, orphans = case.count("decoded"), case.orphans(ORPHANED)
        readable, after = str(self.system.read(case.out)), case.count("decoded")
        case.end(process)
        ended = f"{orphans} workers stay" if orphans else "its workers end"
        if after > before:
            ended += f", {after - before} more decoded"
        return Row("driver killed", self.system.name, ended, readable)

    def kill_all(self) -> Row:
        """As when a machine goes off, once three shards have their names; then the same command is run again."""
        case, process = self.half_way("all processes killed")
        case.end(process)
        readable, before = str(self.system.read(case.out)), case.count("decoded")
        status = case.run(self.system.on(self.corpora.whole, case.out))
        again = f"exit {status}: {self.system.read(case.out)} readable, {case.count('decoded') - before} decoded"
        if self.system.name == "lstdata":
            again += ", same bytes" if digests(case.out) == digests(self.undisturbed) else ", OTHER BYTES"
        return Row("all processes killed", self.system.name, "", readable, again)

    def half_way(self, name: str) -> tuple[Case, subprocess.Popen[bytes]]:
        case, command = self.case(name, self.corpora.whole)
        process = case.start(command, "slow")
        case.wait(process, LIMIT, lambda: len(list(case.out.rglob("*.tar"))) >= 3)
        if process.poll() is not None:
            raise RuntimeError(f"{self.system.name} ended before it was half way: exit {process.returncode}")
        return case, process

    def damage(self) -> Row:
        return self.meet_bad_recording("recording damaged", self.corpora.damaged)

    def meet_bad_recording(self, fault: str, corpus: Path) -> Row:
        """A build that meets the bad recording, for as long as there is patience with it."""
        case, command = self.case(fault, corpus)
        process = case.start(command, {"recording crashes": "crash", "recording hangs": "hang"}.get(fault, "none"))
        case.wait(process, LIMIT, lambda: case.count("met") > 0)
        heard = -1
        while process.poll() is None and case.count("decoded") > heard and case.count("met") < TRIES:
            heard = case.count("decoded")
            case.wait(process, PATIENCE, lambda: case.count("met") >= TRIES)
        ended = "does not end" if process.poll() is None else f"exit {process.returncode}"
        if case.count("met") > 1:
            ended += f", {case.count('met')} tries"
        readable = self.system.read(case.out)
        case.end(process)
        return Row(fault, self.system.name, ended + dead_letters(case.out), str(readable))

    def cut(self) -> Row:
        """A finished tar is cut at one place after another; which of these its reader notices."""
        tar = sorted(self.undisturbed.rglob("*.tar"))[1]
        whole, silent = tar.read_bytes(), 0
        for place in range(1, CUTS + 1):
            tar.write_bytes(whole[: len(whole) * place // (CUTS + 1)])
            silent += not self.system.read(self.undisturbed).fault
        readable = f"its reader raises at {CUTS - silent} of {CUTS} places"
        if self.system.name == "lstdata":
            status = lstdata("verify", self.undisturbed)
            readable = f"`verify` exits {status}; webdataset's reader raises at {CUTS - silent} of {CUTS} places"
        return Row("tar cut later", self.system.name, "", readable)

    @cached_property
    def undisturbed(self) -> Path:
        case, command = self.case("undisturbed", self.corpora.whole)
        status, read = case.run(command), self.system.read(case.out)
        if status or read.fault or len(read.records) != STORIES:
            raise RuntimeError(f"{self.system.name} fails where nothing is wrong: exit {status}, {read} readable")
        return case.out

    def case(self, name: str, corpus: Path) -> tuple[Case, tuple[str, ...]]:
        case = Case(self.corpora.root / self.system.name / name.replace(" ", "-"), self.corpora.bad_frames)
        return case, self.system.on(corpus, case.out)


def digests(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.rglob("*.tar"))}


def dead_letters(out: Path) -> str:
    """Their reasons, where the build has any table of them."""
    if not (out / "rejects.parquet").exists():
        return ""
    import pyarrow.parquet

    reasons = Counter(pyarrow.parquet.read_table(out / "rejects.parquet", columns=["reason"])["reason"].to_pylist())
    return "".join(f", dead letter `{reason}`" for reason in reasons)


def print_table(rows: list[Row]) -> None:
    faults = list(dict.fromkeys(row.fault for row in rows))
    print(f"\n| fault | system | the build | readable, of {STORIES} | run again |\n| --- | --- | --- | --- | --- |")
    for row in sorted(rows, key=lambda row: faults.index(row.fault)):
        print(f"| {row.fault} | {row.system} | {row.ended} | {row.readable} | {row.again} |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
