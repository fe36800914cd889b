"""`reproduce-report`."""

from __future__ import annotations

from pathlib import Path

import click

from lstdata.cli.shared import JSON, say


@click.command("reproduce-report")
@click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--docs", type=click.Path(dir_okay=False, path_type=Path), help="A Markdown file that gets the report as well."
)
@JSON
def reproduce_report_command(out: Path, docs: Path | None, as_json: bool) -> None:
    """Write the report of the reproduction in OUT, done or not: reproduction.html, reproduction.md, results.json.

    Accuracies of each arm with their intervals, differences to the baseline with theirs, learning curves, costs,
    recognition and synthesis, the paper's figures beside them. All is computed from the folders of the runs; what is
    missing is said. Drawings and sounds of the Markdown lie in a folder beside it, of its name.
    """
    from lstdata.reproduce.writing import write_report

    written = write_report(out, docs)
    told = written.told
    found = [line for one in told.findings for line in (f"{one.title}:", *(f"  {said}" for said in one.sentences))]
    lines = [*found, *told.limits, *(str(path) for path in written.paths)]
    said = {"files": [str(path) for path in written.paths], "results": written.results}
    say(said, as_json, "\n".join(lines))
