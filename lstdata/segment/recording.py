"""One long record into its segments: what a worker does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from lstdata.align import from_manifest
from lstdata.audio import Heard
from lstdata.compute import compute_class
from lstdata.config import SegmentConfig, SourceConfig
from lstdata.errors import ConfigError, LstDataError, Rejected
from lstdata.records import SAMPLE_RATE, Audio, Waveform, Word
from lstdata.segment.activity import SpeechDetector
from lstdata.segment.aligning import AlignSpec, TranscriptDivider, divider_here
from lstdata.segment.cutting import Limits, Span, cut_speech, cut_words, speech_stretches
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources import Source, open_source
from lstdata.sources.locating import LocatedSource, stream_located
from lstdata.sources.row_file import RowFile
from lstdata.sources.table import TableSource
from lstdata.workers.trying import try_hard


@dataclass(frozen=True)
class Segmented:
    """The rows that stand for one row of the source: its segments, or itself where it was short after all."""

    rows: tuple[SourceRow, ...]
    seconds: float
    """Of its audio, as decoded; 0 where it was rejected."""
    speech: float | None = None
    """Seconds of speech in it, where a detector has listened."""


@dataclass(frozen=True)
class SegmentSpec:
    """What a worker needs: picklable, and equal on every node."""

    source: str
    source_config: SourceConfig
    config: SegmentConfig
    compute_class: str
    align: AlignSpec | None = None
    """None: nothing is aligned."""


def segmenter(spec: SegmentSpec) -> Callable[[SourceRow], Segmented]:
    """The work on one row, its models loaded once."""
    from lstdata.segment.silero import SileroDetector

    here = compute_class() if spec.align is None else compute_class(spec.align.device, True)
    if here != spec.compute_class:
        raise ConfigError(
            f"This worker's compute class is {here}, but the driver's is {spec.compute_class}: their cuts could differ."
        )
    source = open_source(spec.source, spec.source_config)
    divider = None if spec.align is None else divider_here(spec.align)
    return partial(_work, source, spec.config, SileroDetector(), divider)


def needs_word_times(row: SourceRow) -> bool:
    """Whether a row has a transcript that cannot be divided among segments before it is aligned."""
    return bool((row.text or "").strip()) and not row.words


def without_word_times(row: SourceRow, config: SegmentConfig) -> SourceRow:
    longer = f"`{row.id}` is longer than `segment.longer_than` ({config.longer_than:g} s)"
    return replace(row, reject=("needs_word_times", f"{longer}, but nobody says when its words are spoken."))


def segment_row(
    source: Source,
    row: SourceRow,
    config: SegmentConfig,
    detector: SpeechDetector,
    divider: TranscriptDivider | None = None,
) -> Segmented:
    """Cut a row; a verdict on it makes it one rejected row. Raises what is not the row's fault."""
    try:
        if needs_word_times(row):
            return _by_transcript(source, row, config, divider) if divider else _measured(source, row, config)
        return _by_words(source, row, config) if row.words else _by_speech(source, row, config, detector)
    except Rejected as verdict:
        return Segmented((replace(row, reject=(verdict.reason, verdict.detail)),), 0.0)
    except (LstDataError, OSError, MemoryError):
        raise
    except Exception as error:  # a library's bug or ours: one bad recording must not end a corpus
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        return Segmented((replace(row, reject=("unexpected_error", detail)),), 0.0)


def _work(
    source: Source, config: SegmentConfig, detector: SpeechDetector, divider: TranscriptDivider | None, row: SourceRow
) -> Segmented:
    return try_hard(partial(segment_row, source, row, config, detector, divider), f"`{row.id}`")


def _measured(source: Source, row: SourceRow, config: SegmentConfig) -> Segmented:
    """A row of unknown length whose transcript has no times: itself if it is short, else a rejected row."""
    samples = 0
    for block in _Listening(source, row.locator):
        samples += len(block)
        if samples > config.longer_than * SAMPLE_RATE:
            return Segmented((without_word_times(row, config),), 0.0)
    return Segmented((row,), samples / SAMPLE_RATE)


def _by_speech(source: Source, row: SourceRow, config: SegmentConfig, detector: SpeechDetector) -> Segmented:
    listening = _Listening(source, row.locator)
    probabilities = detector.probabilities(listening)
    samples, limits = listening.samples, Limits.of(config)
    seconds = samples / SAMPLE_RATE
    if seconds <= config.longer_than:
        return Segmented((row,), seconds)
    stretches = speech_stretches(probabilities, samples, config.threshold, limits.min_silence)
    if not stretches:
        detail = (
            f"no speech was heard in the {seconds:.1f} s of `{row.id}`, at `segment.threshold` {config.threshold:g}."
        )
        raise Rejected("no_speech", detail)
    spans = cut_speech(probabilities, stretches, samples, limits)
    rows = _rows(row, listening.heard, [(span, None) for span in spans])
    return Segmented(tuple(rows), seconds, sum(end - start for start, end in stretches) / SAMPLE_RATE)


