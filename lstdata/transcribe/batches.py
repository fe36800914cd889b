"""Which records go through the model together, and what happens to them in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from lstdata.audio import check_length
from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.bundles import find_again
from lstdata.errors import LstDataError, Rejected
from lstdata.records import SAMPLE_RATE, Audio, Waveform
from lstdata.source_row import SourceRow
from lstdata.source_table import row_fingerprint
from lstdata.sources import Source
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Recogniser, Transcript, make_recogniser
from lstdata.workers.trying import try_hard

Outcome = Transcript | Rejected


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of the source that want a transcript."""

    number: int
    rows: tuple[SourceRow, ...]

    def describe(self) -> str:
        more = f" and {len(self.rows) - 1} more" if len(self.rows) > 1 else ""
        return f"`{self.rows[0].id}`{more}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A batch's outcomes, one for each of its rows, in order."""

    number: int
    fingerprints: tuple[str, ...]
    """Of the rows as the source described them."""
    outcomes: tuple[Outcome, ...]


def wants_transcript(row: SourceRow, config: TranscribeConfig) -> bool:
    return row.reject is None and (config.all or not (row.words or (row.text or "").strip()))


def batches(source: Source, config: TranscribeConfig) -> Iterator[Batch]:
    """Every record that wants a transcript, `config.batch` at a time, in the source's order."""
    number, rows = 0, list[SourceRow]()
    for row in source.scan():
        if not wants_transcript(row, config):
            continue
        rows.append(row)
        if len(rows) == config.batch:
            yield Batch(number, tuple(rows))
            number, rows = number + 1, []
    if rows:
        yield Batch(number, tuple(rows))


@dataclass
class Transcriber:
    """The work of one worker: decode a batch's records and recognise those that can be."""

    source: Source
    config: TranscribeConfig
    recogniser: Recogniser

    def __call__(self, batch: Batch) -> Heard:
        return try_hard(lambda: self._hear(batch), batch.describe())

    def _hear(self, batch: Batch) -> Heard:
        decoded = [self._decode(row) for row in batch.rows]
        waves = [wave for wave in decoded if not isinstance(wave, Rejected)]
        heard = iter(self._recognise(waves))
        outcomes = [wave if isinstance(wave, Rejected) else next(heard) for wave in decoded]
        return Heard(batch.number, tuple(map(row_fingerprint, batch.rows)), tuple(outcomes))

    def _decode(self, row: SourceRow) -> Waveform | Rejected:
        """The record's signal, or why there is none that could be transcribed."""
        try:
            audio = self.source.open(row.locator)
            assert isinstance(audio, Audio), "a source without an inventory delivers audio"
            check_length(audio)
            self._check_longest(len(audio.samples) / SAMPLE_RATE)
        except Rejected as verdict:
            return verdict
        return audio.samples

    def _check_longest(self, seconds: float) -> None:
        longest = self.recogniser.longest
        if longest is not None and seconds > longest:
            rule = f"more than the {longest:g} s that the model takes in"
        elif seconds > self.config.max_seconds:
            rule = f"more than `max_seconds` ({self.config.max_seconds:g})"
        else:
            return
        raise Rejected("too_long_to_transcribe", f"{seconds:.2f} s are {rule}: run `lstdata segment` first.")

    def _recognise(self, waves: list[Waveform]) -> list[Outcome]:
        """One by one where the batch as a whole meets something unexpected, lest one record take others along."""
        if not waves:
            return []
        try:
            transcripts = self.recogniser.transcribe(waves)
        except (LstDataError, MemoryError):
            raise
        except Exception as error:
            if len(waves) == 1:
                return [Rejected("unexpected_error", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")]
            return [outcome for wave in waves for outcome in self._recognise([wave])]
        return [self._checked(transcript) for transcript in transcripts]

    def _checked(self, transcript: Transcript) -> Outcome:
        if not transcript.words:
            return Rejected("nothing_recognised", "the model heard no words.")
        return transcript


@dataclass(frozen=True)
class MakeTranscriber:
    """Picklable: makes the work in a worker, which finds the model there and makes sure that it is the same."""

    source: Source
    config: TranscribeConfig
    checkpoint: Checkpoint

    def __call__(self) -> Transcriber:
        here = find_again(self.checkpoint, self.config.model or "")
        return Transcriber(self.source, self.config, make_recogniser(here, self.config))


STAMP: Final = "transcribed_by"


def transcribed(row: SourceRow, outcome: Outcome, config: TranscribeConfig, checkpoint: Checkpoint) -> SourceRow:
    """The source's row with what was heard, or with the reason why nothing was."""
    if isinstance(outcome, Rejected):
        return replace(row, reject=(outcome.reason, outcome.detail))
    by = {"model": checkpoint.name, "revision": checkpoint.revision, "sha256": checkpoint.sha256}
    return replace(
        row,
        text=outcome.text,
        words=outcome.words,
        score=outcome.score,
        language=row.language or outcome.language or config.language,
        custom={**row.custom, STAMP: by},
    )
