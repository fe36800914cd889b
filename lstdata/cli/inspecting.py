"""`inspect`."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, RunFolder, say


@click.command("inspect")
@click.argument("out", type=RunFolder(kept=True))
@click.argument("name", required=False, metavar="[KEY]")
@click.option("--worst", type=click.IntRange(min=1), metavar="N", help="List the N samples whose words fit worst.")
@JSON
def inspect_command(out: UPath, name: str | None, worst: int | None, as_json: bool) -> None:
    """Show one sample of the finished run folder OUT, of this KEY or id: its words, units and patches over time.

    Each line is a word or a silence (·): when it begins, its units (12×3 is three times unit 12), and of each patching
    the lengths in frames of the patches that begin in it. A ? marks a word whose times are no finding.
    """
    from lstdata.inspection.finding import find_place, open_finished, read_sample, weakest
    from lstdata.inspection.items import items_of
    from lstdata.inspection.text import text_of, weak_text

    if (name is None) == (worst is None):
        raise click.UsageError("Give a KEY, or --worst N.")
    width = max(80, shutil.get_terminal_size((120, 24)).columns)
    open_finished(out)
    if name is None:
        found = weakest(out, worst or 0)
        say({"weakest": [asdict(one) for one in found]}, as_json, weak_text(found, width))
        return
    stored = read_sample(out, find_place(out, name))
    sample = stored.sample
    said: dict[str, Any] = {
        "key": sample.key,
        "id": sample.id,
        "split": sample.split,
        "text": sample.text,
        "aligner": sample.aligner,
    }
    said |= {"align_score": sample.align_score, "items": [asdict(item) for item in items_of(stored)]}
    say(said, as_json, text_of(stored, width))
