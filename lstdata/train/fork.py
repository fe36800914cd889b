"""A run that begins where another stands: one constant phase serves schedules of several lengths.

A fork is what a run of its own length would have been: so its schedule and the other's must have had the same learning
rate at every step so far, and the documents must not depend on how long training is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.storage import commit_bytes, read_json
from lstdata.train import checkpoint
from lstdata.train.checkpoint import READER, step_folder
from lstdata.train.claim import MAY_DIFFER_IN_A_FORK, check_same, config_in, published_until
from lstdata.train.config import TrainConfig
from lstdata.train.data import TrainingData, schedule_steps
from lstdata.train.learning_rate import agree_until


@dataclass(frozen=True)
class Fork:
    """A checkpoint of another run."""

    run: Path
    step: int
    identity: dict[str, Any]
    """What says on any machine which weights it has."""
    init_from: dict[str, Any] | None
    """The first weights of that run, which are the fork's."""

    def copy(self, out: Path) -> None:
        """Put the figures until that step, then the checkpoint into a claimed folder, which until then holds none."""
        metrics = self.run / "metrics"
        for path in metrics.rglob("*.jsonl"):
            commit_bytes(out / "metrics" / path.relative_to(metrics), published_until(path, self.step))
        checkpoint.copy(step_folder(self.run, self.step), step_folder(out, self.step))


def open_fork(run: Path, config: TrainConfig, data: TrainingData, card: dict[str, Any]) -> Fork:
    """The last checkpoint of `run` that a run of this resolved config would have come to; ConfigError where none is."""
    if not (run / "train.json").is_file() or not checkpoint.steps(run):
        raise ConfigError(f"`--fork` must be a run of `lstdata train` with a checkpoint, but `{run}` has none.")
    check_same(run, card, MAY_DIFFER_IN_A_FORK, "fork another run")
    old = read_json(run / "train.json")
    step = _last_common(run, config_in(old), config, data)
    folder = step_folder(run, step)
    identity = {"name": run.resolve().name, "step": step, "sha256": checkpoint.weights_sha256(folder)}
    return Fork(run, step, identity, old.get("init_from"))


def _last_common(run: Path, begun: TrainConfig, config: TrainConfig, data: TrainingData) -> int:
    shares, rows = [source.share for source in data.sources], [source.expected.row for source in data.sources]
    before, steps = schedule_steps(begun, shares, rows), schedule_steps(config, shares, rows)
    until, what = min(_agreements(begun, before, config, steps))
    there = checkpoint.steps(run)
    common = [step for step in there if step <= until and step < steps]
    if not common:
        raise ConfigError(
            f"`{run}` must have a checkpoint of step {min(until, steps - 1):,} or before, until which {before:,} and "
            f"{steps:,} steps have the same {what}, but has those of {', '.join(f'{step:,}' for step in there)}: end a "
            "run there with `stop_at`, and fork that."
        )
    step = common[-1]
    read = sum(checkpoint.read_all(step_folder(run, step), READER)[0]["rows"]["tokens"])
    for name, tokens in (("tokens", config.tokens), (f"tokens` of `{run}", begun.tokens)):
        if tokens is not None and tokens <= read:
            raise ConfigError(f"`{name}` must be > {read:,}, which were read until step {step:,}, but is {tokens:,}.")
    return step


def _agreements(begun: TrainConfig, before: int, config: TrainConfig, steps: int) -> Iterator[tuple[float, str]]:
    """Steps until which two runs do the same, and what differs then."""
    yield agree_until(begun.optimizer, before, config.optimizer, steps), "learning rate"
    for patching in (config.patching, *(source.patching or config.patching for source in config.data)):
        if patching.strategy == "curriculum" and before != steps:
            yield _all_aligned(patching, min(before, steps)), "documents of `patching.strategy` curriculum"


def _all_aligned(patching: PatchingConfig, steps: int) -> int:
    """Steps of a curriculum in which every document is `aligned`, however long it is."""
    return int(patching.aligned_until * steps)
