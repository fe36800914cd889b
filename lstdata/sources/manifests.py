"""Which lhotse manifests a folder or a file stands for, by lhotse's own naming and by their first line."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lstdata.errors import ConfigError
from lstdata.sources.encoding import open_text
from lstdata.sources.listing import is_file
from lstdata.sources.rows import split_of_part

_NAME = re.compile(r"(.*)(cuts|recordings|supervisions)(.*)\.jsonl(?:\.gz)?")
_SHAR = re.compile(r"(cuts(?=.*\.jsonl)|recording)((?:\..+)?)\.(?:jsonl(?:\.gz)?|tar)")
"""The names of Shar's files: a field and the number of the shard, where there is more than one."""

_CUT_TYPES = ("MonoCut", "MultiCut", "MixedCut", "PaddingCut", "Cut")
_UNDIVIDED = re.compile(r".*(cuts|recordings|supervisions).*\.(json|yaml)(\.gz)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Paths of one corpus part: `cuts`, perhaps with a Shar archive, or `recordings` with or without `supervisions`."""

    cuts: str | None = None
    archive: str | None = None
    """The tar with the audio of these cuts; alone where it has lost its cuts."""
    recordings: str | None = None
    supervisions: str | None = None

    @property
    def name(self) -> str:
        """Of the file that names the part."""
        return posixpath.basename(self.cuts or self.recordings or self.archive or "")

    @property
    def split(self) -> str | None:
        """What the part's name says: `train` of `corpus_cuts_train.jsonl.gz` and of `train_cuts.jsonl`."""
        match = _NAME.fullmatch(self.name)
        if match is None:
            return split_of_part(self.name.split(".")[0])
        return split_of_part(match[3].strip("-_.") or match[1].strip("-_."))


def manifests_in(folder: str, names: Collection[str]) -> tuple[Manifest, ...]:
    """Of the manifests directly in a folder: all cuts, or else all recordings, each with its supervisions."""
    matches = {name: match for name in sorted(names) if (match := _NAME.fullmatch(name))}
    shards = {match[2]: name for name in names if name.endswith(".tar") and (match := _SHAR.fullmatch(name))}
    cuts = {name: _shard(name) for name, match in matches.items() if match[2] == "cuts"}
    if cuts:
        found = [
            Manifest(cuts=_join(folder, name), archive=_join(folder, shards.pop(number, None)))
            for name, number in cuts.items()
        ]
        return (*found, *(Manifest(archive=_join(folder, name)) for _, name in sorted(shards.items())))
    return tuple(
        Manifest(recordings=_join(folder, name), supervisions=_partner(folder, match, "supervisions"))
        for name, match in matches.items()
        if match[2] == "recordings"
    )


def manifest_of(path: str, first: Mapping[str, Any] | None) -> Manifest | None:
    """What the file at `path` is, judged by its first JSON object; None if that is of no lhotse manifest."""
    if first is None:
        return None
    folder, name = os.path.split(path)
    if first.get("type") in _CUT_TYPES:
        number = _shard(name)
        archived = number is not None and _is_placeholder(first.get("recording"))
        return Manifest(cuts=path, archive=os.path.join(folder, f"recording{number}.tar") if archived else None)
    match = _NAME.fullmatch(name)
    if {"id", "sources", "sampling_rate"} <= first.keys():
        return Manifest(recordings=path, supervisions=_partner(folder, match, "supervisions"))
    if {"id", "recording_id", "start", "duration"} <= first.keys():
        recordings = _partner(folder, match, "recordings")
        if recordings is None:
            raise ConfigError(f"`{path}` holds supervisions, but the manifest of their recordings is not beside it.")
        return Manifest(recordings=recordings, supervisions=path)
    return None


def refuse_lone_supervisions(folder: str, names: Collection[str], manifests: Collection[Manifest]) -> None:
    """Raises ConfigError for supervisions among `manifests` of recordings that would be passed over without a word.

    Some of lhotse's own recipes call the two differently.
    """
    if not any(manifest.recordings for manifest in manifests):
        return
    for name in sorted(names):
        match = _NAME.fullmatch(name)
        if match and match[2] == "supervisions" and _partner(folder, match, "recordings") is None:
            wanted = f"{match[1]}recordings{match[3]}.jsonl"
            raise ConfigError(
                f"`{os.path.join(folder, name)}` holds supervisions, but there is no `{wanted}` beside it, perhaps "
                "`.gz`: let the names agree, or move it away."
            )


def refuse_undivided(path: str) -> None:
    """Raises ConfigError for a lhotse manifest in one piece, as JSON or YAML, which cannot be read as a stream."""
    if not _UNDIVIDED.fullmatch(os.path.basename(path)) or not is_file(path):
        return
    with open_text(path) as file:
        head = file.read(4096)
    if re.search(r"MonoCut|MultiCut|MixedCut|sampling_rate|recording_id", head):
        better = re.sub(r"\.(json|yaml)(\.gz)?$", ".jsonl.gz", path)
        raise ConfigError(f"`{path}` cannot be read as a stream; run `lhotse copy {path} {better}` and give that.")


def _shard(name: str) -> str | None:
    """The number of a shard of Shar, as it stands in file names; None for other cuts."""
    match = _SHAR.fullmatch(name)
    return match[2] if match else None


def _is_placeholder(recording: Any) -> bool:
    sources = recording.get("sources") if isinstance(recording, Mapping) else None
    first = sources[0] if isinstance(sources, list) and sources else None
    return isinstance(first, Mapping) and first.get("type") == "shar"


def _join(folder: str, name: str | None) -> str | None:
    return None if name is None else os.path.join(folder, name)


def _partner(folder: str, match: re.Match[str] | None, noun: str) -> str | None:
    if match is None:
        return None
    name = f"{match[1]}{noun}{match[3]}.jsonl"
    paths = (os.path.join(folder, name), os.path.join(folder, f"{name}.gz"))
    return next((path for path in paths if is_file(path)), None)
