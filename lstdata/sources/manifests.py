"""Which lhotse manifests a folder or a file stands for, by lhotse's own naming and by their first line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstdata.errors import ConfigError

_NAME = re.compile(r"(.*)(cuts|recordings|supervisions)(.*\.jsonl)(?:\.gz)?")
_CUT_TYPES = ("MonoCut", "MultiCut", "MixedCut", "PaddingCut", "Cut")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Paths of one corpus part: either `cuts`, or `recordings` with or without `supervisions`."""

    cuts: str | None = None
    recordings: str | None = None
    supervisions: str | None = None


def manifests_in(folder: str) -> tuple[Manifest, ...]:
    """Of the manifests directly in a folder: all cuts, or else all recordings, each with its supervisions."""
    names = {name: match for name in sorted(os.listdir(folder)) if (match := _NAME.fullmatch(name))}
    cuts = [name for name, match in names.items() if match[2] == "cuts"]
    if cuts:
        return tuple(Manifest(cuts=os.path.join(folder, name)) for name in cuts)
    return tuple(
        Manifest(recordings=os.path.join(folder, name), supervisions=_partner(folder, match, "supervisions"))
        for name, match in names.items()
        if match[2] == "recordings"
    )


def manifest_of(path: str, first: Mapping[str, Any] | None) -> Manifest | None:
    """What the file at `path` is, judged by its first JSON object; None if that is of no lhotse manifest."""
    if first is None:
        return None
    if first.get("type") in _CUT_TYPES:
        return Manifest(cuts=path)
    folder, name = os.path.split(path)
    match = _NAME.fullmatch(name)
    if {"id", "sources", "sampling_rate"} <= first.keys():
        return Manifest(recordings=path, supervisions=_partner(folder, match, "supervisions"))
    if {"id", "recording_id", "start", "duration"} <= first.keys():
        recordings = _partner(folder, match, "recordings")
        if recordings is None:
            raise ConfigError(f"`{path}` holds supervisions, but the manifest of their recordings is not beside it.")
        return Manifest(recordings=recordings, supervisions=path)
    return None


def _partner(folder: str, match: re.Match[str] | None, noun: str) -> str | None:
    if match is None:
        return None
    name = f"{match[1]}{noun}{match[3]}"
    paths = (os.path.join(folder, name), os.path.join(folder, f"{name}.gz"))
    return next((path for path in paths if os.path.isfile(path)), None)