def _by_words(source: Source, row: SourceRow, config: SegmentConfig) -> Segmented:
    """Cut between words; the whole recording is decoded, as only its true length says whether the times fit."""
    listening = _Listening(source, row.locator)
    for _ in listening:
        pass
    samples = listening.samples
    if samples / SAMPLE_RATE <= config.longer_than:
        return Segmented((row,), samples / SAMPLE_RATE)
    words = from_manifest(row.words or (), samples, row.score).words
    texts = _between(words, samples, config)
    return Segmented(tuple(_rows(row, listening.heard, texts)), samples / SAMPLE_RATE)


def _by_transcript(source: Source, row: SourceRow, config: SegmentConfig, divider: TranscriptDivider) -> Segmented:
    """Cut between words that are found in the recording as a whole."""
    listening = _Listening(source, row.locator)
    blocks = list(listening)
    samples = listening.samples
    if samples / SAMPLE_RATE <= config.longer_than:
        return Segmented((row,), samples / SAMPLE_RATE)
    texts = _between(divider.words(row, blocks), samples, config)
    rows = zip(_rows(row, listening.heard, texts), texts, strict=True)
    return Segmented(tuple(divider.judged(part, words) for part, (_, words) in rows), samples / SAMPLE_RATE)


def _between(words: tuple[Word, ...], samples: int, config: SegmentConfig) -> list[tuple[Span, tuple[Word, ...]]]:
    cuts = cut_words([Span(word.start, word.end) for word in words], samples, Limits.of(config))
    return [(span, words[inside.start : inside.stop]) for span, inside in cuts]


def _rows(row: SourceRow, heard: Heard, cuts: Iterable[tuple[Span, tuple[Word, ...] | None]]) -> Iterator[SourceRow]:
    """The segments as rows; of two that begin within a millisecond, the later is named by the next one."""
    first, named = row.locator.start or 0, -1
    for span, words in cuts:
        start, end = (min(_at_rate(sample, heard.rate), heard.decoded) for sample in span)
        named = max(named + 1, span.start * 1000 // SAMPLE_RATE)
        yield replace(
            row,
            id=f"{row.id}-{named}",
            locator=replace(row.locator, start=first + start, end=first + end, rate=heard.rate),
            duration=(end - start) / heard.rate,
            text=None if words is None else " ".join(word.text for word in words),
            words=None if words is None else tuple(_shifted(word, span.start) for word in words),
            custom={**row.custom, "segment_of": row.id},
        )


def _at_rate(sample: int, rate: int) -> int:
    """The sample of the file nearest to one of the 16 kHz signal, ties up."""
    return (2 * sample * rate + SAMPLE_RATE) // (2 * SAMPLE_RATE)


def _shifted(word: Word, start: int) -> TimedWord:
    return TimedWord(word.text, (word.start - start) / SAMPLE_RATE, (word.end - start) / SAMPLE_RATE)


class _Listening:
    """A record's 16 kHz signal block by block, and how much of it has come."""

    def __init__(self, source: Source, locator: Locator) -> None:
        self.samples = 0
        self.heard = Heard()
        """The file's own rate and length, complete when the last block has come."""
        self._blocks = self._opened(source.inner if isinstance(source, RowFile) else source, locator)

    def __iter__(self) -> Iterator[Waveform]:
        for block in self._blocks:
            self.samples += len(block)
            yield block

    def _opened(self, source: Source, locator: Locator) -> Iterator[Waveform]:
        """As a stream where the source would do no more than read the file, else at once."""
        if isinstance(source, LocatedSource) and _streams(source, locator):
            blocks, self.heard = stream_located(source.root, locator)
            return blocks
        audio = source.open(locator)
        assert isinstance(audio, Audio), "a source of units is refused before"
        self.heard = Heard(rate=audio.rate, channels=audio.channels, decoded=audio.decoded, promised=audio.promised)
        return iter((audio.samples,))


def _streams(source: LocatedSource, locator: Locator) -> bool:
    """Whether opening this record is no more than reading a file; a table checks the end of a stretch besides."""
    return type(source).open is LocatedSource.open or (isinstance(source, TableSource) and locator.end is None)
