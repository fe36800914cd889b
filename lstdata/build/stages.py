"""What happens to one record, stage by stage, in one worker process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lstdata.audio import check_length
from lstdata.build.plan_table import PlannedRecord
from lstdata.config import BuildConfig
from lstdata.documents import drawn_spans
from lstdata.errors import IncompleteBuild, LstDataError, Rejected, Unavailable
from lstdata.filters import STAGE as FILTER
from lstdata.filters import Rule, active_rules, check_record
from lstdata.patching import utterance_patches
from lstdata.quality import Measures, measure
from lstdata.records import Alignment, Audio, Coded, DeadLetter, Mask, Sample, frame_count, word_frames
from lstdata.shards import STORED_STRATEGIES, StoredSample
from lstdata.sources import Source
from lstdata.tokenizer import TextTokenizer
from lstdata.units import UnitExtractor
from lstdata.units.codebook import MAX_CLUSTERS

if TYPE_CHECKING:
    from lstdata.align import Aligner

VERSIONS = {"decode": 1, "activity": 1, "filter": 1, "units": 1, "words": 1, "sample": 2}
"""Raised when a stage's output changes for equal input and config; part of every shard's fingerprint."""


_FROM_AUDIO = ("activity", "units", "words")
"""Stages that a record which comes as units has behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One record on its way; each stage fills in one field."""

    record: PlannedRecord
    audio: Audio | None = None
    activity: Mask | None = None
    units: NDArray[np.uint16] | None = None
    alignment: Alignment | None = None
    coded: Coded | None = None
    """All of the above at once: set by `decode` where the source brings units."""
    measures: Measures = field(default_factory=Measures)
    """What filters ask for, as far as it is known."""
    stored: StoredSample | None = None


Step = Callable[[Utterance], Utterance]


@dataclass
class Stages:
    """The stages of a build, in order, with what they need loaded once per process."""

    config: BuildConfig
    source: Source
    extractor: UnitExtractor | None
    """None only where no speech could be read to fit units on: then no record gets so far."""
    tokenizer: TextTokenizer | None
    """None where records are only measured: then no samples are made."""
    clusters: int = MAX_CLUSTERS
    """Unit ids that a source brings must be below."""

    def __post_init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """Wall time by stage."""
        self.rules = active_rules(self.config.filter)

    def process(self, record: PlannedRecord) -> StoredSample | DeadLetter:
        """A sample or a dead letter with its stage and reason; only the world's and the user's faults are raised."""
        steps: tuple[tuple[str, Step], ...] = (
            (FILTER, self.filter_row),
            ("transcript", self.check_transcript),
            ("decode", self.decode),
            ("activity", self.find_activity),
            (FILTER, self.filter_signal),
            ("units", self.extract_units),
            ("words", self.find_words),
            (FILTER, self.filter_words),
            ("sample", self.make_sample),
        )
        result = self.run(Utterance(record=record), steps)
        if isinstance(result, DeadLetter):
            return result
        assert result.stored is not None
        return result.stored

    def hear(self, record: PlannedRecord) -> Utterance | DeadLetter:
        """A record as far as the filters of its signal, whether it has a transcript or not."""
        steps: list[tuple[str, Step]] = [(FILTER, self.filter_row), ("decode", self.decode)]
        if self._rules("length", "audio"):
            steps += [("activity", self.find_activity), (FILTER, self.filter_signal)]
        return self.run(Utterance(record=record), steps)

    def run(self, utterance: Utterance, steps: Iterable[tuple[str, Step]]) -> Utterance | DeadLetter:
        """Take the steps, as far as a record gets; a record that comes as units has some behind it."""
        for name, step in steps:
            if utterance.coded is not None and name in _FROM_AUDIO:
                continue
            started = time.perf_counter()
            try:
                utterance = step(utterance)
            except Exception as error:
                return self._dead_letter(utterance.record, name, error)
            finally:
                self.seconds[name] += time.perf_counter() - started
        return utterance

    def filter_row(self, utterance: Utterance) -> Utterance:
        """Refuse first what its source's row alone tells."""
        measures = Measures(language=utterance.record.row.language)
        check_record(measures, self._rules("row"), self.config.filter)
        return utterance

    def filter_signal(self, utterance: Utterance) -> Utterance:
        rules = self._rules("length", "audio")
        if not rules:
            return utterance
        measured = self.measure_signal(utterance, {rule.measure for rule in rules})
        check_record(measured.measures, rules, self.config.filter)
        return measured

    def filter_words(self, utterance: Utterance) -> Utterance:
        measured = self.measure_words(utterance)
        check_record(measured.measures, self._rules("words"), self.config.filter)
        return measured

    def measure_signal(self, utterance: Utterance, wanted: Collection[str]) -> Utterance:
        """All of `Measures` that is `wanted` and needs no word times."""
        content = utterance.coded or utterance.audio
        assert content is not None
        noise_above = self.config.activity.highpass_hz
        measures = measure(utterance.record.row, content, utterance.activity, noise_above, wanted)
        return replace(utterance, measures=measures)

    def measure_words(self, utterance: Utterance) -> Utterance:
        """The score of the word times too."""
        found = utterance.coded or utterance.alignment
        return replace(utterance, measures=replace(utterance.measures, score=None if found is None else found.score))

    def check_transcript(self, utterance: Utterance) -> Utterance:
        """Refuse early what can never get word times."""
        row, words = utterance.record.row, self.config.words
        if not (row.text or "").strip() and not row.words and words.aligner != "none":
            self._missing(Rejected("missing_transcript", f"`{row.id}` has no transcript."), row.id)
        return utterance

    def decode(self, utterance: Utterance) -> Utterance:
        """The record's audio, or its units and words where the source brings them."""
        opened = self.source.open(utterance.record.row.locator)
        if isinstance(opened, Coded):
            return replace(utterance, coded=self._accepted(opened, utterance.record.row.id))
        check_length(opened)
        return replace(utterance, audio=opened)

    def _accepted(self, coded: Coded, id: str) -> Coded:
        """What a source brings in place of audio, without its word times where none are wanted."""
        highest = int(coded.units.max(initial=0))
        if highest >= self.clusters:
            raise Rejected("bad_unit", f"unit {highest} is not below the {self.clusters} clusters (`units.clusters`).")
        if self.config.words.aligner == "none":
            return replace(coded, words=None, word_frames=None, aligner=None, score=None)
        if coded.words is None:
            self._missing(Rejected("missing_word_times", f"the source gives no word times for `{id}`."), id)
        return coded

    def find_activity(self, utterance: Utterance) -> Utterance:
        from lstdata.activity import activity_mask

        assert utterance.audio is not None
        return replace(utterance, activity=activity_mask(utterance.audio.samples, self.config.activity))

    def extract_units(self, utterance: Utterance) -> Utterance:
        assert utterance.audio is not None
        if self.extractor is None:
            raise Unavailable("speech could be read that was unreadable when the codebook was fitted; run again")
        return replace(utterance, units=self.extractor.extract(utterance.audio.samples))

    def find_words(self, utterance: Utterance) -> Utterance:
        """Word times by the manifest or an aligner, or none where `words.missing` allows it."""
        from lstdata.align import from_manifest

        assert utterance.audio is not None
        row, words = utterance.record.row, self.config.words
        samples = utterance.audio.samples
        if words.aligner == "none":
            return utterance
        try:
            if words.aligner != "sphinx" and row.words is not None:
                alignment = from_manifest(row.words, len(samples), row.score)
            elif words.aligner == "manifest":
                raise Rejected("missing_word_times", f"the manifest gives no word times for `{row.id}`.")
            elif not (row.text or "").strip():
                return utterance
            else:
                alignment = self.aligner.align(samples, row.text or "", row.language)
        except Rejected as verdict:
            self._missing(verdict, row.id)
            return utterance
        return replace(utterance, alignment=alignment)

    def make_sample(self, utterance: Utterance) -> Utterance:
        """The record as shards store it, with its patches and one drawn interleaving."""
        assert self.tokenizer is not None
        record, row = utterance.record, utterance.record.row
        coded = utterance.coded or _coded(utterance)
        sample = Sample(
            key=record.key,
            id=row.id,
            split=record.split,
            samples=coded.samples,
            header_seconds=coded.header_seconds,
            units=coded.units,
            activity=coded.activity,
            text=row.text if row.text is not None or coded.words is None else " ".join(coded.words),
            words=coded.words,
            word_frames=coded.word_frames,
            aligner=coded.aligner,
            align_score=coded.score,
            recording=row.recording,
            speaker=row.speaker,
            language=row.language,
            license=row.license,
            custom=row.custom,
        )
        strategies = [name for name in STORED_STRATEGIES if name != "aligned" or coded.words is not None]
        patches = {name: utterance_patches(name, sample, self.config.patching) for name in strategies}
        drawn = drawn_spans(sample, self.tokenizer, interleave=self.config.interleave)
        return replace(utterance, stored=StoredSample(sample, patches, drawn))

    @cached_property
    def aligner(self) -> Aligner:
        from lstdata.align import make_aligner

        return make_aligner("sphinx", self.config.words)

    def _rules(self, *needs: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.needs in needs)

    def _missing(self, verdict: Rejected, id: str) -> None:
        """What `words.missing` makes of a record without word times."""
        if self.config.words.missing == "skip":
            raise verdict
        if self.config.words.missing == "error":
            raise IncompleteBuild(f"`{id}` has no word times and `words.missing` is error: {verdict}.") from verdict

    def _dead_letter(self, record: PlannedRecord, stage: str, error: Exception) -> DeadLetter:
        where = record.row.locator.path
        if isinstance(error, Rejected):
            return DeadLetter(record.row.id, stage, error.reason, error.detail, where)
        if isinstance(error, MemoryError | OSError):
            raise Unavailable(f"`{record.row.id}`, stage {stage}: {error or 'not enough memory'}") from error
        if isinstance(error, LstDataError):
            raise error
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        return DeadLetter(record.row.id, stage, "unexpected_error", message, where, environmental=True)


def _coded(utterance: Utterance) -> Coded:
    """What the stages have made of a record's audio."""
    assert utterance.audio is not None and utterance.units is not None and utterance.activity is not None
    samples, alignment = len(utterance.audio.samples), utterance.alignment
    return Coded(
        samples=samples,
        units=utterance.units,
        activity=utterance.activity,
        words=None if alignment is None else tuple(w.text for w in alignment.words),
        word_frames=None if alignment is None else word_frames(alignment.words, frame_count(samples)),
        aligner=None if alignment is None else alignment.aligner,
        score=None if alignment is None else alignment.score,
        header_seconds=utterance.audio.header_seconds,
    )
