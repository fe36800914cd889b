"""Long recordings of a build: segmented first, in the run folder itself, whose plan is then of the segments.

The audio of a segment is opened by the source itself, so that nothing after the plan knows of segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lstdata.build.folder import clear, has_shards, read_run, refuse_changes
from lstdata.build.pacing import PacedLines
from lstdata.config import BuildConfig
from lstdata.sources import Source
from lstdata.sources.row_file import RowFile

if TYPE_CHECKING:
    from lstdata.build import Asked, Listener
    from lstdata.segment.run import Work


def to_be_planned(asked: Asked, source: Source, listener: Listener) -> Source:
    """The source itself or, with `segment.enabled`, its segments, made now where they are not there.

    Segments of other options are made anew as long as there is no shard of them; afterwards they are refused.
    """
    if not asked.config.segment.enabled:
        return source
    from lstdata.segment.folder import changes, discard, read_state
    from lstdata.segment.run import segment

    work = _work(asked, source)
    if asked.rebuild:
        clear(asked.out)
    run = read_run(asked.out)
    if run is not None and has_shards(asked.out):
        refuse_changes(asked.out, run, asked.config)
    begun = read_state(asked.out)
    if begun is not None and not has_shards(asked.out) and changes(begun, work.wanted(work.survey())):
        discard(asked.out)
    totals = segment(work, PacedLines(listener.note, "segmented"))
    listener.note(f"segments: {totals.describe()}")
    return work.rows()


def already_segmented(asked: Asked, source: Source) -> Source | None:
    """What a build would plan, where that can be known without segmenting."""
    if not asked.config.segment.enabled:
        return source
    from lstdata.segment.run import finished

    return None if asked.rebuild else finished(_work(asked, source))


def given_kind(source: Source, config: BuildConfig) -> str:
    """Of the source that was asked for, given what is planned."""
    return source.origin.config.kind if config.segment.enabled and isinstance(source, RowFile) else source.kind


def _work(asked: Asked, source: Source) -> Work:
    from lstdata.segment.run import Work

    return Work(
        asked.source, source, asked.config, asked.out, for_run=True, allow_mixed_compute=asked.allow_mixed_compute
    )
