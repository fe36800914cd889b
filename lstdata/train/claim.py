"""What a training run is: written once into its folder, and what a continued one must agree with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lstdata.config import differences, from_dict, to_dict
from lstdata.errors import ConfigError
from lstdata.model.config import ModelConfig
from lstdata.storage import commit_bytes, commit_json, is_local, read_given, read_json
from lstdata.train.checkpoint import last_step, remove_unfinished
from lstdata.train.config import TrainConfig
from lstdata.train.data import TrainingData
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.storage import AnyPath
    from lstdata.train.warm_start import WarmStart

FORMAT: Final = 2

PIECES: Final = "units.model"
"""The model of `unit-bpe` in the folder of a run."""

MAY_CHANGE: Final = (
    *("about", "stop_at", "validate_every", "validate_tasks", "checkpoint_every", "validate_rows", "keep_checkpoints"),
    *("parallel", "compile", "recompute", "attention", "init_from"),
)
"""What a continued run may be given anew: nothing of it changes what is learnt, but for rounding."""

MAY_DIFFER_IN_A_FORK: Final = ("steps", "tokens", "optimizer.decay")
"""What makes a schedule of another length, beside `MAY_CHANGE`."""


def card_of(
    config: TrainConfig, model: ModelConfig, data: TrainingData, start: WarmStart | None = None
) -> dict[str, Any]:
    """`train.json`: the resolved config, the model's dimensions, the vocab card, which data and which first weights."""
    return {
        "format": FORMAT,
        "config": to_dict(config),
        "model": to_dict(replace(model, attention="auto", recompute=False)),
        "vocab": data.vocab.to_json(),
        "data": data.card(),
        "init_from": None if start is None else start.identity,
        "forked_from": None,
    }


def check_folder(out: AnyPath) -> Path:
    """The folder; ConfigError where it cannot hold a run, or holds something else."""
    if not is_local(out):
        raise ConfigError(f"`--out` must be a folder on a file system, but is `{out}`.")
    if not (out / "train.json").is_file() and out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"`out` must be empty or a run of `lstdata train`, but `{out}` is neither.")
    return out


def check_claim(out: AnyPath, mine: dict[str, Any], fork: Path | None = None) -> None:
    """ConfigError where `out` holds another run, or something else, or what is no fork of the run `fork`."""
    folder = check_folder(out)
    if not (folder / "train.json").is_file() or not last_step(folder):
        return
    check_same(folder, mine)
    begun = read_json(folder / "train.json").get("forked_from")
    if fork is not None and (begun is None or begun["name"] != fork.resolve().name):
        name = "no fork" if begun is None else f"one of `{begun['name']}`"
        raise ConfigError(
            f"`{out}` must be a fork of `{fork}`, but is {name}; use another folder, or leave `--fork` out."
        )


def check_same(
    run: Path, mine: dict[str, Any], may_differ: Sequence[str] = (), remedy: str = "use another folder"
) -> None:
    """ConfigError where a run differs in data, vocabulary, first weights or options, but for those that may."""
    path = run / "train.json"
    old = read_json(path)
    if old.get("format") != FORMAT:
        raise ConfigError(f"`{path}` has the format {old.get('format')!r}, but this version reads {FORMAT}.")
    VocabCard.from_json(old["vocab"], str(path)).check_same(VocabCard.from_json(mine["vocab"]))
    if _indices(old) != _indices(mine):
        named = ", ".join(f"`{data['path']}`" for data in mine["data"])
        raise ConfigError(f"`{run}` was trained on other data than {named}; {remedy}.")
    begun, given = old.get("init_from"), mine["init_from"]
    if given is not None and given != begun:
        name = "random weights" if begun is None else f"`{begun['name']}`, {begun['sha256'][:12]}"
        raise ConfigError(
            f"`{run}` began with {name}, but `init_from` is now `{given['name']}`, {given['sha256'][:12]}; "
            f"{remedy}, or leave `init_from` out."
        )
    changed = differences(_fixed(to_dict(config_in(old))), _fixed(mine["config"]))
    changed = [change for change in changed if change.split("`")[1] not in may_differ]
    if changed:
        raise ConfigError(f"`{run}` holds a run of another config; {remedy}, or undo:", *changed)


def config_in(card: dict[str, Any]) -> TrainConfig:
    """The resolved config of a run; options that the version which wrote it had not are what they are by default."""
    return from_dict(TrainConfig, card["config"])


def companions(config: TrainConfig, data: TrainingData) -> dict[str, bytes]:
    """What a model is used with beside its card, by file name: the tokenizer and, of `unit-bpe`, the pieces."""
    tokenizer = data.sources[0].run.root / "tokenizer.json"
    files = {"tokenizer.json": read_given(str(tokenizer), "data", "tokenizer.json")}
    for patching in (config.patching, *(source.patching or config.patching for source in config.data)):
        if patching.strategy == "unit-bpe" and patching.unit_bpe is not None:
            files[PIECES] = read_given(patching.unit_bpe, "patching.unit_bpe", "model")
    return files


def claim(out: Path, mine: dict[str, Any], files: Mapping[str, bytes]) -> None:
    """Write what the run is; drop unfinished checkpoints, and what was published of steps that will be taken again."""
    remove_unfinished(out)
    last = last_step(out)
    for path in (out / "metrics").rglob("*.jsonl"):
        kept = published_until(path, last)
        if len(kept) < path.stat().st_size:
            commit_bytes(path, kept)
    path = out / "train.json"
    if last:
        begun = read_json(path)
        mine = mine | {name: mine[name] or begun.get(name) for name in ("init_from", "forked_from")}
    for name, data in files.items():
        commit_bytes(out / name, data)
    commit_json(path, mine)


def published_until(path: Path, step: int) -> bytes:
    """The lines of a file of figures that are of this step or of one before."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if _step(line) <= step).encode()


def _indices(card: dict[str, Any]) -> list[str]:
    return [data["index_sha256"] for data in card["data"]]


def _fixed(config: dict[str, Any]) -> dict[str, Any]:
    """What must stay; folders may move, and rows be read in other parts."""
    kept = {key: value for key, value in config.items() if key not in MAY_CHANGE}
    rows = {key: value for key, value in config["rows"].items() if key not in ("per_batch", "workers")}
    return {**kept, "rows": rows, "data": [{**data, "path": ""} for data in config["data"]]}


def _step(line: str) -> float:
    try:
        return int(json.loads(line)["Step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
