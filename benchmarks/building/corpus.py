"""What is built: spoken stories, synthesised once and kept, with one codebook and tokenizer for every build of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import lstdata

STORY_SECONDS = 14.5
"""At least, on average."""

FITTED_ON = 40
"""Stories."""

MADE_BY = ("demo/*.py", "units/**/*.py", "tokenizer/*.py")
"""Modules of lstdata that what is kept depends on."""


@dataclass(frozen=True)
class Corpus:
    kept: Path

    @property
    def folder(self) -> Path:
        return self.kept / "corpus"

    @property
    def hours(self) -> float:
        said = json.loads((self.folder / "corpus.json").read_text(encoding="utf-8"))
        return float(said["summary"]["seconds"]) / 3600

    def options(self, shard_seconds: float) -> tuple[str, ...]:
        """Of a build of nothing but shards."""
        settings = {
            "units.codebook": self.kept / "codebook.npz",
            "tokenizer.path": self.kept / "tokenizer.json",
            "plan.shard_seconds": shard_seconds,
        }
        return ("--no-verify", "--no-report", *(f"--set={name}={value}" for name, value in settings.items()))


def find_corpus(hours: float) -> Corpus:
    """As many stories as make so many hours; kept among the system's temporary files, by what made them."""
    stories = int(hours * 3600 / STORY_SECONDS) + 1
    made_by = hashlib.sha256(str(stories).encode())
    package = Path(lstdata.__file__).parent
    for pattern in MADE_BY:
        for path in sorted(package.glob(pattern)):
            made_by.update(path.read_bytes())
    kept = Path(tempfile.gettempdir()) / f"lstdata-benchmark-{made_by.hexdigest()[:16]}"
    if not kept.exists():
        print(f"synthesising {stories} stories into {kept}", flush=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            made = Path(folder) / "made"
            _make(made, stories)
            os.rename(made, kept)
    return Corpus(kept)


def _make(folder: Path, stories: int) -> None:
    few, fitted = folder / "few", folder / "fitted"
    for corpus, utterances in ((folder / "corpus", stories), (few, FITTED_ON)):
        lstdata_run("demo-corpus", corpus, f"--utterances={utterances}", "--items=0", "--text-stories=50")
    lstdata_run("build-shards", few, fitted, "--no-verify", "--no-report")
    for name in ("codebook.npz", "tokenizer.json"):
        os.rename(fitted / name, folder / name)
    for made in (few, fitted):
        shutil.rmtree(made)


def lstdata_run(verb: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "lstdata", verb, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
