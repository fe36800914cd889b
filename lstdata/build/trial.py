"""A dry run that measures: every record is decoded and judged as a build would judge it, and nothing is written."""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from upath import UPath

from lstdata.build.plan_table import Plan, PlannedRecord, read_shard_ids, read_shard_rows
from lstdata.build.stages import Stages
from lstdata.build.utterance import Step, Utterance
from lstdata.build.word_times import WordSource, find_word_source
from lstdata.computing import computing_of, uses_models
from lstdata.config import BuildConfig
from lstdata.errors import LstDataError
from lstdata.filters import STAGE, Limit, Rule, active_rules
from lstdata.quality import Measures
from lstdata.randomness import digest
from lstdata.records import SAMPLE_RATE, DeadLetter
from lstdata.sources import open_source
from lstdata.units.codebook import MAX_CLUSTERS
from lstdata.units.features import find_features
from lstdata.units.fit import DEFAULT_CLUSTERS
from lstdata.workers import run_tasks

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

MEASURED = ("seconds", "words_per_second", "characters_per_second", "header_mismatch", "clipping", "snr_db", "score")
"""The measures that are numbers, in the order of the rules that ask for them."""

_CHUNK = 32
"""Records of one task."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one record."""

    samples: int
    """At 16 kHz: decoded, or what the source says of a record that was not."""
    measures: Measures
    failure: str | None
    """The reason why it got no further, filters aside."""


@dataclass(slots=True)
class Tally:
    """Records, and how long they are together."""

    records: int = 0
    samples: int = 0

    def add(self, tried: Tried) -> None:
        self.records += 1
        self.samples += tried.samples

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    def to_json(self) -> dict[str, Any]:
        return {"records": self.records, "seconds": self.seconds}


@dataclass(slots=True)
class RuleTally:
    """What one rule leaves out."""

    first: Tally = field(default_factory=Tally)
    """Records of which it is the first rule that they break: the dead letters that a build makes."""
    alone: Tally = field(default_factory=Tally)
    """Records that it would leave out if there were no other rule."""
    unknown: int = 0
    """Records that passed because what the rule asks for is not known of them."""


class Trial:
    """The sums over all records that were tried; they do not depend on the order."""

    def __init__(self, config: BuildConfig) -> None:
        self._config = config.filter
        self.rules: dict[Rule, RuleTally] = {rule: RuleTally() for rule in active_rules(config.filter)}
        self.all, self.kept = Tally(), Tally()
        self.failures: defaultdict[str, Tally] = defaultdict(Tally)
        """By reason."""
        self.languages: defaultdict[str | None, Tally] = defaultdict(Tally)
        self.values: dict[str, array[float]] = {name: array("d") for name in MEASURED}

    def add(self, tried: Tried) -> None:
        self.all.add(tried)
        self.languages[tried.measures.language].add(tried)
        for name, values in self.values.items():
            value = getattr(tried.measures, name)
            if value is not None:
                values.append(value)
        broken = [rule for rule in self.rules if rule.breach(tried.measures, self._config) is not None]
        for rule in broken:
            self.rules[rule].alone.add(tried)
        if broken:
            self.rules[broken[0]].first.add(tried)
        elif tried.failure is not None:
            self.failures[tried.failure].add(tried)
        else:
            self.kept.add(tried)
            for rule, tally in self.rules.items():
                tally.unknown += getattr(tried.measures, rule.measure) is None

    def limit(self, rule: Rule) -> Limit | None:
        return rule.limit(self._config)

    def quantiles(self, name: str) -> list[float]:
        """Of a measure, by `QUANTILES`: values that records really have; empty where none has one."""
        values = np.frombuffer(self.values[name], dtype=np.float64)
        found: list[float] = np.quantile(values, QUANTILES, method="inverted_cdf").tolist() if len(values) else []
        return found


@dataclass(frozen=True)
class Trying:
    """Makes what a worker does with a chunk of records: try each."""

    source: str
    config: BuildConfig
    scored: bool
    """Whether word times are found too: the one slow step."""
    hop: int
    """Samples per frame of the build's units."""
    device: str
    word_source: WordSource = field(default_factory=WordSource)

    def __call__(self) -> Callable[[Sequence[PlannedRecord]], list[Tried]]:
        source = open_source(self.source, self.config.source)
        inventory, clusters = source.inventory(), MAX_CLUSTERS
        if inventory is not None:
            clusters = inventory.clusters or self.config.units.clusters or DEFAULT_CLUSTERS
        stages = Stages(self.config, source, None, None, clusters, self.hop, self.device, self.word_source)
        return lambda records: [try_record(stages, record, self.scored) for record in records]


def try_record(stages: Stages, record: PlannedRecord, scored: bool) -> Tried:
    """Take a record as far as it gets when no filter stops it, and measure it on the way."""
    reached = Utterance(record=record, measures=Measures(language=record.row.language))

    def measure_signal(utterance: Utterance) -> Utterance:
        return stages.measure_signal(utterance, MEASURED)

    steps: list[tuple[str, Step]] = [("transcript", stages.check_transcript), ("decode", stages.decode)]
    steps += [("activity", stages.find_activity), (STAGE, measure_signal)]
    steps += [("words", stages.find_words), (STAGE, stages.measure_words)] if scored else []
    failure = None
    for step in steps:
        result = stages.run(reached, [step])
        if isinstance(result, DeadLetter):
            failure = result.reason
            break
        reached = result
    seconds = reached.measures.seconds or record.row.duration or 0.0
    return Tried(round(seconds * SAMPLE_RATE), reached.measures, failure)


def try_records(
    source: str,
    plan: Plan,
    plan_path: UPath,
    config: BuildConfig,
    *,
    scored: bool,
    sample: int | None,
    progress: Callable[[int, int], None],
) -> Trial:
    """Try every planned record, or a `sample` of as many that their ids' hashes choose; raises the first fault."""
    trial = Trial(config)
    planned = plan.records - plan.rejected
    total = planned if sample is None else min(sample, planned)
    computing = computing_of(config.run, uses_models(config))
    hop = find_features(config.units, computing.device).hop
    words = find_word_source(config.words) if scored else WordSource()
    chunks, make = choose(plan, plan_path, sample), Trying(source, config, scored, hop, computing.device, words)
    gpus = computing.gpus_per_worker(config.run)
    tasks = run_tasks(make, chunks, config.run, describe=lambda c: f"`{c[0].row.id}`", gpus_per_worker=gpus)
    with closing(tasks) as results:
        for _, result in results:
            if isinstance(result, LstDataError):
                raise result
            for tried in result:
                trial.add(tried)
            progress(trial.all.records, total)
    return trial


def choose(plan: Plan, plan_path: UPath, number: int | None) -> Iterator[Sequence[PlannedRecord]]:
    """All planned records, or those with the lowest hashes, the same ones whatever the shards are; a task at a time."""
    if number is None:
        for shard in plan.shards:
            yield from _chunks(read_shard_rows(plan_path, shard.number))
        return
    ranked = (
        (digest("trial", id)[:8], shard.number, position)
        for shard in plan.shards
        for position, id in enumerate(read_shard_ids(plan_path, shard.number))
    )
    places = sorted((group, position) for _, group, position in heapq.nsmallest(number, ranked))
    for group, members in groupby(places, key=lambda place: place[0]):
        rows = read_shard_rows(plan_path, group)
        yield from _chunks([rows[position] for _, position in members])


def _chunks(records: Sequence[PlannedRecord]) -> Iterator[Sequence[PlannedRecord]]:
    return (records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK))
