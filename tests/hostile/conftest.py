"""What became of each record of a hostile corpus, and what a user was told."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

SAMPLE = "sample"
"""The outcome of a record that became one."""

CHEAP = ("units.clusters=8", "tokenizer.vocab_size=257", "run.workers=1", "plan.shard_seconds=4000")


@dataclass(frozen=True)
class Told:
    """How a command of `lstdata` ended and what it wrote; no traceback ever reaches a user."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


def lstdata(*arguments: str | Path) -> Told:
    """Run the command line as a user does, in a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lstdata", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    told = Told(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in told.out + told.err, told.err
    return told


def outcomes(source: Path, out: Path, *sets: str) -> dict[str, str]:
    """Each record's id → `sample`, or the reason of its dead letter, after a build that must succeed."""
    options = [part for item in (*CHEAP, *sets) for part in ("--set", item)]
    told = lstdata("build-shards", source, out, *options, "--max-reject-rate", "1", "--no-report")
    assert told.code == 0, told.err
    written = pq.read_table(out / "index.parquet", columns=["id"])["id"].to_pylist()
    letters = pq.read_table(out / "rejects.parquet").to_pylist()
    planned = pq.ParquetFile(out / "plan.parquet").metadata.num_rows
    found = dict.fromkeys(written, SAMPLE) | {letter["id"]: letter["reason"] for letter in letters}
    assert planned == len(written) + len(letters) == len(found)
    assert not [letter for letter in letters if not letter["message"]]
    assert {letter["reason"] for letter in letters if letter["environmental"]} <= {"missing_audio"}
    assert str(source.parent) not in "".join(letter["message"] for letter in letters)
    return found
