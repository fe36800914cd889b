"""`segment`."""

from __future__ import annotations

from dataclasses import asdict

import click
from upath import UPath

from lstdata.cli.shared import ADDRESS, RUNNER, WORKERS, build_options, say, settings


@click.command("segment")
@build_options
@RUNNER
@WORKERS
@ADDRESS
@click.option("--dry-run", is_flag=True, help="Say what would be segmented, and write nothing.")
def segment_command(
    source: str,
    out: UPath,
    config_path: str | None,
    sets: tuple[str, ...],
    rebuild: bool,
    allow_mixed_compute: bool,
    as_json: bool,
    runner: str | None,
    workers: int | None,
    address: str | None,
    dry_run: bool,
) -> None:
    """Cut SOURCE's long recordings at silences, and say in OUT/segments.parquet where; no audio is copied.

    A recording with word times is cut between its words, one without a transcript where a model hears no speech. One
    with a transcript alone is aligned first, where a CTC model is named: `--set words.model=M`.
    OUT is a source itself: `lstdata build-shards OUT RUN`. Run it again to resume.
    """
    from lstdata.config import BuildConfig, load
    from lstdata.locking import locked
    from lstdata.progress import CountProgress
    from lstdata.segment.folder import discard, refuse_as_source, refuse_strangers
    from lstdata.segment.run import Work, segment
    from lstdata.sources import open_source
    from lstdata.storage import absolute, remove_temporaries
    from lstdata.workers.cluster import check_address

    config = load(BuildConfig, config_path, [*sets, *settings(runner=runner, workers=workers, address=address)])
    path = absolute(source)
    opened = open_source(path, config.source)
    work = Work(path, opened, config, out, allow_mixed_compute=allow_mixed_compute)
    if dry_run:
        survey = work.survey()
        say(asdict(survey), as_json, f"{survey.describe()}; nothing was written")
        return
    check_address(config.run.address)
    with locked(work.out, refuse_strangers), CountProgress("segmented", quiet=as_json) as progress:
        if rebuild:
            refuse_as_source(work.out, work.path)
            discard(work.out)
        remove_temporaries(work.out)
        totals = segment(work, progress)
    said = asdict(totals) | {"out": str(out)}
    then = totals.next(out)
    say(said, as_json, totals.describe() + (f"\nnext: {then}" if then else ""))
