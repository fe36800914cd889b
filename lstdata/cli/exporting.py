"""`export`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, WORKERS, RunFolder, say
from lstdata.export import FORMATS


@click.command("export")
@click.argument("out", type=RunFolder(kept=True))
@click.argument("dst", type=RunFolder())
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="The LST authors' lines, slamkit's features and tokens, Parquet for `datasets`, lhotse's Shar, or WebDataset "
    "with the source's audio in it.",
)
@click.option("--split", "splits", multiple=True, metavar="NAME", help="Of this split only; repeatable.")
@click.option("--chunks", type=int, help="Of lst: files of each split, 1 by default.")
@WORKERS
@click.option("--overwrite", is_flag=True, help="Replace an earlier export in DST.")
@JSON
def export_command(
    out: UPath,
    dst: UPath,
    form: str,
    splits: tuple[str, ...],
    chunks: int | None,
    workers: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the samples of the finished run folder OUT to the new folder DST in another trainer's format.

    What a format cannot carry is counted, and named in DST/left_out.jsonl. DST/export.json says what was exported.
    """
    from lstdata.export.destination import LEFT_OUT
    from lstdata.export.run import Asked, export_run
    from lstdata.progress import CountProgress

    if chunks is not None and form != "lst":
        raise click.UsageError("`--chunks` is for `--format lst`.")
    if workers is not None and form != "webdataset":
        raise click.UsageError("`--workers` is for `--format webdataset`: other formats are written one by one.")
    given = {} if chunks is None else {"chunks": chunks}
    asked = Asked(out=out, dst=dst, format=form, splits=splits, workers=workers, overwrite=overwrite, **given)
    with CountProgress("samples", quiet=as_json) as progress:
        summary = export_run(asked, progress.update)
    named = f", named in {dst / LEFT_OUT}" if summary["left_out"] else ""
    say(summary, as_json, f"{dst}: {_line(summary)}{named}")


def _line(summary: dict[str, Any]) -> str:
    line = f"{summary['written']} of {summary['samples']} samples as {summary['format']}"
    reasons: Counter[str] = Counter()
    for split in summary["splits"].values():
        reasons.update(split["left_out"])
    counted = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    return f"{line}; {summary['left_out']} left out: {counted}" if reasons else line
