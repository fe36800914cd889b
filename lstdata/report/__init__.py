"""The report of a run folder: one HTML page that needs nothing else, not even a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upath import UPath

if TYPE_CHECKING:
    from lstdata.report.numbers import Numbers
    from lstdata.sources import Source


def write_report(out: UPath, source: Source | None = None, numbers: Numbers | None = None) -> UPath:
    """Write `out/report.html` from a finished run folder; equal folders and sources give equal bytes.

    `source` is what the folder was built from: its audio is read again for three utterances. Without it, or where the
    audio is gone, the page says so and draws them silent. `numbers` are the folder's, where they are known already.
    Raises CorruptShard for a damaged or unfinished folder.
    """
    from lstdata.report.numbers import compute_numbers
    from lstdata.report.page import render
    from lstdata.storage import commit_bytes

    path = out / "report.html"
    commit_bytes(path, render(numbers or compute_numbers(out), out, source).encode())
    return path
