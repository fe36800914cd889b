"""What `lstdata reproduce-report` writes: figures for machines, Markdown for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.reproduce import paper
from lstdata.reproduce.markdown import document
from lstdata.reproduce.measured import Measured, measure
from lstdata.reproduce.results import Reproduction, Run, read_reproduction
from lstdata.reproduce.telling import Told, tell
from lstdata.storage import commit_bytes, commit_json

FORMAT: Final = 1
NAME: Final = "reproduction"


@dataclass(frozen=True, slots=True)
class Written:
    """Where the report lies, and what it says first."""

    paths: tuple[Path, ...]
    told: Told
    results: dict[str, Any]


def write_report(out: Path, docs: Path | None = None) -> Written:
    """Read a folder of `lstdata reproduce`, finished or not, and write OUT/results.json and OUT/reproduction.md.

    With `docs` the Markdown lies there too. Equal folders give equal bytes; ConfigError where `out` is none, or a file
    in it is damaged.
    """
    found = read_reproduction(out)
    measured = measure(found)
    told, results = tell(found, measured), results_of(found, measured)
    paths = [out / "results.json", out / f"{NAME}.md", *([docs] if docs else [])]
    commit_json(paths[0], results)
    for path in paths[1:]:
        commit_bytes(path, document(told, {}).encode())
    return Written(tuple(paths), told, results)


def results_of(found: Reproduction, measured: Measured) -> dict[str, Any]:
    """All figures for a program; no path of this machine is among them."""
    return {
        "format": FORMAT,
        "size": found.size,
        "about": found.about,
        "search": list(found.search),
        "arms": list(found.arms),
        "seeds": list(found.seeds),
        "missing": list(found.missing),
        "runs": [_run(run) for run in found.runs],
        "accuracies": [asdict(one) for one in measured.accuracies],
        "differences": [{**asdict(by), "told_apart": by.told_apart} for by in measured.differences],
        "asr": [_spoken(asdict(one)) for one in found.asr],
        "tts": [_spoken(asdict(one)) for one in found.tts],
        "seconds": dict(found.seconds),
        "paper": {
            "source": paper.PAPER,
            "task": paper.TASK,
            "compute": {arm: asdict(one) for arm, one in paper.COMPUTE.items()},
            "data": {arm: asdict(one) for arm, one in paper.DATA.items()},
        },
    }


def _run(run: Run) -> dict[str, Any]:
    said = asdict(run)
    del said["tables"]
    if run.training is not None:
        del said["training"]["smoothed"]
        said["training"]["saved_positions"] = run.training.saved_positions
    return said


def _spoken(said: dict[str, Any]) -> dict[str, Any]:
    for sentence in said["sentences"]:
        del sentence["wav"]
    return said
