"""The run folder's identity: whose it is, what it was asked for, and whether it may go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upath import UPath

from lstdata.config import BuildConfig, InterleaveConfig, differences, to_dict
from lstdata.errors import ConfigError, CorruptShard
from lstdata.patching import CHOSEN_LATER
from lstdata.run_folder import FORMAT as FORMAT
from lstdata.segment.folder import FILES as SEGMENT_FILES
from lstdata.segment.folder import is_part_of_a_run
from lstdata.storage import TEMPORARY, exists, names_in, read_json, redacted, remove, remove_folder, sizes_in

_OURS: tuple[str, ...] = (
    "plan.parquet",
    "run.json",
    "shards.parquet",
    "index.parquet",
    "rejects.parquet",
    "vocab.json",
)
_OURS += ("tokenizer.json", "codebook.npz", "codebook.json", "report.html", "README.md", "shards", "events")
_OURS += SEGMENT_FILES
_LOCKS = (".lock", ".lease")
_KEYS = {"source", "config", "versions", "compute_class", "fingerprints", "plan_sha256", "totals"}
NOT_OUTPUT = ("run", "about")
"""Sections that change no byte of the output."""

SECTIONS: dict[str, set[str]] = {
    "plan": {"source", "segment", "plan"},
    "activity": {"activity"},
    "filter": {"filter"},
    "words": {"words"},
    "units": {"units"},
    "sample": {"audio", "tokenizer", "patching", "interleave"},
}
"""Sections of the config by the stage that reads them, in the order of the stages."""


def read_run(out: UPath) -> dict[str, Any] | None:
    """`run.json`, or None where the folder has none yet; ConfigError where the folder is somebody else's."""
    path = out / "run.json"
    if exists(path):
        try:
            run: dict[str, Any] = read_json(path)
        except (OSError, ValueError) as error:
            raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
        if not isinstance(run, dict) or run.get("format") != FORMAT or not run.keys() >= _KEYS:
            raise CorruptShard(f"`{path}` is not that of a run folder of format {FORMAT}. Give a new folder.")
        return run
    ours = (*_OURS, *_LOCKS) if exists(out / "plan.parquet") or is_part_of_a_run(out) else _LOCKS
    strangers = [name for name in names_in(out) if name not in ours and TEMPORARY not in name]
    if strangers:
        raise ConfigError(f"`{out}` is not empty and no run folder: it holds `{strangers[0]}`. Give a new folder.")
    return None


def changes(run: dict[str, Any], config: BuildConfig) -> list[str]:
    """Each option in which `config` differs from what the folder was begun with, of those that change output."""
    return differences(_output(_with_new_options(run["config"])), _output(redacted(to_dict(config))))


def _with_new_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of interleaving that the version which wrote it had not were what they are by default."""
    return {**config, "interleave": {**to_dict(InterleaveConfig()), **config["interleave"]}}


def _output(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a resolved config changes the output: from whom units are taken does not, nor what is chosen anew by
    whoever loads the data."""
    kept = {section: options for section, options in config.items() if section not in NOT_OUTPUT}
    for section, names in (("units", ("taken_from",)), ("patching", CHOSEN_LATER)):
        kept[section] = {name: value for name, value in config[section].items() if name not in names}
    return kept


def refuse_changes(out: UPath, run: dict[str, Any], config: BuildConfig) -> None:
    """ConfigError that names the options in which `config` differs, and the first stage that they change."""
    changed = changes(run, config)
    if not changed:
        return
    sections = {name.strip("`").split(".")[0] for name in changed}
    stage = next(stage for stage, of in SECTIONS.items() if sections & of)
    packing = (
        ""
        if stage != "sample"
        else (
            f" Units and words stay as they are: `lstdata build-shards {out} NEW` with the new options re-packs them, "
            "without audio."
        )
    )
    raise ConfigError(
        f"`{out}` was built with other options: {', '.join(changed)}. Every shard changes from the stage {stage} on. "
        f"Give a new folder, or --rebuild to discard what is there.{packing}"
    )


def refuse_other_stages(out: UPath, run: dict[str, Any], stages: Mapping[str, str]) -> None:
    """ConfigError that names the stages (name → fingerprint) that would not make what the folder's shards hold."""
    known = run["fingerprints"]
    changed = [name for name in stages if known.get(name, stages[name]) != stages[name]]
    if changed and has_shards(out):
        raise ConfigError(
            f"`{out}` holds shards of other {' and '.join(changed)}: the files of a model or of word times have "
            "changed, or this is another version of lstdata. Give a new folder, or --rebuild to discard what is there."
        )


def has_shards(out: UPath) -> bool:
    """Whether any shard was ever finished here."""
    return any(name.endswith(".json") for name in sizes_in(out / "shards"))


def clear(out: UPath, keep: tuple[str, ...] = ()) -> None:
    """Delete what a build wrote, and nothing else but `keep`; ConfigError where the folder is somebody else's.

    The plan goes last: a folder that holds one is ours, also when clearing is interrupted.
    """
    if not exists(out / "plan.parquet"):
        read_run(out)
    for name in sorted(_OURS, key=lambda n: (n == "plan.parquet", n == "run.json")):
        if name in keep:
            continue
        if name in ("shards", "events"):
            remove_folder(out / name)
        else:
            remove(out / name)


def shard_paths(out: UPath, name: str) -> tuple[UPath, UPath, UPath]:
    """(tar, index rows, sidecar) of a shard."""
    folder = out / "shards"
    return folder / f"{name}.tar", folder / f"{name}.parquet", folder / f"{name}.json"
