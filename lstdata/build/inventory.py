"""Sources that bring units: what a build may not ask of them, and what it keeps of what they say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

from upath import UPath

from lstdata.config import BuildConfig
from lstdata.errors import ConfigError
from lstdata.filters import check_applicable
from lstdata.records import UnitInventory
from lstdata.sources import Source, run_folders
from lstdata.storage import commit_bytes, commit_json, exists, is_local, sha256_bytes
from lstdata.units.fit import DEFAULT_CLUSTERS
from lstdata.vocab import stated_units


@dataclass(frozen=True)
class UnitSet:
    """The unit ids of a run: how many there may be, and the sha256 that says which they are."""

    clusters: int
    sha256: str


NO_UNITS: Final = UnitSet(0, "")
"""Of a run of text."""


def check_source(source: Source, out: UPath, config: BuildConfig) -> None:
    """ConfigError, with all mistakes, where options do not fit the source; before anything is written."""
    inventory = source.inventory()
    is_text = inventory is not None and inventory.is_text
    mistakes = [*_of_another_kind(source, config, is_text)]
    if inventory is not None and not is_text:
        mistakes += _needs_audio(source, inventory, config)
    for root in run_folders(source):
        if _is_inside(out, root):
            mistakes.append(f"the run folder `{root}` is the source: give OUT a folder that is not in it.")
    if config.segment.enabled and not is_local(out):
        mistakes.append(
            f"`segment.enabled` must be false where OUT is on an object store, as `{out}`: run `lstdata segment SOURCE "
            f"LOCAL` with a folder on this machine, then `lstdata build-shards LOCAL {out}`."
        )
    if mistakes:
        raise ConfigError(*mistakes)
    check_applicable(config, inventory)


def keep_units(inventory: UnitInventory, out: UPath, config: BuildConfig, notes: list[str]) -> UnitSet:
    """Keep the source's codebook in `out` byte for byte or, where it has none, a statement in its place."""
    clusters = inventory.clusters or config.units.clusters or DEFAULT_CLUSTERS
    if inventory.codebook is not None:
        if not exists(out / "codebook.npz"):
            commit_bytes(out / "codebook.npz", inventory.codebook)
            notes.append(f"codebook: {clusters} clusters, the source's")
        return UnitSet(clusters, sha256_bytes(inventory.codebook))
    stated = stated_units(inventory.origin, clusters)
    if not exists(out / "codebook.json"):
        commit_json(out / "codebook.json", stated)
        notes.append(f"codebook: none, the source brings ids below {clusters}")
    return UnitSet(clusters, stated["sha256"])


_FOR_SPEECH: Final = ("segment", "audio", "units", "words", "activity", "patching", "interleave")
"""Sections that say nothing of text."""

_FOR_TEXT: Final = (("source", "files"), ("source", "documents"), ("plan", "shard_bytes"))


def _of_another_kind(source: Source, config: BuildConfig, is_text: bool) -> Iterator[str]:
    """Options that are for text where the source brings speech, or the other way round."""
    defaults = BuildConfig()
    speech = [(section, name.name) for section in _FOR_SPEECH for name in fields(getattr(config, section))]
    for section, name in [*speech, ("plan", "shard_seconds")] if is_text else _FOR_TEXT:
        if getattr(getattr(config, section), name) != getattr(getattr(defaults, section), name):
            brings, what = ("text", "speech") if is_text else ("speech", "text")
            yield f"`{section}.{name}` must not be given: it is for {what}, but `{source.root}` brings {brings}."


def _needs_audio(source: Source, inventory: UnitInventory, config: BuildConfig) -> Iterator[str]:
    given = config.units.clusters
    if config.units.taken_from is not None:
        yield f"`units.taken_from` must not be given: `{source.root}` brings units."
    if config.units.codebook is not None:
        yield f"`units.codebook` must not be given: `{source.root}` brings units."
    if given is not None and inventory.clusters is not None and given != inventory.clusters:
        yield f"`units.clusters` must be {inventory.clusters}, as in `{source.root}`, but is {given}."
    if config.words.aligner in ("sphinx", "ctc", "files"):
        yield f"`words.aligner` must not be {config.words.aligner}: `{source.root}` brings units, no audio to align."
    if config.units.model is not None:
        yield f"`units.model` must not be given: `{source.root}` brings units."
    if config.segment.enabled:
        yield f"`segment.enabled` must be false: `{source.root}` brings units, no audio to segment."
    if config.audio.keep not in (None, inventory.audio):
        brings = "units, no audio" if inventory.audio is None else f"units, and audio as {inventory.audio}"
        yield f"`audio.keep` must not be {config.audio.keep}: `{source.root}` brings {brings}."


def _is_inside(path: UPath, folder: str) -> bool:
    inner, outer = os.path.realpath(str(path)), os.path.realpath(folder)
    return os.path.commonpath([inner, outer]) == outer
