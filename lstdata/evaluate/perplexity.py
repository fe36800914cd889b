"""`lstdata evaluate --data`: perplexity of text, and bits per second of speech, over one split of a run folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from lstdata.config import InterleaveConfig
from lstdata.errors import ConfigError
from lstdata.interleave import STRATEGIES
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.loader.rows import held_out_rows
from lstdata.model.attention import multiple_on
from lstdata.model.batch import collate
from lstdata.packing import RowBudget
from lstdata.progress import CountProgress
from lstdata.storage import commit_json, read_json
from lstdata.train.claim import PIECES
from lstdata.train.figures import SUMS, batch_sums, summarize
from lstdata.train.tasks import task_corpora
from lstdata.train.trained import Trained, open_trained

if TYPE_CHECKING:
    from upath import UPath

_SAID: Final = ("loss", "loss_text", "loss_units", "bits_per_second", "targets_text", "targets_units", "tokens")
_LARGEST: Final = 700.0
"""Nats of which the exponential is a number."""


def measure_data(
    run: Path, data: UPath, split: str, interleavings: Sequence[str], out: Path, *, quiet: bool = False
) -> list[dict[str, Any]]:
    """Every sample of the split once under each interleaving, drawn and packed as in validation.

    `loss…` are nats per token, `perplexity…` their exponentials; `out` gets `NAME-SPLIT.json` of the data's name.
    ConfigError where the data are coded otherwise than the model's, or allow an interleaving not.
    """
    unknown = [name for name in interleavings if name not in STRATEGIES]
    if unknown:
        raise ConfigError(f"`interleave` must be of {', '.join(STRATEGIES)}, but has {unknown[0]!r}.")
    trained = open_trained(run)
    folder = open_run(data)
    trained.check_data(folder)
    rows = read_json(run / "train.json")["config"]["rows"]
    budget = RowBudget(positions=rows["positions"], tokens=rows["tokens"])
    head = {"run": str(run), "step": trained.step, "data": str(data), "split": split}
    results = []
    for name, corpus in _corpora(run, trained, folder, split, interleavings).items():
        with CountProgress(f"{data.name} {split} as {name}: samples", quiet=quiet) as progress:
            figures = _pass(trained, corpus, budget, rows["seed"], progress)
        results.append({**head, "interleave": name, "samples": len(corpus), **figures})
    commit_json(out / f"{data.name}-{split}.json", {**head, "results": results})
    return results


def data_table(results: Sequence[dict[str, Any]]) -> str:
    """A line per interleaving."""
    lines = [f"{'':<40}{'samples':>9}{'text ppl':>11}{'speech ppl':>12}{'bits/s of speech':>18}"]
    for row in results:
        cells = [row.get(name) for name in ("perplexity_text", "perplexity_units", "bits_per_second")]
        text, units, bits = ("–" if cell is None else f"{cell:,.2f}" for cell in cells)
        name = f"{Path(row['data']).name} {row['split']} as {row['interleave']}"
        lines.append(f"{name:<40}{row['samples']:>9,}{text:>11}{units:>12}{bits:>18}")
    return "\n".join(lines)


def _corpora(
    run: Path, trained: Trained, folder: RunFolder, split: str, interleavings: Sequence[str]
) -> dict[str, SplitCorpus]:
    patching = trained.patching
    if trained.pieces is not None:
        patching = replace(patching, unit_bpe=str(run / PIECES))
    if folder.vocab.is_text:
        return {"text": SplitCorpus(folder, split, InterleaveConfig(), patching)}
    return task_corpora(folder, interleavings, InterleaveConfig(), patching, split=split, option="interleave")


@torch.no_grad()
def _pass(
    trained: Trained, corpus: SplitCorpus, budget: RowBudget, seed: int, progress: CountProgress
) -> dict[str, Any]:
    """A row at a time; a sample that is longer than a row counts when its last piece is read."""
    device = next(trained.model.parameters()).device
    sums: dict[str, object] = dict.fromkeys(SUMS, 0.0)
    done = 0
    for row in held_out_rows(corpus, budget, seed=seed):
        batch = collate([row], multiple_on(device))
        batch.to(device)
        _, nll = trained.model(batch)
        for name, value in batch_sums(trained.model.config, trained.vocab, batch, nll.double()).items():
            sums[name] = float(sums[name]) + float(value)  # type: ignore[arg-type]
        done += len(row.documents) - row.continued
        progress.update(done, len(corpus))
    summarize(sums, trained.vocab)
    said: dict[str, Any] = {name: sums[name] for name in _SAID if name in sums}
    losses = [name for name in said if name.startswith("loss")]
    return said | {name.replace("loss", "perplexity"): math.exp(min(said[name], _LARGEST)) for name in losses}
