"""What a training run is: written once into its folder, and what a continued one must agree with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from upath import UPath

from lstdata.config import differences, to_dict
from lstdata.errors import ConfigError
from lstdata.loader.corpus import RunFolder
from lstdata.model.config import ModelConfig
from lstdata.storage import commit_bytes, commit_json, is_local, read_given, read_json, sha256_file
from lstdata.train.checkpoint import last_step, remove_unfinished
from lstdata.train.config import TrainConfig
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.storage import AnyPath
    from lstdata.train.warm_start import WarmStart

FORMAT: Final = 1

PIECES: Final = "units.model"
"""The model of `unit-bpe` in the folder of a run."""

MAY_CHANGE: Final = (
    *("about", "stop_at", "validate_every", "checkpoint_every", "keep_checkpoints"),
    *("parallel", "compile", "recompute", "attention", "init_from"),
)
"""What a continued run may be given anew: nothing of it changes what is learnt, but for rounding."""


def card_of(
    config: TrainConfig, model: ModelConfig, run: RunFolder, vocab: VocabCard, start: WarmStart | None = None
) -> dict[str, Any]:
    """`train.json`: the resolved config, the model's dimensions, the vocab card, which data and which first weights."""
    return {
        "format": FORMAT,
        "config": to_dict(config),
        "model": to_dict(replace(model, attention="auto", recompute=False)),
        "vocab": vocab.to_json(),
        "index_sha256": sha256_file(run.root / "index.parquet"),
        "init_from": None if start is None else start.identity,
    }


def check_claim(out: AnyPath, mine: dict[str, Any], data: UPath) -> None:
    """ConfigError where `out` holds another run, or something else."""
    if not is_local(out):
        raise ConfigError(f"`--out` must be a folder on a file system, but is `{out}`.")
    path = out / "train.json"
    if path.is_file() and last_step(out):
        old = read_json(path)
        VocabCard.from_json(old["vocab"], str(path)).check_same(VocabCard.from_json(mine["vocab"], str(data)))
        if old["index_sha256"] != mine["index_sha256"]:
            raise ConfigError(f"`{out}` was trained on other data than `{data}`; use another folder.")
        begun, given = old.get("init_from"), mine["init_from"]
        if given is not None and given != begun:
            name = "random weights" if begun is None else f"`{begun['name']}`, {begun['sha256'][:12]}"
            raise ConfigError(
                f"`{out}` began with {name}, but `init_from` is now `{given['name']}`, {given['sha256'][:12]}; "
                "use another folder, or leave `init_from` out."
            )
        changed = differences(_fixed(old["config"]), _fixed(mine["config"]))
        if changed:
            raise ConfigError(f"`{out}` holds a run of another config; use another folder, or undo:", *changed)
    elif not path.is_file() and out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"`out` must be empty or a run of `lstdata train`, but `{out}` is neither.")


def companions(config: TrainConfig, run: RunFolder) -> dict[str, bytes]:
    """What a model is used with beside its card, by file name: the tokenizer and, of `unit-bpe`, the pieces."""
    files = {"tokenizer.json": read_given(str(run.root / "tokenizer.json"), "data", "tokenizer.json")}
    if config.patching.strategy == "unit-bpe" and config.patching.unit_bpe is not None:
        files[PIECES] = read_given(config.patching.unit_bpe, "patching.unit_bpe", "model")
    return files


def claim(out: Path, mine: dict[str, Any], files: Mapping[str, bytes]) -> None:
    """Write what the run is; drop unfinished checkpoints, and what was published of steps that will be taken again."""
    remove_unfinished(out)
    last = last_step(out)
    for path in (out / "metrics").glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if _step(line) <= last]
        if len(kept) < len(lines):
            commit_bytes(path, "".join(kept).encode())
    path = out / "train.json"
    if last and mine["init_from"] is None:
        mine = mine | {"init_from": read_json(path).get("init_from")}
    for name, data in files.items():
        commit_bytes(out / name, data)
    commit_json(path, mine)


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in MAY_CHANGE}


def _step(line: str) -> float:
    try:
        return int(json.loads(line)["Step"])
    except ValueError:
        return float("inf")
