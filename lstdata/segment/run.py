"""A segmentation from the first look at the source to the row file, restartable after any recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, Protocol

from upath import UPath

from lstdata.align.ctc import find_ctc_model
from lstdata.checkpoints import Checkpoint
from lstdata.computing import Computing, computing_of
from lstdata.config import BuildConfig
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, Unavailable
from lstdata.journal import Journal
from lstdata.segment.aligning import AlignSpec, TranscriptDivider, aligned_by, divides_transcripts
from lstdata.segment.folder import FORMAT, JOURNAL, SEGMENTS, STATE, begin, check_same, made_by, read_state
from lstdata.segment.joining import joined
from lstdata.segment.journal import from_json, to_json
from lstdata.segment.recording import Segmented, SegmentSpec, needs_word_times, segmenter, without_word_times
from lstdata.segment.silero import SileroDetector
from lstdata.segment.survey import Survey, is_short, known_seconds, look_through
from lstdata.source_row import SourceRow
from lstdata.source_table import ScanFingerprint, row_fingerprint
from lstdata.sources import Source
from lstdata.sources.row_file import RowFile, origin, write_rows
from lstdata.storage import commit_json, require_local
from lstdata.workers import run_tasks
from lstdata.workers.faults import successes


class Listener(Protocol):
    """Whoever watches."""

    def note(self, line: str) -> None: ...

    def update(self, done: int, total: int) -> None:
        """Records done, of those that must be decoded."""


@dataclass
class Totals:
    """What a finished segmentation holds."""

    records: int = 0
    """Of the source."""
    segmented: int = 0
    """Those that were cut."""
    segments: int = 0
    """What they were cut into."""
    rows: int = 0
    """Written: segments, and records as they were or joined."""
    with_transcript: int = 0
    """Rows that can be used and have a text or word times."""
    joined: int = 0
    """Records that became part of the row before them."""
    seconds_in: float = 0.0
    seconds_out: float = 0.0
    """Of the rows that can be used, as far as their length is known."""
    listened: float = 0.0
    """Seconds that the detector listened to."""
    speech: float = 0.0
    """Seconds of speech that it heard."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Rows that cannot be used, by reason, most first."""

    def describe(self) -> str:
        """One line for a person."""
        heard = f", {self.speech / self.listened:.0%} speech" if self.listened else ""
        why = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        return (
            f"{self.segmented} of {self.records} records cut into {self.segments} segments{heard}"
            + (f"; {self.joined} joined to the one before" if self.joined else "")
            + f"; {self.rows} rows, "
            f"{self.seconds_in / 3600:.3f} h in, {self.seconds_out / 3600:.3f} h out"
            + (f"; rejected: {why}" if why else "")
        )

    def next(self, out: UPath) -> str | None:
        """What to do with the segments in `out`; None where none can be used."""
        if self.rows == sum(self.reasons.values()):
            return None
        if not self.with_transcript:
            spoken = f"lstdata build-shards {out} RUN --set words.missing=speech"
            return f"lstdata transcribe {out} TRANSCRIPTS --model M, or {spoken}"
        return f"lstdata build-shards {out} RUN"


@dataclass(frozen=True)
class Work:
    """One segmentation: which source, by which options, into which folder."""

    path: str
    """Absolute path or URL of the source."""
    source: Source
    config: BuildConfig
    out: UPath
    for_run: bool = False
    """Whether the folder is a run folder, which is planned from the segments."""
    allow_mixed_compute: bool = False
    _computing: Computing | None = field(default=None, init=False, compare=False)

    def __post_init__(self) -> None:
        require_local(self.out, "`segment`")
        if self.source.inventory() is not None:
            raise ConfigError(f"the source `{self.path}` must hold audio to be segmented, but holds none.")

    def survey(self) -> Survey:
        return look_through(self.source, self.config.segment, divides=divides_transcripts(self.config.words))

    def align(self, survey: Survey) -> AlignSpec | None:
        """How transcripts are divided; None where there are none to be."""
        if not survey.to_be_aligned:
            return None
        return AlignSpec(self.config.words, self._checkpoint, self.computing(survey).device)

    def computing(self, survey: Survey) -> Computing:
        """A model takes part only where there is something to align."""
        if self._computing is None:
            object.__setattr__(self, "_computing", computing_of(self.config.run, survey.to_be_aligned > 0))
        assert self._computing is not None
        return self._computing

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        return find_ctc_model(self.config.words)

    def by(self, survey: Survey) -> dict[str, Any]:
        """What decides which segments there are, beside the source."""
        align = self.align(survey)
        return made_by(self.config, SileroDetector().version, None if align is None else aligned_by(align))

    def wanted(self, survey: Survey) -> dict[str, Any]:
        """The folder's state as this work would begin it."""
        return {
            "format": FORMAT,
            "run": self.for_run,
            "source": {"path": self.path, "fingerprint": survey.fingerprint},
            "by": self.by(survey),
            "compute_class": self.computing(survey).compute_class,
            "totals": None,
        }

    def rows(self) -> RowFile:
        return RowFile.opened(str(self.out / SEGMENTS), source=self.path)


def finished(work: Work) -> RowFile | None:
    """The segments that are there; None where they are not complete, ConfigError where they are of something else."""
    begun = read_state(work.out)
    if begun is None:
        return None
    check_same(work.out, begun, work.wanted(work.survey()))
    return work.rows() if begun["totals"] is not None and (work.out / SEGMENTS).exists() else None


