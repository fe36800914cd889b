"""One step of training and of validation: the loss, and what is reported of it per modality."""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

import torch
from fairseq2.evaluator import EvalUnit
from fairseq2.metrics import MetricBag, Sum
from fairseq2.trainer import TrainUnit
from torch import Tensor, nn

from lstdata.errors import LstDataError
from lstdata.loader.rows import RowStream
from lstdata.model.batch import Batch
from lstdata.randomness import digest
from lstdata.train.checkpoint import write
from lstdata.vocab import VocabCard

SUMS: Final = (
    *("nll", "nll_text", "nll_units", "targets", "targets_text", "targets_units"),
    *("tokens", "positions", "slots", "documents", "continued"),
)


class TrainStep(TrainUnit[Batch]):
    """The mean next-token cross-entropy over all real tokens: text, markers and units alike (arXiv 2510.06195)."""

    def __init__(
        self, model: nn.Module, vocab: VocabCard, stream: RowStream, *, seed: int, rank: int, diverged: Path
    ) -> None:
        self._model = model
        self._vocab = vocab
        self._stream = stream
        self._seed = seed
        self._rank = rank
        self._diverged = diverged
        self._step = 0

    def set_step_nr(self, step_nr: int) -> None:
        """Dropout is a function of seed, step and rank: there is no generator to save."""
        self._step = step_nr
        torch.manual_seed(int.from_bytes(digest(self._seed, step_nr, self._rank, "dropout")[:8], "little"))

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        _prepare(metric_bag)

    def process_batch(self, batch: Batch, metric_bag: MetricBag) -> tuple[Tensor, int]:
        loss = measure(self._model, batch, self._vocab, metric_bag)
        if not math.isfinite(float(loss.detach())):
            raise self._divergence(batch, float(loss.detach()))
        return loss, batch.num_targets

    def process_metric_values(self, values: MutableMapping[str, object]) -> None:
        summarize(values, self._vocab)
        values["epochs"] = self._stream.epochs

    def _divergence(self, batch: Batch, loss: float) -> LstDataError:
        """Saves the batch; `torch.load(weights_only=True)` reads it."""
        self._diverged.mkdir(parents=True, exist_ok=True)
        path = self._diverged / f"step_{self._step}_rank_{self._rank}.pt"
        write(path, {"step": self._step, "rank": self._rank, "loss": loss, **vars(batch)})
        return LstDataError(
            f"The loss of step {self._step} on rank {self._rank} is {loss}: training has diverged. "
            f"Its batch is in `{path}`; run again with a lower `optimizer.lr` or `optimizer.clip` in another folder."
        )


class ValidationStep(EvalUnit[Batch]):
    """The same figures over held-out documents."""

    def __init__(self, model: nn.Module, vocab: VocabCard) -> None:
        self._model = model
        self._vocab = vocab

    def prepare_metric_bag(self, metric_bag: MetricBag) -> None:
        _prepare(metric_bag)

    def process_batch(self, batch: Batch, metric_bag: MetricBag) -> None:
        measure(self._model, batch, self._vocab, metric_bag)

    def process_metric_values(self, values: MutableMapping[str, object]) -> None:
        summarize(values, self._vocab)


def measure(model: nn.Module, batch: Batch, vocab: VocabCard, metric_bag: MetricBag) -> Tensor:
    """The summed cross-entropy in nats; adds the batch's sums to the bag."""
    loss: Tensor
    loss, nll = model(batch)
    targets = batch.targets
    with torch.no_grad():
        is_unit = targets >= vocab.first_unit
        is_text = (targets >= 0) & (targets < vocab.text_size) & (targets != vocab.bos) & (targets != vocab.eos)
        sums = {
            "nll": loss,
            "nll_text": nll[is_text].sum(),
            "nll_units": nll[is_unit].sum(),
            "targets": torch.tensor(batch.num_targets),
            "targets_text": is_text.sum(),
            "targets_units": is_unit.sum(),
            "tokens": torch.tensor(batch.num_tokens),
            "positions": torch.tensor(batch.num_positions),
            "slots": torch.tensor(batch.tokens.numel()),
            "documents": torch.tensor(batch.documents),
            "continued": torch.tensor(batch.continued),
        }
        for name, value in sums.items():
            metric_bag.get(name, Sum).update(value.detach())
    return loss


def summarize(values: MutableMapping[str, object], vocab: VocabCard) -> None:
    """Turn the sums into means; a modality without targets has no entry."""
    sums = {name: float(values.pop(name)) for name in SUMS}  # type: ignore[arg-type]
    for suffix in ("", "_text", "_units"):
        if sums[f"targets{suffix}"]:
            values[f"loss{suffix}"] = sums[f"nll{suffix}"] / sums[f"targets{suffix}"]
    if sums["targets_units"] and vocab.pieces_sha256 is None:
        bits = sums["nll_units"] / sums["targets_units"] / math.log(2)
        values["bits_per_second"] = bits * vocab.sample_rate / vocab.hop
    for name in ("targets_text", "targets_units", "tokens", "positions"):
        values[name] = int(sums[name])
    values["continued_share"] = sums["continued"] / max(1.0, sums["documents"])
    values["padding_share"] = 1 - sums["tokens"] / max(1.0, sums["slots"])


def _prepare(metric_bag: MetricBag) -> None:
    for name in SUMS:
        metric_bag.add(name, Sum())
