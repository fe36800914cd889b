"""A hook of mkdocs: what pipelines/*.yaml say and choose, on the pages that have a mark for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from docs.commands import plain

PIPELINES: Final = Path(__file__).resolve().parents[1] / "pipelines"
CORPORA: Final = ("librispeech", "mls", "libri-light", "peoples-speech", "commonvoice", "ljspeech")
TRAININGS: Final = ("train-420m", "train-1b", "train-baseline-1b")
REPRODUCTIONS: Final = ("reproduce-tiny", "reproduce-small", "reproduce-420m", "reproduce-1b")
FINE_TUNINGS: Final = ("asr", "tts")
EVALUATIONS: Final = ("eval",)
MARKS: Final = {
    re.compile("<!-- every recipe.*-->"): CORPORA,
    re.compile("<!-- every training.*-->"): TRAININGS,
    re.compile("<!-- every reproduction.*-->"): REPRODUCTIONS,
    re.compile("<!-- every fine-tuning.*-->"): FINE_TUNINGS,
    re.compile("<!-- every evaluation.*-->"): EVALUATIONS,
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    for mark, names in MARKS.items():
        recipes = "\n".join(line for name in names for line in _recipe(name)) if mark.search(markdown) else ""
        markdown = mark.sub(lambda _, recipes=recipes: recipes, markdown)
    return markdown


def _recipe(name: str) -> Iterator[str]:
    """The corpus' `about` with its commands, then the options of its file."""
    text = (PIPELINES / f"{name}.yaml").read_text(encoding="utf-8")
    first, *rest = yaml.safe_load(text)["about"].strip().split("\n\n")
    called, what = first.split(": ", 1)
    yield f"### {called}\n"
    for paragraph in (what[0].upper() + what[1:], *rest):
        if paragraph.startswith("  "):
            yield "```\n" + "\n".join(line.strip() for line in paragraph.splitlines()) + "\n```\n"
        else:
            yield plain(" ".join(paragraph.split())) + "\n"
    yield f"`pipelines/{name}.yaml` chooses:\n"
    options = re.sub(r"\Aabout: \|\n(?:(?:  .*)?\n)*", "", text)
    yield f"```yaml\n{options.strip()}\n```\n"
