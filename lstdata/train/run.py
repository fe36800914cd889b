"""`lstdata train`: checks first, then fairseq2's recipe, then the held-out losses beside their baselines."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from upath import UPath

from lstdata.errors import ConfigError, MissingExtra
from lstdata.model.config import ModelConfig
from lstdata.model.parameters import count_parameters
from lstdata.storage import commit_json
from lstdata.train.checkpoint import last_step
from lstdata.train.claim import card_of, check_claim, check_folder, claim, companions
from lstdata.train.config import TrainConfig, model_of, required, resolve
from lstdata.train.data import TrainingData, open_data, with_data
from lstdata.train.fork import Fork, open_fork
from lstdata.train.processes import Rank, run_processes, this_rank
from lstdata.train.summary import summarize, table
from lstdata.train.warm_start import WarmStart, open_warm_start

Say = Callable[[str], None]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All that a run needs, opened and checked; nothing is written yet."""

    config: TrainConfig
    """Resolved."""
    out: Path
    data: TrainingData
    model: ModelConfig
    start: WarmStart | None
    """Of what the first weights are; None: of chance."""
    card: dict[str, Any]
    files: dict[str, bytes]
    """What the run's folder holds beside the card."""
    fork: Fork | None
    """What `out` is to begin with; None also where it has begun."""


def train(
    config: TrainConfig,
    data: UPath | None,
    out: UPath,
    say: Say = print,
    processes: int = 1,
    fork: Path | None = None,
) -> dict[str, Any]:
    """Train on finished run folders, or go on where `out` was left; the summary that it also writes.

    They are those of `config.data`, or `data` alone. A new run begins where the run `fork` stands, if one is given.

    More than one process are started here, on this machine; where `torchrun` has started this one as one of several,
    it is the rank that its environment says, and all but the first return nothing.

    ConfigError where data, config and `out` do not fit together, CorruptShard for a damaged shard, LstDataError for a
    loss that is not a number and for a process that has died.
    """
    if importlib.util.find_spec("fairseq2") is None:
        raise MissingExtra("training", "fairseq2", "train")
    rank = this_rank()
    if rank is not None and processes > 1:
        raise ConfigError(f"`--processes` must not be given to a process of torchrun's, but is {processes}.")
    config = with_data(config, None if data is None else str(data))
    world, first = (processes, True) if rank is None else (rank.world, rank.first)
    prepared = prepare(config, out, world, first=first, fork=fork)
    if rank is None and processes > 1:
        _begin(prepared, say)
        return run_processes(config, prepared.out, say, processes)
    return _train_here(prepared, say, rank or Rank(0, 1))


def prepare(
    config: TrainConfig, out: UPath, processes: int = 1, *, first: bool = True, fork: Path | None = None
) -> Prepared:
    """Open and check everything; ConfigError with all mistakes at once.

    Only the first process looks at `out`, and at the run that it is to be a fork of: others may find it half claimed by
    that one.
    """
    config = resolve(config)
    mistakes = list(_process_mistakes(config, processes))
    data = _found(mistakes, lambda: open_data(config))
    if data is None:
        if first:
            _found(mistakes, lambda: check_folder(out))
        raise ConfigError(*mistakes)
    model = _found(mistakes, lambda: model_of(config, data.vocab.size))
    if model is None:
        raise ConfigError(*mistakes)
    init_from = config.init_from
    start = None if init_from is None else _found(mistakes, lambda: open_warm_start(init_from, model, data.vocab))
    card = card_of(config, model, data, start)
    if first:
        _found(mistakes, lambda: check_claim(out, card, fork))
    begun = None
    if first and fork is not None and not last_step(Path(str(out))):
        begun = _found(mistakes, lambda: open_fork(fork, config, data, card))
    if mistakes:
        raise ConfigError(*mistakes)
    if begun is not None:
        card |= {"init_from": begun.init_from, "forked_from": begun.identity}
    config = dataclasses.replace(config, steps=data.steps)
    return Prepared(
        out=Path(str(out)),
        config=config,
        data=data,
        model=model,
        start=start,
        card=card,
        files=companions(config, data),
        fork=begun,
    )


def _begin(prepared: Prepared, say: Say) -> None:
    """Make `out` the run's folder, at the step where it is to begin."""
    claim(prepared.out, prepared.card, prepared.files)
    fork = prepared.fork
    if fork is not None:
        fork.copy(prepared.out)
        say(f"{prepared.out} begins as {fork.run} was at step {fork.step}")


def _train_here(prepared: Prepared, say: Say, rank: Rank) -> dict[str, Any]:
    """Train in this process, one of `rank.world`."""
    config, out, data = prepared.config, prepared.out, prepared.data
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads lose tenfold where cores are shared

    import soundfile  # noqa: F401 — brings libsndfile, which fairseq2 wants to find loaded or in the system

    from lstdata.train.launch import launch

    if rank.first:
        _begin(prepared, say)
        size = f"{count_parameters(prepared.model):,} parameters"
        samples, held_out = (sum(len(getattr(s, of)) for s in data.sources) for of in ("train", "held_out"))
        beside = f" · {rank.world} processes" if rank.world > 1 else ""
        say(f"{size} · {samples} + {held_out} samples{beside}")
        if prepared.start is not None:
            say(prepared.start.describe(prepared.model))
        warmup, steps = required(config.optimizer.warmup), required(config.steps)
        if warmup >= steps:
            say(f"`optimizer.warmup` of {warmup:,} steps never reaches `optimizer.lr`: there are {steps:,} steps")
    launch(config, prepared.model, prepared.start, data, out, say)
    if not rank.first:
        return {}
    step = last_step(out)
    summary = summarize(config, data, out)
    if summary is None:
        say(f"{out} is at step {step} of {config.steps}, and was not validated yet")
        return {"step": step}
    commit_json(out / "metrics" / "summary.json", summary)
    say(f"{out} is at step {summary['step']} of {config.steps}")
    say(table(summary))
    return summary


def _process_mistakes(config: TrainConfig, processes: int) -> list[str]:
    per_step = required(config.rows.per_step)
    if processes < 1:
        return [f"`--processes` must be ≥ 1, but is {processes}."]
    if per_step % processes:
        return [f"`rows.per_step` must be a multiple of the {processes} processes, but is {per_step}."]
    return []


def _found(mistakes: list[str], make: Callable[[], T]) -> T | None:
    """What `make` makes; None, and its mistakes, where it cannot."""
    try:
        return make()
    except ConfigError as error:
        mistakes += error.mistakes
        return None
