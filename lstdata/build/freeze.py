"""Codebook, tokenizer and vocab card of a run folder: made or taken once, then frozen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from upath import UPath

from lstdata.build.agreement import agreement_notes, measure_on
from lstdata.build.fit_attempts import fit_apart
from lstdata.build.fitting import Fitted, fit_notes, fit_on, training_first
from lstdata.build.inventory import NO_UNITS, UnitSet, keep_units
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import Plan, PlannedShard, read_shard_rows
from lstdata.build.text_sample import some_texts
from lstdata.computing import Computing, computing_of, run_once, uses_models
from lstdata.config import BuildConfig, FilterConfig
from lstdata.errors import ConfigError, DamagedSource, Unavailable
from lstdata.filters import keeps_row
from lstdata.sources import Source, open_source
from lstdata.storage import commit_bytes, commit_json, exists, read_json, redacted
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.tokenizer.files import given_tokenizer
from lstdata.units.codebook import Codebook, load_codebook
from lstdata.units.features import Features, find_features
from lstdata.units.fit import FitSummary
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.build.means import Means


@dataclass(frozen=True)
class Frozen:
    """What every shard of the run is coded with."""

    units: UnitSet | None
    """None only where not one frame of speech could be read."""
    tokenizer: TextTokenizer
    notes: tuple[str, ...]
    """One line for each thing that was made now."""


def freeze(
    source: Source,
    plan: Plan,
    out: UPath,
    config: BuildConfig,
    means: Means,
    progress: Callable[[int, int], None],
    say: Callable[[str], None],
) -> Frozen:
    """Make or take what `out` lacks; what is there is kept.

    `progress` hears, in another thread, of the frames that a codebook is fitted on; `say`, at once, of what goes wrong.
    """
    notes: list[str] = []
    tokenizer = _freeze_tokenizer(source, plan, out, config, notes)
    inventory, features = source.inventory(), means.features
    units: UnitSet | None
    if inventory is not None and inventory.is_text:
        units, hop = NO_UNITS, inventory.hop
    elif means.taken is not None:
        means.taken.keep_codebook(out, notes)
        units, hop = means.taken.units, means.taken.hop
    elif inventory is not None:
        units, hop = keep_units(inventory, out, config, notes), inventory.hop
    else:
        assert features is not None
        made = _Making(source, plan, out / "plan.parquet", config, features, means.computing, progress, say)
        codebook = _freeze_codebook(made, out, notes)
        hop, units = features.hop, None if codebook is None else UnitSet(codebook.clusters, codebook.sha256)
        if codebook is not None and not exists(out / "vocab.json"):
            notes += made.agreement(codebook, _left_out(out))
    if units is not None:
        card = VocabCard(
            text_size=tokenizer.size,
            tokenizer_sha256=tokenizer.sha256,
            tokenizer_bos=tokenizer.bos,
            tokenizer_eos=tokenizer.eos,
            units=units.clusters,
            codebook_sha256=units.sha256,
            hop=hop,
        )
        if exists(out / "vocab.json"):
            VocabCard.from_json(read_json(out / "vocab.json")).check_same(card)
        else:
            commit_json(out / "vocab.json", card.to_json())
    return Frozen(units, tokenizer, tuple(notes))


def check_given(config: BuildConfig, features: Features | None) -> None:
    """ConfigError where a given codebook or tokenizer cannot be used; before anything is written."""
    if config.tokenizer.path is not None:
        given_tokenizer(config.tokenizer.path)
    if config.units.codebook is not None and features is not None:
        features.check(load_codebook(config.units.codebook), "units.codebook")


def training_texts(source: Source, plan: Plan, plan_path: UPath, filters: FilterConfig) -> Iterator[str]:
    """The training records' texts, in the plan's order, or where there is none, those of all other records.

    Not of what is left out for what its source says; where they are documents, of a part of them.
    """
    for shards in training_first(plan):
        found = False
        documents = some_texts(source, shards, plan_path, filters)
        for text in documents if plan.text_bytes else _transcripts(shards, plan_path, filters):
            found = True
            yield text
        if found:
            return


def _transcripts(shards: Iterable[PlannedShard], plan_path: UPath, filters: FilterConfig) -> Iterator[str]:
    for shard in shards:
        for record in read_shard_rows(plan_path, shard.number):
            row = record.row
            text = row.text if row.words is None else " ".join(word.text for word in row.words)
            if text and not text.isspace() and keeps_row(row, filters):
                yield text


def _freeze_tokenizer(source: Source, plan: Plan, out: UPath, config: BuildConfig, notes: list[str]) -> TextTokenizer:
    path = out / "tokenizer.json"
    if exists(path):
        return TextTokenizer.read(str(path))
    texts = training_texts(source, plan, out / "plan.parquet", config.filter)
    if config.tokenizer.path is not None:
        data = given_tokenizer(config.tokenizer.path, texts)
    else:
        data = fit_tokenizer(texts, config.tokenizer.vocab_size)
    commit_bytes(path, data)
    tokenizer = TextTokenizer.read(str(path))
    origin = redacted(config.tokenizer.path) or f"trained on the {'documents' if plan.text_bytes else 'transcripts'}"
    notes.append(f"tokenizer: {tokenizer.size} tokens, {origin}")
    return tokenizer


@dataclass(frozen=True)
class _Making:
    """What takes the model that units are made by."""

    source: Source
    plan: Plan
    plan_path: UPath
    config: BuildConfig
    features: Features
    computing: Computing
    progress: Callable[[int, int], None]
    say: Callable[[str], None]

    def fitted(self) -> tuple[Fitted | None, tuple[str, ...]]:
        """With the ids of the records that had to be left out."""
        fit = partial(fit_on, self.source, self.plan, self.plan_path, self.config, self.features)
        run = self.config.run
        return fit_apart(fit, self.plan_path.parent, run, self.computing.gpus_per_worker(run), self.progress, self.say)

    def agreement(self, codebook: Codebook, left_out: Collection[str]) -> Iterator[str]:
        """What a number format of few digits, and windows, do to the units; nothing where there is neither."""
        if self.features.checkpoint is not None:
            about = (self.source, self.plan, self.plan_path, self.config, self.features, codebook, left_out)
            work = partial(measure_on, *about)
            try:
                yield from agreement_notes(run_once(work, self.config.run, self.computing.on_gpu, "comparing units"))
            except Unavailable as error:
                yield f"units: not compared with whole float32 passes: {error}"


def _left_out(out: UPath) -> list[str]:
    """The records without which the codebook of a run was fitted; none where it was not fitted there."""
    path = out / "codebook.json"
    return list(read_json(path).get("left_out", ())) if exists(path) else []


def _freeze_codebook(making: _Making, out: UPath, notes: list[str]) -> Codebook | None:
    path, given = out / "codebook.npz", making.config.units.codebook
    if exists(path):
        book = load_codebook(path)
        making.features.check(book, str(path))
        return book
    if given is not None:
        book = load_codebook(given)
        notes.append(f"codebook: {book.clusters} clusters, {redacted(given)}")
    else:
        fitted, left_out = making.fitted()
        if fitted is None:
            notes.append("codebook: none, because not one frame of speech could be read")
            return None
        book, summary = fitted
        commit_json(out / "codebook.json", asdict(summary) | {"left_out": left_out})
        notes += fit_notes(summary, making.features.hop)
    commit_bytes(path, book.to_bytes())
    return book


def fit_source(
    source_path: str, codebook: UPath, config: BuildConfig, progress: Callable[[int, int], None]
) -> tuple[FitSummary, list[str]]:
    """Fit a codebook on a source outside any run folder and commit it as a file; what it is, and lines on it."""
    if open_source(source_path, config.source).inventory() is not None:
        raise ConfigError(f"`{source_path}` brings no audio to fit a codebook on.")
    computing = computing_of(config.run, uses_models(config))
    features = find_features(config.units, computing.device)
    notes: list[str] = []
    with _planned(source_path, config) as (source, plan, plan_path):
        making = _Making(source, plan, plan_path, config, features, computing, progress, notes.append)
        fitted, _ = making.fitted()
    if fitted is None:
        raise DamagedSource(f"Not one frame of speech could be read from `{source_path}`.")
    commit_bytes(codebook, fitted[0].to_bytes())
    return fitted[1], [*notes, *fit_notes(fitted[1], features.hop)]


def fit_source_tokenizer(source_path: str, path: UPath, config: BuildConfig) -> TextTokenizer:
    """Train a tokenizer on a source's texts outside any run folder and commit it as a file."""
    with _planned(source_path, config) as (source, plan, plan_path):
        texts = training_texts(source, plan, plan_path, config.filter)
        commit_bytes(path, fit_tokenizer(texts, config.tokenizer.vocab_size))
    return TextTokenizer.read(str(path))


@contextmanager
def _planned(source_path: str, config: BuildConfig) -> Iterator[tuple[Source, Plan, UPath]]:
    """A source and its plan, in a folder that is deleted afterwards."""
    source = open_source(source_path, config.source)
    with tempfile.TemporaryDirectory() as folder:
        path = UPath(folder) / "plan.parquet"
        yield source, make_plan(source, config.plan, path), path
