"""`lstdata train`: checks first, then fairseq2's recipe, then the held-out losses beside their baselines."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstdata.config import differences, to_dict
from lstdata.errors import ConfigError, MissingExtra
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.rows import one_pass
from lstdata.model.config import count_parameters, model_config
from lstdata.storage import commit_bytes, commit_json, read_json
from lstdata.train.config import TrainConfig, resolve
from lstdata.train.ngrams import Bigram, joined, modality_pairs
from lstdata.vocab import VocabCard

FORMAT = 1

MAY_CHANGE = ("about", "stop_at", "validate_every", "checkpoint_every", "keep_checkpoints")
"""What a continued run may be given anew: nothing of it changes a weight."""

FIT_EPOCHS = 4
"""Drawings of the training split that the baselines are fitted on, at most."""

Say = Callable[[str], None]


def train(config: TrainConfig, data: Path, out: Path, say: Say = print) -> dict[str, Any]:
    """Train on a finished run folder, or go on where `out` was left; the summary that it also writes.

    ConfigError where data, config and `out` do not fit together, CorruptShard for a damaged shard, LstDataError for a
    loss that is not a number.
    """
    if importlib.util.find_spec("fairseq2") is None:
        raise MissingExtra("training", "fairseq2", "train")
    config = resolve(config)
    run = open_run(data)
    splits = {name: SplitCorpus(run, name, config.interleave, config.patching) for name in ("train", "validation")}
    model = model_config(
        config.preset,
        run.vocab.size,
        "plain" if config.patching.strategy == "none" else "lst",
        dropout=config.dropout or 0.0,
    )
    _claim(out, config, run.vocab)

    from lstdata.train.launch import launch

    say(f"{count_parameters(model):,} parameters · {len(splits['train'])} + {len(splits['validation'])} utterances")
    launch(config, model, splits["train"], splits["validation"], out, say)
    if int(os.environ.get("RANK", "0")):
        return {}
    summary = summarize(config, splits["train"], splits["validation"], out)
    commit_json(out / "metrics" / "summary.json", summary)
    say(table(summary))
    return summary


def summarize(config: TrainConfig, train: SplitCorpus, validation: SplitCorpus, out: Path) -> dict[str, Any]:
    """The last held-out losses beside a unigram's and a bigram's over the same drawn documents."""
    from lstdata.train.recipe import row_budget

    budget, seed = row_budget(config), config.rows.seed
    last = json.loads((out / "metrics" / "valid.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    drawn = (row for epoch in range(FIT_EPOCHS) for row in one_pass(train, budget, seed=seed, epoch=epoch))
    fitted = modality_pairs(drawn, train.vocab)
    held_out = modality_pairs(one_pass(validation, budget, seed=seed), train.vocab)
    sizes = {"text": train.vocab.text_size, "units": train.vocab.units}
    summary: dict[str, Any] = {"step": last["Step"], "loss": last["loss"], "held_out": {}}
    for name, documents in held_out.items():
        test = joined(documents)
        if len(test.token):
            unigram, bigram = Bigram(fitted[name], sizes[name]).cross_entropies(test)
            summary["held_out"][name] = {
                "tokens": len(test.token),
                "loss": last[f"loss_{name}"],
                "unigram": unigram,
                "bigram": bigram,
            }
    return summary


def table(summary: dict[str, Any]) -> str:
    """Nats per token, one line per modality."""
    lines = [f"held out, nats per token{'loss':>12}{'unigram':>10}{'bigram':>10}"]
    for name, row in summary["held_out"].items():
        what = f"{name} ({row['tokens']:,} tokens)"
        lines.append(f"{what:<24}{row['loss']:>12.3f}{row['unigram']:>10.3f}{row['bigram']:>10.3f}")
    return "\n".join(lines)


def _claim(out: Path, config: TrainConfig, vocab: VocabCard) -> None:
    """Write what the run is, or ConfigError where `out` holds another one."""
    mine: dict[str, Any] = {"format": FORMAT, "config": to_dict(config), "vocab": vocab.to_json()}
    path = out / "train.json"
    if path.is_file():
        old = read_json(path)
        VocabCard.from_json(old["vocab"], str(path)).check_same(vocab)
        changed = differences(_fixed(old["config"]), _fixed(mine["config"]))
        if changed:
            raise ConfigError(f"`{out}` holds a run of another config; use another folder, or undo:", *changed)
        _forget(out)
    elif out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"`out` must be empty or a run of `lstdata train`, but `{out}` is neither.")
    if not int(os.environ.get("RANK", "0")):
        commit_json(path, mine)


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in MAY_CHANGE}


def _forget(out: Path) -> None:
    """Drop what was published after the last checkpoint: those steps will be taken, and published, again."""
    steps = [int(p.name[5:]) for p in (out / "checkpoints").glob("step_*") if p.name[5:].isdigit()]
    last = max(steps, default=0)
    for path in (out / "metrics").glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _step(line) <= last]
        if len(kept) < len(lines):
            commit_bytes(path, "".join(kept).encode())


def _step(line: str) -> float:
    try:
        return int(json.loads(line)["Step"])
    except ValueError:
        return float("inf")
