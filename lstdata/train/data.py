"""The data of a training run: its run folders opened and checked, and the rows that are made of them."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstdata.errors import ConfigError
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.loader.expected import Expected, expected_tokens
from lstdata.loader.mixture import Mixture
from lstdata.loader.schedule import Schedule
from lstdata.loader.spec import MixtureSpec, SourceSpec
from lstdata.patching import evaluated
from lstdata.storage import place, sha256_file
from lstdata.train.config import DataConfig, TrainConfig, required, row_budget
from lstdata.train.tasks import task_corpora
from lstdata.vocab import VocabCard


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceData:
    """One run folder of a training run."""

    name: str
    """Of its figures: the folder's, made of letters, digits, `-` and `_`."""
    run: RunFolder
    train: SplitCorpus
    held_out: SplitCorpus
    tasks: dict[str, SplitCorpus]
    """The held-out samples again, as each task draws them."""
    expected: Expected
    share: float
    """Of all raw tokens; the shares of all sources sum to 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """All that a training run reads."""

    sources: tuple[SourceData, ...]
    spec: MixtureSpec
    """Of the rows."""
    rows: Mixture
    vocab: VocabCard
    """Of the model: every source's ids mean the same by it."""
    steps: int
    """Length of the schedule: the configured one or, where `tokens` ends the training, the expected one."""

    @property
    def held_out(self) -> dict[str | None, SplitCorpus]:
        """What is validated on, by the name of its figures; one corpus alone has none."""
        named: dict[str | None, SplitCorpus] = {}
        alone = len(self.sources) == 1
        for source in self.sources:
            named[None if alone else source.name] = source.held_out
            for task, corpus in source.tasks.items():
                named[task if alone else f"{source.name}/{task}"] = corpus
        return named

    def card(self) -> list[dict[str, Any]]:
        """What `train.json` says of each source: which it is, and how its rows are mixed."""
        schedule = self.rows.schedule
        return [
            {
                "path": str(source.run.root),
                "index_sha256": sha256_file(source.run.root / "index.parquet"),
                "samples": len(source.train),
                "validation_samples": len(source.held_out),
                "lanes": stream.lanes,
                "share": source.share,
                "row_share": row_share,
                "tokens_per_row": source.expected.row,
            }
            for source, stream, row_share in zip(self.sources, self.rows.streams, schedule.row_shares, strict=True)
        ]


def open_data(config: TrainConfig) -> TrainingData:
    """Open what a resolved config names; ConfigError with the mistakes of all run folders."""
    if not config.data:
        raise ConfigError("`data` must name at least one run folder.")
    mistakes: list[str] = []
    opened: list[tuple[RunFolder, SplitCorpus, SplitCorpus, dict[str, SplitCorpus]]] = []
    for data in config.data:
        try:
            opened.append(_open(config, data))
        except ConfigError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ConfigError(*mistakes)
    if config.validate_tasks and all(run.vocab.is_text for run, *_ in opened):
        raise ConfigError("`validate_tasks` needs a run folder of speech, but `data` names none.")
    corpora = [train for _, train, *_ in opened]
    vocab = _common_vocab(corpora, [data.path for data in config.data])
    expected = [_expected(config, data, corpus) for data, corpus in zip(config.data, corpora, strict=True)]
    shares = _shares(config.data, corpora, expected)
    names = _names([run.root.name for run, *_ in opened])
    sources = tuple(
        SourceData(name=name, run=run, train=train, held_out=held_out, tasks=tasks, expected=e, share=share)
        for name, (run, train, held_out, tasks), e, share in zip(names, opened, expected, shares, strict=True)
    )
    steps = schedule_steps(config, shares, [e.row for e in expected])
    spec = _spec(config, sources, steps)
    rows = spec.of([source.train for source in sources])
    return TrainingData(sources=sources, spec=spec, rows=rows, vocab=vocab, steps=steps)


def schedule_steps(config: TrainConfig, shares: Sequence[float], tokens_per_row: Sequence[float]) -> int:
    """The configured ones or, where `tokens` ends the training, those expected."""
    if config.tokens is None:
        return required(config.steps)
    per_step = required(config.rows.per_step)
    return math.ceil(config.tokens / (per_step * Schedule(shares, tokens_per_row, per_step).tokens_per_row))


def _open(config: TrainConfig, data: DataConfig) -> tuple[RunFolder, SplitCorpus, SplitCorpus, dict[str, SplitCorpus]]:
    run = open_run(place(data.path))
    interleave, patching = data.interleave or config.interleave, data.patching or config.patching
    train = SplitCorpus(run, "train", interleave, patching)
    held_out = SplitCorpus(run, "validation", interleave, evaluated(patching))
    return run, train, held_out, task_corpora(run, config.validate_tasks, interleave, patching)


def _common_vocab(corpora: Sequence[SplitCorpus], paths: Sequence[str]) -> VocabCard:
    """The card of the speech or, where all is text, of the text; ConfigError names the folder whose card differs."""
    first = next((n for n, corpus in enumerate(corpora) if not corpus.vocab.is_text), 0)
    vocab = corpora[first].vocab
    for path, corpus in zip(paths, corpora, strict=True):
        try:
            (vocab.check_same_text if corpus.vocab.is_text else vocab.check_same)(corpus.vocab)
        except ConfigError as error:
            _, *changed = error.mistakes
            raise ConfigError(f"The vocab card of `{path}` is not that of `{paths[first]}`.", *changed) from error
    return vocab


def _expected(config: TrainConfig, data: DataConfig, corpus: SplitCorpus) -> Expected:
    changing = (data.patching or config.patching).strategy == "curriculum"
    return expected_tokens(corpus, row_budget(config), seed=config.rows.seed, changing=changing)


def _shares(
    data: Sequence[DataConfig], corpora: Sequence[SplitCorpus], expected: Sequence[Expected]
) -> tuple[float, ...]:
    """The given ones or, where there are none, those of the tokens that an epoch has; they sum to 1."""
    shares = [
        len(corpus) * e.document if d.share is None else d.share
        for d, corpus, e in zip(data, corpora, expected, strict=True)
    ]
    return tuple(share / sum(shares) for share in shares)


def _spec(config: TrainConfig, sources: Sequence[SourceData], steps: int) -> MixtureSpec:
    budget, per_step = row_budget(config), required(config.rows.per_step)
    return MixtureSpec(
        sources=tuple(
            SourceSpec(
                name=source.name,
                path=data.path,
                share=source.share,
                tokens_per_row=source.expected.row,
                interleave=data.interleave or config.interleave,
                patching=data.patching or config.patching,
            )
            for data, source in zip(config.data, sources, strict=True)
        ),
        positions=budget.positions,
        tokens=budget.tokens,
        per_step=per_step,
        rows=steps * per_step,
        lanes=config.rows.lanes,
        seed=config.rows.seed,
    )


def _names(folders: Sequence[str]) -> list[str]:
    """Different from one another: a name that comes again gets its number."""
    names: list[str] = []
    for number, folder in enumerate(folders, 1):
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-") or "data"
        names.append(f"{name}-{number}" if name in names else name)
    return names


def with_data(config: TrainConfig, path: str | None) -> TrainConfig:
    """The config with one run folder that is given beside it; ConfigError where it names others."""
    if path is None:
        return config
    if config.data:
        raise ConfigError(f"`data` must be given once, but is `{path}` beside that of the config.")
    return dataclasses.replace(config, data=(DataConfig(path=path),))
