"""Codebook, tokenizer and vocab card of a run folder: made or taken once, then frozen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lstdata.build.inventory import UnitSet, keep_units
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import Plan, PlannedRecord, PlannedShard, read_shard_ids, read_shard_rows
from lstdata.build.stages import Stages
from lstdata.config import BuildConfig, FilterConfig
from lstdata.errors import ConfigError, DamagedSource, Unavailable
from lstdata.filters import keeps_row
from lstdata.randomness import digest
from lstdata.records import HOP, SAMPLE_RATE, DeadLetter, Waveform, frame_count
from lstdata.sources import Source, open_source
from lstdata.storage import commit_bytes, commit_json, open_binary, read_json
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.units.codebook import Codebook, load_codebook
from lstdata.units.fit import FitSummary, fit_codebook
from lstdata.units.mfcc import features
from lstdata.vocab import VocabCard
from lstdata.workers.trying import TRIES, pause
from lstdata.workers.worker import pin_threads

_LITTLE_SECONDS = 60
"""A codebook that was fitted on less speech is pointed out."""


@dataclass(frozen=True)
class Frozen:
    """What every shard of the run is coded with."""

    units: UnitSet | None
    """None only where not one frame of speech could be read."""
    tokenizer: TextTokenizer
    notes: tuple[str, ...]
    """One line for each thing that was made now."""


def freeze(source: Source, plan: Plan, out: Path, config: BuildConfig) -> Frozen:
    """Make or take what `out` lacks; what is there is kept as it is."""
    notes: list[str] = []
    tokenizer = _freeze_tokenizer(plan, out, config, notes)
    units = _freeze_units(source, plan, out, config, notes)
    if units is not None:
        card = VocabCard(
            text_size=tokenizer.size,
            tokenizer_sha256=tokenizer.sha256,
            tokenizer_bos=tokenizer.bos,
            tokenizer_eos=tokenizer.eos,
            units=units.clusters,
            codebook_sha256=units.sha256,
        )
        if (out / "vocab.json").exists():
            VocabCard.from_json(read_json(out / "vocab.json")).check_same(card)
        else:
            commit_json(out / "vocab.json", card.to_json())
    return Frozen(units, tokenizer, tuple(notes))


def fit_on(source: Source, plan: Plan, plan_path: Path, config: BuildConfig) -> tuple[Codebook, FitSummary] | None:
    """Fit a codebook on the plan's training records, in the order of their hash, up to `units.fit_frames` frames.

    Where these have not one frame, on all other records. What filters leave out before there are units is left out here
    too. None where not one frame could be read. Runs on one thread, whatever the machine has.
    """
    pin_threads()
    stages = Stages(config, source, extractor=None, tokenizer=None)
    for shards in _training_first(plan):
        sampled = _frames(stages, _sampled(shards, plan_path, config), config.units.fit_frames)
        if sampled:
            return fit_codebook(np.concatenate(sampled)[: config.units.fit_frames], config.units)
    return None


def check_given(config: BuildConfig) -> None:
    """ConfigError where a given codebook or tokenizer cannot be used; before anything is written."""
    if config.tokenizer.path is not None:
        TextTokenizer.read(config.tokenizer.path)
    if config.units.codebook is not None:
        book = load_codebook(config.units.codebook)
        if book.extractor != config.units.extractor:
            raise ConfigError(
                f"`units.codebook` was made for {book.extractor} features, but `units.extractor` is "
                f"{config.units.extractor}."
            )


def transcripts(plan: Plan, plan_path: Path, filters: FilterConfig) -> Iterator[str]:
    """The training records' texts, in the plan's order, or where there is none, those of all other records.

    Not of what is left out for what its source says.
    """
    for shards in _training_first(plan):
        found = False
        for text in _texts(shards, plan_path, filters):
            found = True
            yield text
        if found:
            return


def _texts(shards: Iterable[PlannedShard], plan_path: Path, filters: FilterConfig) -> Iterator[str]:
    for shard in shards:
        for record in read_shard_rows(plan_path, shard.row_group):
            row = record.row
            text = row.text if row.words is None else " ".join(word.text for word in row.words)
            if text and not text.isspace() and keeps_row(row, filters):
                yield text


def _freeze_tokenizer(plan: Plan, out: Path, config: BuildConfig, notes: list[str]) -> TextTokenizer:
    path = out / "tokenizer.json"
    if path.exists():
        return TextTokenizer.read(str(path))
    if config.tokenizer.path is not None:
        TextTokenizer.read(config.tokenizer.path)
        with open_binary(config.tokenizer.path) as file:
            data = file.read()
    else:
        texts = transcripts(plan, out / "plan.parquet", config.filter)
        data = fit_tokenizer(texts, config.tokenizer.vocab_size)
    commit_bytes(path, data)
    tokenizer = TextTokenizer.read(str(path))
    notes.append(f"tokenizer: {tokenizer.size} tokens, " + (config.tokenizer.path or "trained on the transcripts"))
    return tokenizer


def _freeze_units(source: Source, plan: Plan, out: Path, config: BuildConfig, notes: list[str]) -> UnitSet | None:
    """The source's units where it brings them, else those of a codebook."""
    inventory = source.inventory()
    if inventory is not None:
        return keep_units(inventory, out, config, notes)
    codebook = _freeze_codebook(source, plan, out, config, notes)
    return None if codebook is None else UnitSet(codebook.clusters, codebook.sha256)


