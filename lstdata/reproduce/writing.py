"""What `lstdata reproduce-report` writes: figures for machines, a page and Markdown for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from lstdata.errors import ConfigError
from lstdata.reproduce import paper
from lstdata.reproduce.curves import AXES, KINDS, Drawing, drawings
from lstdata.reproduce.markdown import Beside, document
from lstdata.reproduce.measured import Measured, measure
from lstdata.reproduce.page import render
from lstdata.reproduce.results import Reproduction, Run, read_reproduction
from lstdata.reproduce.sounds import Heard, sounds
from lstdata.reproduce.spoken import SYNTHESIS
from lstdata.reproduce.svg import as_file
from lstdata.reproduce.telling import Told, tell
from lstdata.storage import commit_bytes, commit_json

FORMAT: Final = 1
NAME: Final = "reproduction"

_NO_NAME: Final = re.compile("[^a-z0-9-]+")
"""What is put in no name of a file."""

_OURS: Final = re.compile(
    rf"(?:(?:{'|'.join(KINDS)})-(?:{'|'.join(AXES)})|(?:recognition|{SYNTHESIS})-wer(?:-\d+)?)\.svg"
    r"|sentence-\d+-[a-z0-9-]+\.mp3"
)
"""Names of drawings and of sounds."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the report lies, and what it says first."""

    paths: tuple[Path, ...]
    told: Told
    results: dict[str, Any]


def write_report(out: Path, docs: Path | None = None) -> Written:
    """Read a folder of `lstdata reproduce`, finished or not; write reproduction.html and .md and results.json there.

    The Markdown's drawings and sounds lie in a folder beside it, of its name. With `docs` both are there too. Equal
    folders give equal bytes; ConfigError where `out` is none, or a file in it is damaged.
    """
    if docs is not None and docs.suffix != ".md":
        raise ConfigError(f"`--docs` must be a file NAME.md, beside which a folder NAME is made, but is `{docs}`.")
    found = read_reproduction(out)
    measured = measure(found)
    told, results = tell(found, measured), results_of(found, measured)
    drawn, heard = list(drawings(found)), sounds(found.tts)
    page, figures, text = out / f"{NAME}.html", out / "results.json", out / f"{NAME}.md"
    commit_json(figures, results)
    commit_bytes(page, render(told, drawn, heard).encode())
    for path in (text, *([docs] if docs else [])):
        _write_markdown(path, told, drawn, heard)
    return Written((page, text, figures, *([docs] if docs else [])), told, results)


def _write_markdown(path: Path, told: Told, drawn: Sequence[Drawing], heard: Sequence[Heard]) -> None:
    """A document, and in a folder of its name what it shows."""
    folder = path.with_suffix("")
    files = {f"{one.name}.svg": as_file(one.svg) for one in drawn}
    pictures = {one.name: f"{folder.name}/{one.name}.svg" for one in drawn}
    recordings: dict[tuple[int, str], str] = {}
    for number, sentence in enumerate(heard, 1):
        for sound in sentence.sounds:
            if sound.mp3 is not None:
                name = f"sentence-{number}-{_NO_NAME.sub('-', sound.arm)}.mp3"
                files[name] = sound.mp3
                recordings[number, sound.arm] = f"{folder.name}/{name}"
    for name, content in files.items():
        commit_bytes(folder / name, content)
    commit_bytes(path, document(told, drawn, heard, Beside(pictures, recordings)).encode())
    _remove_old(folder, files)


def _remove_old(folder: Path, files: Collection[str]) -> None:
    """What an earlier report showed and this one does not; nothing that was put there by others."""
    for path in folder.glob("*"):
        if _OURS.fullmatch(path.name) and path.name not in files:
            path.unlink()


def results_of(found: Reproduction, measured: Measured) -> dict[str, Any]:
    """All figures for a program; no path of this machine is among them."""
    return {
        "format": FORMAT,
        "size": found.size,
        "about": found.about,
        "search": list(found.search),
        "changed": list(found.changed),
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