def segment(work: Work, listener: Listener) -> Totals:
    """Cut what is long and commit `OUT/segments.parquet`; the caller holds the folder's lock.

    IncompleteBuild where recordings stay pending for what the world does; running again resumes.
    """
    survey = work.survey()
    align = work.align(survey)
    if align is not None and read_state(work.out) is None:
        TranscriptDivider(align)  # what is wrong with the model is said before the folder is bound to it
    begun = begin(work.out, work.wanted(survey), allow_mixed_compute=work.allow_mixed_compute)
    if begun["totals"] is not None and (work.out / SEGMENTS).exists():
        listener.note(f"segments: `{work.out / SEGMENTS}` is complete")
        return Totals(**begun["totals"])
    listener.note(f"segments: {survey.describe()}")
    with Journal(work.out / JOURNAL) as journal:
        _cut_pending(work, survey, journal, listener)
        totals = _commit(work, survey, journal)
    commit_json(work.out / STATE, begun | {"totals": asdict(totals)})
    (work.out / JOURNAL).unlink()
    return totals


def _must_be_decoded(row: SourceRow, config: BuildConfig) -> bool:
    if row.reject is not None or is_short(row, config.segment):
        return False
    return known_seconds(row) is None or not needs_word_times(row) or divides_transcripts(config.words)


def _cut_pending(work: Work, survey: Survey, journal: Journal, listener: Listener) -> None:
    """Cut every recording that is not in the journal."""
    total, done = survey.long - survey.needing_word_times + survey.unknown, len(journal)
    if done:
        listener.note(f"resuming: {done} of {total} records are segmented")
    pending = (
        row for row in work.source.scan() if _must_be_decoded(row, work.config) and row_fingerprint(row) not in journal
    )
    computing = work.computing(survey)
    spec = SegmentSpec(work.path, work.config.source, work.config.segment, computing.compute_class, work.align(survey))
    gpus = computing.gpus_per_worker(work.config.run)
    faults: list[LstDataError] = []
    tasks = run_tasks(partial(segmenter, spec), pending, work.config.run, describe=_named, gpus_per_worker=gpus)
    with closing(tasks) as results:
        for row, result in successes(results, faults):
            journal.append(row_fingerprint(row), to_json(result))
            done += 1
            listener.update(done, total)
    if faults:
        raise IncompleteBuild(f"{total - done} of {total} records stay pending; run again to resume. {faults[0]}")


def _named(row: SourceRow) -> str:
    return f"`{row.id}`"


def _commit(work: Work, survey: Survey, journal: Journal) -> Totals:
    """Write the row file in the source's order: each record is a row of it, or several, or a part of one."""
    totals = Totals()
    by = {name: value for name, value in work.by(survey).items() if name != "source"}
    known = origin("segments", work.path, work.source, work.config.source, survey.fingerprint, by)
    rows = joined(_apart(_rows(work, survey, journal, totals), totals), work.config.segment)
    totals.rows = write_rows(work.out / SEGMENTS, _counted(rows, totals), known)
    totals.joined -= totals.rows
    totals.reasons = dict(sorted(totals.reasons.items(), key=lambda item: (-item[1], item[0])))
    return totals


def _rows(work: Work, survey: Survey, journal: Journal, totals: Totals) -> Iterator[tuple[SourceRow, bool]]:
    """Each row that is to be written, and whether it is a short one as its source gave it."""
    config = work.config.segment
    fingerprint = ScanFingerprint()
    for row in work.source.scan():
        described = row_fingerprint(row)
        fingerprint.add(described)
        totals.records += 1
        short = is_short(row, config)
        if row.reject is not None or short:
            totals.seconds_in += known_seconds(row) or 0.0
            yield row, short
        elif not _must_be_decoded(row, work.config):
            totals.seconds_in += known_seconds(row) or 0.0
            yield without_word_times(row, config), False
        else:
            if described not in journal:
                raise _changed(work)
            done = from_json(journal.read(described))
            _count_cut(row, done, totals)
            yield from ((part, False) for part in done.rows)
    if str(fingerprint) != survey.fingerprint:
        raise _changed(work)


def _apart(rows: Iterator[tuple[SourceRow, bool]], totals: Totals) -> Iterator[tuple[SourceRow, bool]]:
    """The same rows, counted before any are joined."""
    for row in rows:
        totals.joined += 1
        yield row


def _count_cut(row: SourceRow, done: Segmented, totals: Totals) -> None:
    totals.seconds_in += done.seconds or known_seconds(row) or 0.0
    if done.speech is not None:
        totals.listened += done.seconds
        totals.speech += done.speech
    if done.rows[0].id != row.id:
        totals.segmented += 1
        totals.segments += len(done.rows)


def _counted(rows: Iterator[SourceRow], totals: Totals) -> Iterator[SourceRow]:
    reasons: Counter[str] = Counter()
    for row in rows:
        if row.reject is None:
            totals.seconds_out += known_seconds(row) or 0.0
            totals.with_transcript += bool(row.words or (row.text or "").strip())
        else:
            reasons[row.reject[0]] += 1
        yield row
    totals.reasons = dict(reasons)


def _changed(work: Work) -> Unavailable:
    return Unavailable(f"the source `{work.path}` changed while it was segmented: run again.")