def _freeze_codebook(source: Source, plan: Plan, out: Path, config: BuildConfig, notes: list[str]) -> Codebook | None:
    path = out / "codebook.npz"
    if path.exists():
        return load_codebook(path)
    if config.units.codebook is not None:
        book = load_codebook(config.units.codebook)
        notes.append(f"codebook: {book.clusters} clusters, {config.units.codebook}")
    else:
        fitted = fit_on(source, plan, out / "plan.parquet", config)
        if fitted is None:
            notes.append("codebook: none, because not one frame of speech could be read")
            return None
        book, summary = fitted
        commit_json(out / "codebook.json", asdict(summary))
        notes += fit_notes(summary)
    commit_bytes(path, book.to_bytes())
    return book


def describe_fit(summary: FitSummary) -> str:
    """One line on what was fitted."""
    return (
        f"codebook: {summary.clusters} clusters fitted on {summary.frames} frames "
        f"(entropy {summary.entropy_bits:.2f} bits, {summary.dead_clusters} unused)"
    )


def fit_notes(summary: FitSummary) -> Iterator[str]:
    """What was fitted, and that it was fitted on little."""
    yield describe_fit(summary)
    seconds = summary.frames * HOP / SAMPLE_RATE
    if seconds < _LITTLE_SECONDS:
        yield f"codebook: fitted on only {int(seconds)} s of speech"


def _frames(stages: Stages, records: Iterable[PlannedRecord], wanted: int) -> list[NDArray[np.float32]]:
    """Features of one record after another, until there are as many frames as are wanted."""
    parts: list[NDArray[np.float32]] = []
    frames = 0
    for record in records:
        samples = _samples(stages, record)
        if frame_count(len(samples)):
            parts.append(features(samples))
            frames += len(parts[-1])
        if frames >= wanted:
            break
    return parts


def _samples(stages: Stages, record: PlannedRecord) -> Waveform:
    """A record's signal, empty where it cannot be used or is not wanted: the build will say why.

    Unavailable where the world is at fault: another codebook would come out without this record.
    """
    for attempt in range(TRIES):
        try:
            heard = stages.hear(record)
            if isinstance(heard, DeadLetter):
                break
            assert heard.audio is not None, "a codebook is never fitted on a source that brings units"
            return heard.audio.samples
        except (Unavailable, OSError, MemoryError) as error:
            if attempt == TRIES - 1:
                raise Unavailable(f"`{record.row.id}`, on which the codebook is fitted: {error}") from error
            pause(attempt)
        except Exception:  # whatever else: the build meets it again, and says so
            break
    return np.zeros(0, dtype=np.float32)


def _sampled(shards: Iterable[PlannedShard], plan_path: Path, config: BuildConfig) -> Iterator[PlannedRecord]:
    """The shards' records in the order of their hash."""
    ranked = sorted(
        (digest(config.units.seed, "fit", id)[:8], shard.row_group, position)
        for shard in shards
        for position, id in enumerate(read_shard_ids(plan_path, shard.row_group))
    )
    rows_of = lru_cache(maxsize=64)(read_shard_rows)
    for _, group, position in ranked:
        yield rows_of(plan_path, group)[position]


def _training_first(plan: Plan) -> tuple[list[PlannedShard], list[PlannedShard]]:
    """The shards of the `train` split, and all others: what to learn from, and where nothing can be learned there."""
    training = [shard for shard in plan.shards if shard.split == "train"]
    return training, [shard for shard in plan.shards if shard.split != "train"]


def fit_source(source_path: str, codebook: Path, config: BuildConfig) -> FitSummary:
    """Fit a codebook on a source outside any run folder and commit it as a file."""
    if open_source(source_path, config.source).inventory() is not None:
        raise ConfigError(f"`{source_path}` brings units: there is no audio to fit a codebook on.")
    with _planned(source_path, config) as (source, plan, plan_path):
        fitted = fit_on(source, plan, plan_path, config)
    if fitted is None:
        raise DamagedSource(f"Not one frame of speech could be read from `{source_path}`.")
    commit_bytes(codebook, fitted[0].to_bytes())
    return fitted[1]


def fit_source_tokenizer(source_path: str, path: Path, config: BuildConfig) -> TextTokenizer:
    """Train a tokenizer on a source's transcripts outside any run folder and commit it as a file."""
    with _planned(source_path, config) as (_, plan, plan_path):
        texts = transcripts(plan, plan_path, config.filter)
        commit_bytes(path, fit_tokenizer(texts, config.tokenizer.vocab_size))
    return TextTokenizer.read(str(path))


@contextmanager
def _planned(source_path: str, config: BuildConfig) -> Iterator[tuple[Source, Plan, Path]]:
    """A source and its plan, in a folder that is deleted afterwards."""
    source = open_source(source_path, config.source)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.parquet"
        yield source, make_plan(source, config.plan, path), path
