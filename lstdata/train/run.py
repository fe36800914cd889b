"""`lstdata train`: checks first, then fairseq2's recipe, then the held-out losses beside their baselines."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from typing import Any

from upath import UPath

from lstdata.config import differences, to_dict
from lstdata.errors import ConfigError, MissingExtra
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.loader.rows import RowStream
from lstdata.model.parameters import count_parameters
from lstdata.patching import evaluated
from lstdata.storage import commit_bytes, commit_json, read_json, sha256_file
from lstdata.train.config import TrainConfig, model_of, required, resolve, row_budget
from lstdata.train.summary import summarize, table
from lstdata.vocab import VocabCard

FORMAT = 1

MAY_CHANGE = ("about", "stop_at", "validate_every", "checkpoint_every", "keep_checkpoints")
"""What a continued run may be given anew: nothing of it changes a weight."""

Say = Callable[[str], None]


def train(config: TrainConfig, data: UPath, out: UPath, say: Say = print) -> dict[str, Any]:
    """Train on a finished run folder, or go on where `out` was left; the summary that it also writes.

    ConfigError where data, config and `out` do not fit together, CorruptShard for a damaged shard, LstDataError for a
    loss that is not a number.
    """
    if importlib.util.find_spec("fairseq2") is None:
        raise MissingExtra("training", "fairseq2", "train")
    config = resolve(config)
    run = open_run(data)
    corpus = SplitCorpus(run, "train", config.interleave, config.patching)
    held_out = SplitCorpus(run, "validation", config.interleave, evaluated(config.patching))
    rows = required(config.steps) * required(config.rows.per_step)
    stream = RowStream(corpus, row_budget(config), seed=config.rows.seed, lanes=config.rows.lanes, rows=rows)
    model = model_of(config, corpus.vocab.size)
    first = int(os.environ.get("RANK", "0")) == 0
    if first:
        _claim(out, config, run, corpus.vocab)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads lose tenfold where cores are shared

    import soundfile  # noqa: F401 — brings libsndfile, which fairseq2 wants to find loaded or in the system

    from lstdata.train.launch import launch

    if first:
        say(f"{count_parameters(model):,} parameters · {len(corpus)} + {len(held_out)} utterances")
    launch(config, model, stream, held_out, out, say)
    if not first:
        return {}
    summary = summarize(corpus, held_out, run.tokenizer, stream.budget, config.rows.seed, out)
    commit_json(out / "metrics" / "summary.json", summary)
    say(f"{out} is at step {summary['step']} of {config.steps}")
    say(table(summary))
    return summary


def _claim(out: UPath, config: TrainConfig, run: RunFolder, vocab: VocabCard) -> None:
    """Write what the run is, or ConfigError where `out` holds another one."""
    mine: dict[str, Any] = {
        "format": FORMAT,
        "config": to_dict(config),
        "vocab": vocab.to_json(),
        "index_sha256": sha256_file(run.root / "index.parquet"),
    }
    path = out / "train.json"
    last = _last_checkpoint(out)
    if path.is_file() and last:
        old = read_json(path)
        VocabCard.from_json(old["vocab"], str(path)).check_same(vocab)
        if old["index_sha256"] != mine["index_sha256"]:
            raise ConfigError(f"`{out}` was trained on other data than `{run.root}`; use another folder.")
        changed = differences(_fixed(old["config"]), _fixed(mine["config"]))
        if changed:
            raise ConfigError(f"`{out}` holds a run of another config; use another folder, or undo:", *changed)
    elif not path.is_file() and out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"`out` must be empty or a run of `lstdata train`, but `{out}` is neither.")
    _forget_after(last, out)
    commit_json(path, mine)


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in MAY_CHANGE}


def _last_checkpoint(out: UPath) -> int:
    """The step that training would go on from; 0 where it would begin."""
    names = (path.name.removeprefix("step_") for path in (out / "checkpoints").glob("step_*"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def _forget_after(last: int, out: UPath) -> None:
    """Drop what was published of later steps: they will be taken, and published, again."""
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
