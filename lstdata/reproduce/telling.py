"""All that is told of a reproduction, once, for the page and for Markdown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lstdata.report.figures import counted, hours
from lstdata.reproduce.chapters import Chapter, Findings, chapters, findings, limits
from lstdata.reproduce.measured import Measured
from lstdata.reproduce.results import Reproduction

_PLACE: Final = re.compile(r"[\w./:=-]*\$[A-Z_]+[\w./:=-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Words and tables; drawings and sounds are put beside them by whoever shows it."""

    title: str
    lead: str
    about: str
    findings: tuple[Findings, ...]
    limits: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    search: tuple[str, ...]
    made: tuple[str, ...]
    commands: tuple[str, ...]


def tell(found: Reproduction, measured: Measured) -> Told:
    """Nothing in it depends on anything but the folder."""
    done = sum(run.state == "done" for run in found.runs)
    return Told(
        title=f"The paper’s comparison, run again: {found.size}",
        lead=(
            f"{counted(len(found.arms), 'arm')} ({', '.join(found.arms)}), "
            f"{counted(len(found.seeds), 'training seed')}; {done} of {counted(len(found.runs), 'training run')} done "
            "and evaluated. Every figure is computed from the runs’ own files; figures of the paper are marked as such."
        ),
        about=found.about,
        findings=tuple(findings(found, measured)),
        limits=tuple(limits(found, measured)),
        chapters=tuple(chapters(found, measured)),
        search=found.search,
        made=tuple(_made(found)),
        commands=tuple(_command(argv) for argv in found.commands),
    )


def _made(found: Reproduction) -> Iterator[str]:
    yield f"lstdata reproduce OUT --size {found.size} runs these commands one after another; OUT is its folder."
    if found.seconds:
        yield (
            f"{len(found.seconds)} of {counted(len(found.commands), 'command')} are done and took "
            f"{hours(sum(found.seconds.values()))} in all."
        )
    if not found.search:
        yield "The recipe does not say what was tuned."


def _command(argv: tuple[str, ...]) -> str:
    """As a shell reads it; `$OUT` and other places are left to it."""
    return " ".join(["lstdata", *(word if _PLACE.fullmatch(word) else shlex.quote(word) for word in argv)])
