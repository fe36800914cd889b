"""One step of training and of validation: the loss, and what is reported of it per modality."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from pathlib import Path

import torch
from fairseq2.evaluator import EvalUnit
from fairseq2.metrics import MetricBag, Sum
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn
from torcheval.metrics import Max

from lstdata.errors import LstDataError
from lstdata.loader.mixture import Mixture
from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig
from lstdata.randomness import digest
from lstdata.train.checkpoint import write
from lstdata.train.figures import SUMS, batch_sums, summarize
from lstdata.train.metrics import Pace
from lstdata.vocab import VocabCard


class TrainStep(TrainUnit[Batch]):
    """The mean next-token cross-entropy over all real tokens: text, markers and units alike (arXiv 2510.06195)."""

    def __init__(
        self,
        model: nn.Module,
        vocab: VocabCard,
        rows: Mixture,
        pace: Pace,
        *,
        seed: int,
        rank: int,
        diverged: Path,
        end_of_data: Callable[[], object],
    ) -> None:
        self._model = model
        self._vocab = vocab
        self._rows = rows
        self._pace = pace
        self._seed = seed
        self._rank = rank
        self._diverged = diverged
        self._end_of_data = end_of_data
        self._step = 0
        self._passes: list[tuple[Batch, Tensor]] = []
        """Batches of this step, each with its loss."""

    def set_step_nr(self, step_nr: int) -> None:
        """Dropout is a function of seed, step and rank: there is no generator to save."""
        self._step = step_nr
        self._passes = []
        torch.manual_seed(int.from_bytes(digest(self._seed, step_nr, self._rank, "dropout")[:8], "little"))

    def set_data_epoch_nr(self, data_epoch_nr: int) -> None:
        """fairseq2 completes a checkpoint when the next step begins, and at the end of data forgets that none does."""
        self._end_of_data()

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        _prepare(metric_bag)
        metric_bag.add("data_wait", Max())

    def process_batch(self, batch: Batch, metric_bag: MetricBag) -> tuple[Tensor, int]:
        loss = measure(self._model, self._pace.model, batch, self._vocab, metric_bag)
        metric_bag.get("data_wait", Max).update(torch.tensor(self._pace.reader.waited))
        self._passes.append((batch, loss.detach()))
        return loss, batch.num_targets

    def check_gradient(self, norm: float) -> None:
        """Before the weights take the step; `norm` is of the whole gradient, the same on every rank.

        LstDataError where it is not finite, as where a loss is not; the batches are saved before.
        """
        if not math.isfinite(norm):
            raise self._divergence(norm)

    def process_metric_values(self, values: MutableMapping[str, object]) -> None:
        values.update(self._pace.figures(summarize(values, self._vocab)))
        values.update(self._rows.figures())

    def _divergence(self, norm: float) -> LstDataError:
        """Saves the batches whose loss is not finite, else all of the step, for `torch.load(weights_only=True)`."""
        losses = [float(loss) for _, loss in self._passes]
        chosen = [number for number, loss in enumerate(losses) if not math.isfinite(loss)]
        what = f"loss of step {self._step} on rank {self._rank} is {losses[chosen[0]]}" if chosen else ""
        self._diverged.mkdir(parents=True, exist_ok=True)
        path = self._diverged / f"step_{self._step}_rank_{self._rank}.pt"
        saved = [{"loss": losses[number], **vars(self._passes[number][0])} for number in chosen or range(len(losses))]
        write(path, {"step": self._step, "rank": self._rank, "gradient_norm": norm, "batches": saved})
        return LstDataError(
            f"The {what or f'norm of the gradient of step {self._step} is {norm}'}: training has diverged. "
            f"What it read is in `{path}`; run again with a lower `optimizer.lr` or `optimizer.clip` in another folder."
        )


class ValidationStep(EvalUnit[Batch]):
    """The same figures over held-out documents."""

    def __init__(self, model: nn.Module, sizes: ModelConfig, vocab: VocabCard, name: str | None = None) -> None:
        """`name`: of the source, where there are several."""
        self._model = model
        self._sizes = sizes
        self._vocab = vocab
        self._name = name

    @property
    def name(self) -> str | None:
        return self._name

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        _prepare(metric_bag)

    def process_batch(self, batch: Batch, metric_bag: MetricBag) -> None:
        measure(self._model, self._sizes, batch, self._vocab, metric_bag)

    def process_metric_values(self, values: MutableMapping[str, object]) -> None:
        summarize(values, self._vocab)


def measure(model: nn.Module, sizes: ModelConfig, batch: Batch, vocab: VocabCard, metric_bag: MetricBag) -> Tensor:
    """The summed cross-entropy in nats; adds the batch's sums to the bag."""
    loss: Tensor
    loss, nll = model(batch)
    with torch.no_grad():
        for name, value in batch_sums(sizes, vocab, batch, nll).items():
            metric_bag.get(name, Sum).update(torch.as_tensor(value).detach())
    return loss


def _prepare(metric_bag: MetricBag) -> None:
    for name in SUMS:
        metric_bag.add(name, Sum())
