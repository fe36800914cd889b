"""What happens to one record, stage by stage, in one worker process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from lstdata.align import chosen_aligner
from lstdata.audio import check_length
from lstdata.audio.encoding import encode
from lstdata.build.late_units import LateUnits, Ready
from lstdata.build.letters import dead_letter
from lstdata.build.plan_table import PlannedRecord
from lstdata.build.sample import coded_utterance, packed_alike, sample_of
from lstdata.build.utterance import Step, Utterance
from lstdata.build.whereabouts import Whereabouts
from lstdata.build.word_times import WordSource, WordTimes
from lstdata.config import BuildConfig
from lstdata.documents import drawn_spans
from lstdata.errors import IncompleteBuild, Rejected
from lstdata.filters import STAGE as FILTER
from lstdata.filters import Rule, active_rules, check_record
from lstdata.patching import utterance_patches
from lstdata.quality import Measures, measure
from lstdata.records import HOP, Audio, Coded, DeadLetter, frame_count
from lstdata.shards import StoredSample, stored_strategies
from lstdata.sources import Source
from lstdata.tokenizer import TextTokenizer
from lstdata.units import UnitExtractor
from lstdata.units.codebook import MAX_CLUSTERS

if TYPE_CHECKING:
    from lstdata.align.ctc.remote import RemoteCtcModel
    from lstdata.build.units_run import TakenUnits

VERSIONS = {"decode": 1, "activity": 1, "filter": 1, "units": 1, "words": 2, "sample": 4}
"""Raised when a stage's output changes for equal input and config; part of every shard's fingerprint."""


T = TypeVar("T")

_FROM_AUDIO = ("activity", "words")
"""Stages that a record which comes as units has behind it."""


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
    hop: int = HOP
    """Samples per frame."""
    device: str = "cpu"
    """Of an aligner that is a pretrained model."""
    word_source: WordSource = field(default_factory=WordSource)
    ctc: RemoteCtcModel | None = None
    """The model of the aligner, where it is not loaded here."""
    packing: str | None = None
    """Fingerprint of the stage `sample`: what a run has packed by the same is not packed anew; None: everything is."""
    place: Whereabouts | None = None
    """Told which record is at which stage; None where nobody asks."""

    def __post_init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """Wall time by stage."""
        self.rules = active_rules(self.config.filter)

    def process(
        self, records: Mapping[int, PlannedRecord], taken: TakenUnits | None = None
    ) -> dict[int, StoredSample | DeadLetter]:
        """For each record, by position, a sample or a dead letter with its stage and reason; units may be `taken`.

        Only the world's and the user's faults are raised. Units come last, as they may come for several records at
        once; audio is held only until they do.
        """
        steps: tuple[tuple[str, Step], ...] = (
            (FILTER, self.filter_row),
            ("transcript", self.check_transcript),
            ("decode", self.decode),
            ("activity", self.find_activity),
            (FILTER, self.filter_signal),
            ("words", self.find_words),
            (FILTER, self.filter_words),
            ("sample", self.keep_audio),
        )
        done: dict[int, StoredSample | DeadLetter] = {}
        late = LateUnits(self.extractor, self.config.units.dtype, self._timed)
        for number, record in records.items():
            self._turn_to(number, record)
            result = self.run(Utterance(record=record), steps)
            if isinstance(result, DeadLetter):
                done[number] = result
            elif result.coded is not None:
                done[number] = self._stored(result)
            elif taken is not None:
                done[number] = self._with_taken(result, taken)
            else:
                done |= self._all_stored(late.add(number, result))
        if late.last is not None:
            self._turn_to(*late.last)
            done |= self._all_stored(late.finish())
        return done

    def _turn_to(self, position: int, record: PlannedRecord) -> None:
        if self.place is not None:
            self.place.at(position, record.row.id)

    def _all_stored(self, ready: Ready) -> dict[int, StoredSample | DeadLetter]:
        return {n: found if isinstance(found, DeadLetter) else self._stored(found) for n, found in ready}

    def _with_taken(self, utterance: Utterance, taken: TakenUnits) -> StoredSample | DeadLetter:
        result = self.run(utterance, [("units", partial(self.take_units, taken))])
        return result if isinstance(result, DeadLetter) else self._stored(result)

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        if self.place is not None:
            self.place.stage = stage
        started = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] += time.perf_counter() - started

    def _stored(self, utterance: Utterance) -> StoredSample | DeadLetter:
        result = self.run(utterance, [("sample", self.make_sample)])
        if isinstance(result, DeadLetter):
            return result
        assert result.stored is not None
        return result.stored

    @property
    def frames(self) -> tuple[int, int]:
        """(wanted, computed) by the extractor so far."""
        return (0, 0) if self.extractor is None else (self.extractor.wanted, self.extractor.computed)

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
            try:
                utterance = self._timed(name, partial(step, utterance))
            except Exception as error:
                return dead_letter(utterance.record, name, error)
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
        measures = measure(utterance.record.row, content, utterance.activity, noise_above, wanted, self.hop)
        return replace(utterance, measures=measures)

    def measure_words(self, utterance: Utterance) -> Utterance:
        """The score of the word times too."""
        found = utterance.coded or utterance.alignment
        return replace(utterance, measures=replace(utterance.measures, score=None if found is None else found.score))

    def check_transcript(self, utterance: Utterance) -> Utterance:
        """Refuse early what can never get word times."""
        row, words = utterance.record.row, self.config.words
        if not (row.text or "").strip() and not row.words and chosen_aligner(words) not in ("none", "files"):
            self._missing(Rejected("missing_transcript", f"`{row.id}` has no transcript."), row.id)
        return utterance

    def decode(self, utterance: Utterance) -> Utterance:
        """The record's audio, or its units and words where the source brings them."""
        opened = self.source.open(utterance.record.row.locator)
        if isinstance(opened, Coded):
            return replace(utterance, coded=self._accepted(opened, utterance.record.row.id))
        assert isinstance(opened, Audio), "documents of text have stages of their own"
        check_length(opened, self.hop)
        return replace(utterance, audio=opened, length=len(opened.samples), header_seconds=opened.header_seconds)

    def _accepted(self, coded: Coded, id: str) -> Coded:
        """What a source brings in place of audio, without its word times where none are wanted."""
        highest = int(coded.units.max(initial=0))
        if highest >= self.clusters:
            raise Rejected("bad_unit", f"unit {highest} is not below the {self.clusters} clusters (`units.clusters`).")
        if self.config.words.aligner == "none":
            return coded.without_words()
        if coded.words is None:
            self._missing(Rejected("missing_word_times", f"the source gives no word times for `{id}`."), id)
        return coded

    def find_activity(self, utterance: Utterance) -> Utterance:
        from lstdata.activity import activity_mask

        assert utterance.audio is not None
        return replace(utterance, activity=activity_mask(utterance.audio.samples, self.config.activity, self.hop))

    def find_words(self, utterance: Utterance) -> Utterance:
        """Word times by the manifest, files or an aligner, or none where `words.missing` allows it."""
        assert utterance.audio is not None
        if self.config.words.aligner == "none":
            return utterance
        row = utterance.record.row
        try:
            alignment = self._word_times.find(row, utterance.audio.samples)
        except Rejected as verdict:
            self._missing(verdict, row.id)
            return utterance
        return replace(utterance, alignment=alignment)

    def keep_audio(self, utterance: Utterance) -> Utterance:
        """What shards are to hold of it, before it is dropped."""
        codec, audio = self.config.audio.keep, utterance.audio
        return utterance if codec is None or audio is None else replace(utterance, kept=encode(audio.samples, codec))

    def take_units(self, taken: TakenUnits, utterance: Utterance) -> Utterance:
        """The record's units as another run made them."""
        record, frames = utterance.record, frame_count(utterance.length, self.hop)
        return replace(utterance, audio=None, units=taken.of(record.key, record.row.id, frames))

    def make_sample(self, utterance: Utterance) -> Utterance:
        """The record as shards store it, with its patches and one drawn interleaving."""
        assert self.tokenizer is not None
        packed = packed_alike(utterance, self.packing)
        if packed is not None:
            return replace(utterance, stored=packed)
        if utterance.coded is None:
            assert utterance.units is not None and utterance.activity is not None
            coded = coded_utterance(
                utterance.length,
                utterance.units,
                utterance.activity,
                utterance.alignment,
                header_seconds=utterance.header_seconds,
                hop=self.hop,
            )
        else:
            coded = utterance.coded
        sample = sample_of(utterance.record, coded, self.tokenizer)
        patches = {name: utterance_patches(name, sample, self.config.patching) for name in stored_strategies(sample)}
        drawn = drawn_spans(sample, self.tokenizer, interleave=self.config.interleave)
        kept = utterance.kept if utterance.coded is None else utterance.coded.audio if self.config.audio.keep else None
        return replace(utterance, stored=StoredSample(sample, patches, drawn, kept))

    @cached_property
    def _word_times(self) -> WordTimes:
        return WordTimes(self.config.words, self.device, self.word_source, self.ctc)

    def _rules(self, *needs: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.needs in needs)

    def _missing(self, verdict: Rejected, id: str) -> None:
        """What `words.missing` makes of a record without word times."""
        if self.config.words.missing == "skip":
            raise verdict
        if self.config.words.missing == "error":
            raise IncompleteBuild(f"`{id}` has no word times and `words.missing` is error: {verdict}.") from verdict
