"""The whole of a reproduction at its smallest: killed in the middle, and gone on with by the same command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

RECIPE = """
corpus: {demo: {utterances: 12, items: 4, text_stories: 20}}
build:
  plan: {shard_seconds: 60}
  units: {clusters: 12}
  tokenizer: {vocab_size: 300}
train:
  optimizer: {schedule: constant-then-decay, warmup: 1}
  rows: {positions: 64, tokens: 512, per_step: 2}
  steps: 8
  validate_every: 8
  validate_rows: 2
arms: [base, static-4]
sets:
  - {name: completion, items: $OUT/corpus/completion/items.jsonl}
evaluate: {modes: "s-s,t-t", interleave: speech}
"""


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lstdata", "reproduce", str(folder / "out"), "--jobs", "2", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def of_folder(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_reproduction_that_is_killed_goes_on(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    out = tmp_path / "out"
    first = start(tmp_path, "--recipe", str(tmp_path / "recipe.yaml"))
    assert first.stdout is not None
    for line in first.stdout:
        if "train base, seed 0, to step" in line:  # beside what is asked of static-4
            break
    first.kill()
    first.wait()
    first.stdout.close()
    end = time.monotonic() + 60
    while of_folder(tmp_path) and time.monotonic() < end:
        time.sleep(0.1)
    assert not of_folder(tmp_path)
    before = {path.name: path.read_bytes() for path in (out / "done").iterdir()}
    assert {"build-speech.json"} <= set(before) and len(before) < 8

    said, _ = (second := start(tmp_path)).communicate()
    assert second.returncode == 0, said
    assert f"{len(before)} of 11 steps are done" in said
    assert {name: (out / "done" / name).read_bytes() for name in before} == before
    assert len(list((out / "done").iterdir())) == 11

    runs = {name: out / "runs" / name for name in ("compute/base-0", "compute/static-4-0", "data/base-0")}
    last = {n: json.loads((r / "metrics/train.jsonl").read_text().splitlines()[-1]) for n, r in runs.items()}
    assert last["compute/base-0"]["Step"] == last["compute/static-4-0"]["Step"] == 8
    assert last["data/base-0"]["total_tokens"] >= last["compute/static-4-0"]["total_tokens"]
    assert last["data/base-0"]["total_positions"] > last["compute/static-4-0"]["total_positions"]
    for run in runs.values():
        assert {path.name for path in (run / "evaluation").iterdir()} >= {"completion.json", "speech-validation.json"}
    assert (out / "results.json").is_file() and (out / "reproduction.md").is_file()
