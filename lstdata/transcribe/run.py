"""A transcription from the first look at the source to the row file, restartable anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Protocol

from lstdata.checkpoints import Checkpoint
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, Unavailable
from lstdata.journal import Journal
from lstdata.locking import locked
from lstdata.source_row import SourceRow
from lstdata.source_table import ScanFingerprint, row_fingerprint
from lstdata.sources import Source, open_source
from lstdata.sources.row_file import origin, write_rows
from lstdata.storage import remove_temporaries
from lstdata.transcribe.batches import Batch, MakeTranscriber, Outcome, batches, transcribed, wants_transcript
from lstdata.transcribe.checkpoint import find_recogniser
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.folder import (
    JOURNAL,
    TRANSCRIPTS,
    Asked,
    begin,
    discard,
    finish,
    is_begun,
    made_by,
    refuse_strangers,
)
from lstdata.transcribe.journal import from_json, to_json
from lstdata.transcribe.recogniser import check_dtype, try_out
from lstdata.transcribe.survey import Survey, look_through
from lstdata.workers import run_tasks
from lstdata.workers.cluster import check_address
from lstdata.workers.faults import successes

GPU_BATCH: Final = 16

_CHANGED: Final = "the source changed while it was transcribed: begin anew by --rebuild, or in another folder."


class Listener(Protocol):
    def note(self, line: str) -> None: ...

    def update(self, done: int, total: int) -> None:
        """Records done, of those that want a transcript."""


@dataclass
class Totals:
    """What a finished folder holds."""

    records: int = 0
    transcribed: int = 0
    kept: int = 0
    """Records with a transcript of their own, and those that the source itself rejects."""
    words: int = 0
    seconds: float = 0.0
    """Of the transcribed records, as far as the source knows."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Records that could not be transcribed, by reason, most first."""

    def count(self, row: SourceRow) -> None:
        """Add a record that wanted a transcript, after the try."""
        if row.reject is not None:
            self.reasons[row.reject[0]] = self.reasons.get(row.reject[0], 0) + 1
            return
        self.transcribed += 1
        self.words += len(row.words or ())
        self.seconds += row.duration or 0.0

    @property
    def rejected(self) -> int:
        return sum(self.reasons.values())

    @property
    def reject_rate(self) -> float:
        return self.rejected / max(1, self.rejected + self.transcribed)

    def describe(self) -> str:
        why = ", ".join(f"{reason} {count}" for reason, count in self.reasons.items())
        return (
            f"{self.transcribed} records transcribed ({self.seconds / 3600:.3f} h, {self.words} words), "
            f"{self.kept} kept as they were, {self.rejected} rejected" + (f" ({why})" if why else "")
        )


def resolve(config: TranscribeConfig) -> TranscribeConfig:
    """The config with this machine's device, and the batch and workers that go with it."""
    import torch

    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and config.run.runner == "local" and not torch.cuda.is_available():
        raise ConfigError("`device` is cuda, but this machine has no GPU that torch can use.")
    check_dtype(replace(config, device=device))
    batch = config.batch or (GPU_BATCH if device == "cuda" else 1)
    run = config.run
    if device == "cuda" and run.runner == "local" and run.workers is None:
        run = replace(run, workers=1)
    return replace(config, device=device, batch=batch, run=run)


def survey(asked: Asked) -> tuple[Survey, TranscribeConfig, Checkpoint]:
    """What `transcribe` would do; nothing is written.

    A folder is bound to its options and model for good, so that before it is, the model is loaded once.
    """
    config = resolve(asked.config)
    check_address(config.run.address)
    checkpoint = find_recogniser(config.model or "", config.revision)
    source = _audio_source(asked, config)
    if asked.rebuild or not is_begun(asked.out):
        try_out(checkpoint, config)
    return look_through(source, config), config, checkpoint


def transcribe(asked: Asked, listener: Listener) -> Totals:
    """Recognise what has no transcript and commit `OUT/transcripts.parquet`; run again, it goes on where it was."""
    found, config, checkpoint = survey(asked)
    source = _audio_source(asked, config)
    with locked(asked.out, refuse_strangers):
        remove_temporaries(asked.out)
        if asked.rebuild:
            discard(asked)
        begun = begin(asked, config, checkpoint, found)
        if begun["totals"] is not None and (asked.out / TRANSCRIPTS).exists():
            listener.note(f"`{asked.out}` is complete; nothing was done")
            return Totals(**begun["totals"])
        with Journal(asked.out / JOURNAL) as journal:
            make = MakeTranscriber(source, config, checkpoint)
            _hear_pending(make, found, journal, listener)
            totals = _commit(asked, make, found.fingerprint, journal)
        finish(asked.out, begun, asdict(totals))
    return totals


def _audio_source(asked: Asked, config: TranscribeConfig) -> Source:
    source = open_source(asked.source, config.source)
    if source.inventory() is not None:
        raise ConfigError(f"the source `{asked.source}` must hold audio to be transcribed, but holds none.")
    return source


def _hear_pending(make: MakeTranscriber, found: Survey, journal: Journal, listener: Listener) -> None:
    config = make.config
    assert config.batch is not None
    done = min(found.wanted, len(journal) * config.batch)
    if done:
        listener.note(f"resuming: about {done} of {found.wanted} records are done")
    pending = (batch for batch in batches(make.source, config) if str(batch.number) not in journal)
    gpus = config.gpus_per_worker if config.device == "cuda" else 0.0
    faults: list[LstDataError] = []
    with closing(run_tasks(make, pending, config.run, describe=Batch.describe, gpus_per_worker=gpus)) as results:
        for batch, heard in successes(results, faults):
            journal.append(str(batch.number), to_json(heard))
            done += len(batch.rows)
            listener.update(done, found.wanted)
    if faults:
        every = math.ceil(found.wanted / config.batch)
        left = every - len(journal)
        raise IncompleteBuild(f"{left} of {every} batches stay pending; run again to resume. {faults[0]}")


def _commit(asked: Asked, make: MakeTranscriber, scan: str, journal: Journal) -> Totals:
    """Write the row file in the source's order; every record of the source is a row of it."""
    totals = Totals()
    by = made_by(make.config, make.checkpoint)
    known = origin("transcripts", asked.source, make.source, make.config.source, scan, by)
    write_rows(asked.out / TRANSCRIPTS, _rows(make, journal, totals, scan), known)
    totals.reasons = dict(sorted(totals.reasons.items(), key=lambda item: (-item[1], item[0])))
    return totals


def _rows(make: MakeTranscriber, journal: Journal, totals: Totals, scan: str) -> Iterator[SourceRow]:
    """Raises Unavailable where the source is no longer what it was when it was looked through."""
    outcomes, fingerprint = _outcomes(journal), ScanFingerprint()
    for row in make.source.scan():
        described = row_fingerprint(row)
        fingerprint.add(described)
        if wants_transcript(row, make.config):
            heard, outcome = next(outcomes, ("", None))
            if outcome is None or heard != described:
                raise Unavailable(_CHANGED)
            row = transcribed(row, outcome, make.config, make.checkpoint)
            totals.count(row)
        else:
            totals.kept += 1
        totals.records += 1
        yield row
    if str(fingerprint) != scan:
        raise Unavailable(_CHANGED)


def _outcomes(journal: Journal) -> Iterator[tuple[str, Outcome]]:
    for number in range(len(journal)):
        heard = from_json(number, journal.read(str(number)))
        yield from zip(heard.fingerprints, heard.outcomes, strict=True)
