"""Sums over the batches of a step or of a pass, over all processes, and what they come to; needs no fairseq2."""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from typing import Final

from torch import Tensor

from lstdata.model.batch import Batch
from lstdata.model.config import ModelConfig
from lstdata.model.flops import WORK, Work, work
from lstdata.vocab import VocabCard

SUMS: Final = (
    *("nll", "nll_text", "nll_units", "targets", "targets_text", "targets_units"),
    *("slots", "documents", "continued", *WORK),
)
"""By name in a metric bag; of `WORK`, tokens and positions."""


def batch_sums(model: ModelConfig, vocab: VocabCard, batch: Batch, nll: Tensor) -> dict[str, Tensor | int]:
    """`SUMS` of a batch, given each token's loss in nats."""
    targets = batch.targets
    is_unit = targets >= vocab.first_unit
    is_text = (targets >= 0) & (targets < vocab.text_size) & (targets != vocab.bos) & (targets != vocab.eos)
    return {
        "nll": nll.sum(),
        "nll_text": nll[is_text].sum(),
        "nll_units": nll[is_unit].sum(),
        "targets": batch.num_targets,
        "targets_text": is_text.sum(),
        "targets_units": is_unit.sum(),
        "slots": batch.tokens.numel(),
        "documents": batch.documents,
        "continued": batch.continued,
        **dict.fromkeys(WORK, 0),
        **work(model, batch),
    }


def summarize(values: MutableMapping[str, object], vocab: VocabCard) -> Work:
    """Turn sums into losses, shares and counts; a modality without targets has no entry. Returns the work done."""
    sums = {name: float(values.pop(name)) for name in SUMS}  # type: ignore[arg-type]
    for suffix in ("", "_text", "_units"):
        if sums[f"targets{suffix}"]:
            values[f"loss{suffix}"] = sums[f"nll{suffix}"] / sums[f"targets{suffix}"]
    if vocab.pieces_sha256 is None:
        if sums["targets_units"]:
            bits = sums["nll_units"] / sums["targets_units"] / math.log(2)
            values["bits_per_second"] = bits * vocab.sample_rate / vocab.hop
        values["saved_positions"] = 1 - sums["positions"] / max(1.0, sums["tokens"])
    for name in ("targets_text", "targets_units", "tokens", "positions"):
        values[name] = int(sums[name])
    values["continued_share"] = sums["continued"] / max(1.0, sums["documents"])
    values["padding_share"] = 1 - sums["tokens"] / max(1.0, sums["slots"])
    return Work(**{name: sums[name] for name in WORK})
