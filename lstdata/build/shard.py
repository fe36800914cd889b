"""Building one shard, whole: the unit of work, of retry and of commit."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial

from lstdata.build.commit import commit_shard
from lstdata.build.metrics import observe
from lstdata.build.models import ModelActors, aligns, encodes
from lstdata.build.plan_table import read_shard_rows
from lstdata.build.spec import BuildSpec
from lstdata.build.stages import Stages
from lstdata.build.task import FailedTogether, RecordFailed, ShardResult, ShardTask
from lstdata.build.text_stages import TextStages
from lstdata.build.units_run import TakenUnits
from lstdata.build.whereabouts import Whereabouts
from lstdata.build.worker_log import WorkerLog
from lstdata.compute import compute_class
from lstdata.computing import uses_models
from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.records import HOP, DeadLetter
from lstdata.run_folder import read_card
from lstdata.shards import StoredSample
from lstdata.sources import Source, open_source
from lstdata.storage import exists
from lstdata.tokenizer import TextTokenizer
from lstdata.units import UnitExtractor
from lstdata.units.codebook import load_codebook
from lstdata.units.features import make_extractor
from lstdata.workers.trying import try_hard


class ShardBuilder:
    """What a worker does with each task that it is given; models are loaded with the first."""

    def __init__(self, spec: BuildSpec, models: ModelActors | None = None) -> None:
        self._spec, self._models = spec, models
        self._place = Whereabouts(spec.config.run.record_timeout)
        self._log = WorkerLog(spec.out, self._place)
        self._stages: Stages | TextStages | None = None

    def __call__(self, task: ShardTask) -> ShardResult:
        """Build and commit a shard, or probe some of its records. Faults of the world are retried.

        Raises LstDataError and nothing else. After RecordFailed the models are loaded anew: nobody knows in the midst
        of what they were left.
        """
        self._log.begin(task)
        outcome = try_hard(partial(self._attempt, task), task.describe())
        if isinstance(outcome, RecordFailed):
            self._stages = None
            self._place.load_anew()
            self._log.timed_out(task, outcome)
        if isinstance(outcome, LstDataError):
            raise outcome
        self._log.done(task, outcome)
        if task.only is None:
            observe(outcome)
        return outcome

    def _attempt(self, task: ShardTask) -> ShardResult | LstDataError:
        """What of the world's faults must not be tried again here is returned."""
        self._stages = stages = self._stages or _stages(self._spec, self._place, self._models)
        stages.seconds.clear()
        before = stages.frames
        try:
            results = self._results(stages, task)
        except (RecordFailed, FailedTogether) as fault:
            return fault
        started, seconds = time.perf_counter(), 0.0
        if task.only is None:
            seconds = commit_shard(self._spec, task.shard, results)
            stages.seconds["commit"] += time.perf_counter() - started
        letters = tuple(result for result in results if isinstance(result, DeadLetter))
        wanted, computed = (now - then for now, then in zip(stages.frames, before, strict=True))
        return ShardResult(
            name=task.shard.name,
            records=len(results),
            samples=len(results) - len(letters),
            rejected=len(letters),
            seconds=seconds,
            filtered=sum(letter.reason in FILTER_REASONS for letter in letters),
            reasons=dict(Counter(letter.reason for letter in letters)),
            stage_seconds=dict(stages.seconds),
            wanted_frames=wanted,
            computed_frames=computed,
            host=socket.gethostname(),
            pid=os.getpid(),
            letters=() if task.only is None else letters,
        )

    def _results(self, stages: Stages | TextStages, task: ShardTask) -> list[StoredSample | DeadLetter]:
        """Of each record that the task is about, in order."""
        rows = read_shard_rows(self._spec.out / "plan.parquet", task.shard.number)
        skipped = {letter.id: letter for letter in task.skip}
        about = range(*(task.only or (0, len(rows))))
        tried = {n: rows[n] for n in about if rows[n].row.id not in skipped}
        units_run = self._spec.units_run
        taken = None if units_run is None else TakenUnits(units_run, task.shard.name)
        done: Mapping[int, StoredSample | DeadLetter] = self._place.timed(partial(stages.process, tried, taken))
        return [done[n] if n in tried else skipped[rows[n].row.id] for n in about]


def _stages(spec: BuildSpec, place: Whereabouts, models: ModelActors | None) -> Stages | TextStages:
    """The stages with their models, or with those that actors have: then of this machine the CPU alone counts."""
    here = compute_class(spec.device if models is None else "cpu", uses_models(spec.config))
    if here != spec.worker_class and (models is None or not spec.worker_class.startswith(f"{here} ")):
        raise ConfigError(
            f"This worker's compute class is {here}, but the build's is {spec.worker_class}: their bytes could differ."
        )
    source, tokenizer = _opened(spec)
    inventory = source.inventory()
    if inventory is not None and inventory.is_text:
        return TextStages(spec.config, source, tokenizer, place)
    codebook, card = spec.out / "codebook.npz", read_card(spec.out)
    features = spec.features if exists(codebook) else None
    hop = HOP if card is None else card.hop
    extractor: UnitExtractor | None = None
    if models is not None and encodes(spec):
        extractor = models.extractor(hop, place)
    elif features is not None:
        extractor = make_extractor(features, load_codebook(codebook))
    return Stages(
        config=spec.config,
        source=source,
        extractor=extractor,
        tokenizer=tokenizer,
        clusters=0 if card is None else card.units,
        hop=hop,
        device=spec.device,
        word_source=spec.word_source,
        ctc=models.ctc(place) if models is not None and aligns(spec) else None,
        packing=dict(spec.stages)["sample"],
        place=place,
    )


def _opened(spec: BuildSpec) -> tuple[Source, TextTokenizer]:
    """The driver has had both open: what a worker does not find is not there for the moment."""
    try:
        return open_source(spec.source, spec.config.source), TextTokenizer.read(str(spec.out / "tokenizer.json"))
    except ConfigError as error:
        raise Unavailable(str(error)) from error
