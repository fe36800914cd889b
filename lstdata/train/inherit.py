"""What a training takes over from the run whose weights it begins with, where nothing else is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lstdata.config import PatchingConfig, from_dict, to_dict
from lstdata.errors import ConfigError
from lstdata.interleave import WHOLE
from lstdata.options import read_tree
from lstdata.patching import DECODABLE, evaluated
from lstdata.storage import read_json
from lstdata.train.claim import PIECES
from lstdata.train.config import TrainConfig


def load_training(path: str | None = None, sets: Sequence[str] = ()) -> TrainConfig:
    """The config of a YAML file and `a.b=value` overrides; ConfigError with all mistakes.

    Where `init_from` is a run of ours, its preset, its model's sizes and its patching stand for what neither says. The
    patching is that of the model that it has become: `mixed` and `curriculum` go on as `static` and, under `asr` and
    `tts`, so does all that cannot be decoded.
    """
    tree, mistakes = read_tree(path, sets)
    begun = tree.get("init_from")
    if isinstance(begun, str) and (Path(begun) / "train.json").is_file():
        tree = _beneath(tree, _of_run(Path(begun), _strategy(tree)))
    return from_dict(TrainConfig, tree, mistakes)


def _strategy(tree: dict[str, Any]) -> object:
    """Of interleaving, where a file or an override says it."""
    interleave = tree.get("interleave")
    return interleave.get("strategy") if isinstance(interleave, dict) else None


def _of_run(run: Path, interleave: object) -> dict[str, Any]:
    config = read_json(run / "train.json").get("config")
    if not isinstance(config, dict) or not {"preset", "model", "patching"} <= set(config):
        raise ConfigError(f"`init_from` must be a run of `lstdata train`, but `{run / 'train.json'}` is of another.")
    patching = to_dict(evaluated(from_dict(PatchingConfig, config["patching"])))
    if interleave in WHOLE and patching["strategy"] not in DECODABLE:
        patching["strategy"] = "static"
    if patching["strategy"] == "unit-bpe":
        patching["unit_bpe"] = str(run / PIECES)
    sizes = {name: size for name, size in config["model"].items() if size is not None}
    return {"preset": config["preset"], "model": sizes, "patching": patching}


def _beneath(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What is given and, section by section, the defaults of what is not; another preset has sizes of its own."""
    found = dict(given)
    for name, default in defaults.items():
        if name == "model" and given.get("preset", defaults["preset"]) != defaults["preset"]:
            continue
        if name not in given:
            found[name] = default
        elif isinstance(default, dict) and isinstance(given[name], dict | None):
            found[name] = default | (given[name] or {})
    return found
