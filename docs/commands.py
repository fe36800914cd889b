"""A hook of mkdocs: the verbs and their options, from the command line itself, in docs/commands.md."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import click

MARK: Final = re.compile("<!-- every verb.*-->")
SPECIAL: Final = re.compile(r"([\\*_\[\]#])")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    return MARK.sub(lambda _: every_verb(), markdown)


def every_verb() -> str:
    from lstdata.cli.verbs import cli

    return "\n".join(line for name in cli.commands for line in _verb(name, cli.commands[name]))


def _verb(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"lstdata {name}")
    yield f"## {name}\n"
    yield f"`lstdata {name} {' '.join(command.collect_usage_pieces(context))}`\n"
    yield from _paragraphs(command.help or "")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield f"`{record[0]}`\n: {plain(record[1])}\n"
        elif isinstance(parameter, click.Option) and not parameter.hidden:
            yield f"`{' / '.join(parameter.opts)}`\n"


def _paragraphs(text: str) -> Iterator[str]:
    """Click's help as Markdown; what it marks by a backspace is kept line by line."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            yield "```\n" + paragraph.removeprefix("\b").strip("\n") + "\n```\n"
        else:
            yield plain(" ".join(paragraph.split())) + "\n"


def plain(text: str) -> str:
    """Text that means nothing to Markdown, but for what is between backticks."""
    code = re.split("(`[^`]*`)", text)
    return "".join(
        part if number % 2 else SPECIAL.sub(r"\\\1", html.escape(part, quote=False)) for number, part in enumerate(code)
    )
