"""All that is told of a reproduction, once, for the page and for Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from lstdata.report.figures import counted, hours
from lstdata.reproduce.chapters import Chapter, Findings, chapters, findings, limits
from lstdata.reproduce.measured import Measured
from lstdata.reproduce.results import Reproduction
from lstdata.reproduce.script import quoted


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`code`: lines to be shown as they are."""

    text: str
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Words and tables; drawings and sounds are put beside them by whoever shows it."""

    title: str
    lead: str
    about: tuple[Paragraph, ...]
    """The recipe's own words."""
    changed: tuple[str, ...]
    """What was made otherwise than those words say."""
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
            f"Of {counted(len(found.arms), 'arm')} ({', '.join(found.arms)}) and "
            f"{counted(len(found.seeds), 'training seed')}, {done} of {counted(len(found.runs), 'training run')} "
            f"{'is' if len(found.runs) == 1 else 'are'} done and evaluated. "
            "Every figure is computed from the runs’ own files; figures of the paper are marked as such."
        ),
        about=tuple(_paragraphs(found.about)),
        changed=tuple(change.replace("`", "") for change in found.changed),
        findings=tuple(findings(found, measured)),
        limits=tuple(limits(found, measured)),
        chapters=tuple(chapters(found, measured)),
        search=found.search,
        made=tuple(_made(found)),
        commands=tuple(" ".join(["lstdata", *map(quoted, argv)]) for argv in found.commands),
    )


def _paragraphs(text: str) -> Iterator[Paragraph]:
    for part in filter(str.strip, text.split("\n\n")):
        code = part.startswith("  ")
        yield Paragraph(textwrap.dedent(part).strip("\n") if code else " ".join(part.split()), code)


def _made(found: Reproduction) -> Iterator[str]:
    yield f"lstdata reproduce OUT --size {found.size} runs these commands one after another; OUT is its folder."
    if found.seconds:
        yield (
            f"{len(found.seconds)} of {counted(len(found.commands), 'command')} are done and took "
            f"{hours(sum(found.seconds.values()))}, added up: less by the clock where several ran at once."
        )
    if not found.search:
        yield "The recipe does not say what was tuned."
