"""The folder of a segmentation: what it was begun with, and whether it may go on."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from upath import UPath

from lstdata.config import BuildConfig, differences, to_dict
from lstdata.errors import ConfigError, CorruptShard
from lstdata.storage import TEMPORARY, commit_json, read_json

FORMAT = 1
SEGMENTS = "segments.parquet"
JOURNAL = "segments.jsonl"
STATE = "segment.json"
FILES = (SEGMENTS, JOURNAL, STATE)
"""All that segmenting writes."""


def made_by(config: BuildConfig, detector: str, words: dict[str, Any] | None = None) -> dict[str, Any]:
    """What decides which segments there are, beside the source; `words` where any of it is aligned."""
    options = {name: value for name, value in asdict(config.segment).items() if name != "enabled"}
    by = {"segment": options, "source": to_dict(config)["source"], "detector": detector}
    return by if words is None else by | {"words": words}


def read_state(out: UPath) -> dict[str, Any] | None:
    """What the folder was begun with; None where it was not. CorruptShard where that cannot be read."""
    path = out / STATE
    try:
        state: dict[str, Any] = read_json(path)
        stated = state["format"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {' '.join(str(error).split())}.") from error
    if stated != FORMAT:
        raise CorruptShard(f"`{path}` has the format {stated!r}, but this version reads {FORMAT}. Give a new folder.")
    return state


def is_part_of_a_run(out: UPath) -> bool:
    """Whether what was segmented here belongs to a run folder."""
    try:
        state = read_state(out)
    except CorruptShard:
        return False
    return state is not None and bool(state.get("run"))


def begin(out: UPath, wanted: dict[str, Any], *, allow_mixed_compute: bool) -> dict[str, Any]:
    """What the folder was begun with, written first where it was not; refused where anything else was asked for."""
    begun = read_state(out)
    if begun is None:
        discard(out)
        commit_json(out / STATE, wanted)
        return wanted
    check_same(out, begun, wanted)
    begun_on, here = begun["compute_class"], wanted["compute_class"]
    if begun["totals"] is None and begun_on != here and not allow_mixed_compute:
        raise ConfigError(
            f"`{out}` was begun on compute class {begun_on}, but this machine is {here}: "
            "cuts could differ. Give a new folder, --rebuild, or --allow-mixed-compute."
        )
    return begun


def check_same(out: UPath, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
    """ConfigError where a folder was begun with other options, or from another source, than is wanted now."""
    changed = changes(begun, wanted)
    if changed:
        raise ConfigError(
            f"`{out}` was segmented with other options: {', '.join(changed)}. "
            "Give a new folder, or --rebuild to discard what is there."
        )
    if begun["source"]["fingerprint"] != wanted["source"]["fingerprint"]:
        raise ConfigError(
            f"The source `{wanted['source']['path']}` is not, or no longer, what `{out}` was segmented from. "
            "Give a new folder, or --rebuild to discard what is there."
        )


def changes(begun: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Each option in which two states differ."""
    return differences(begun["by"], wanted["by"])


def refuse_strangers(out: UPath) -> None:
    """ConfigError where a folder that is no segmentation's holds anything, or is a run folder's."""
    if read_state(out) is not None and not is_part_of_a_run(out):
        return
    strangers = sorted(p.name for p in out.iterdir() if p.name != ".lock" and TEMPORARY not in p.name)
    if strangers:
        raise ConfigError(
            f"`{out}` is not empty and no folder of segments: it holds `{strangers[0]}`. Give a new folder."
        )


def refuse_as_source(out: UPath, source: str) -> None:
    """ConfigError where discarding what segmenting wrote in `out` would discard the source."""
    if os.path.realpath(source) in {os.path.realpath(str(path)) for path in (out, out / SEGMENTS)}:
        raise ConfigError(f"`{source}` is SOURCE, and --rebuild would discard it: give another folder.")


def discard(out: UPath) -> None:
    """Delete what segmenting wrote; the state goes last, so that the folder stays known."""
    for name in FILES:
        (out / name).unlink(missing_ok=True)
