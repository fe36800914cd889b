"""A folder of recordings: LibriSpeech's layout, or one transcript beside each audio file, or no transcripts at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from lstdata.config import SourceConfig
from lstdata.errors import Rejected, Unavailable
from lstdata.objects import walked
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.listing import names_in
from lstdata.sources.locating import LocatedSource, located_seconds
from lstdata.sources.rows import rejected, split_of_part, writable
from lstdata.sources.transcripts import read_chapter, read_transcript
from lstdata.storage import is_url

_DECODED = "wav wave w64 rf64 flac ogg oga opus mp3 mp2 aiff aif aifc au snd caf sph nist voc"
_UNDECODED = "raw pcm m4a m4b mp4 aac webm mka mkv mov wma amr 3gp ape wv shn"
AUDIO_SUFFIXES = frozenset(f".{suffix}" for suffix in f"{_DECODED} {_UNDECODED}".split())
"""What is taken for a recording by its name: also formats that cannot be decoded, which must not vanish silently."""

CHAPTER = ".trans.txt"
_TRANSCRIPT_SUFFIXES = (".lab", ".txt")
_SPLIT_LEVELS = 2
"""Folders below SOURCE of which the names may be those of splits: further down they are of speakers and the like."""

_DOCUMENTS = frozenset(("readme", "license", "licence", "copying", "notice", "attribution", "authors", "changelog"))
"""Text files that lie beside recordings and are no transcripts."""


@dataclass(frozen=True, slots=True)
class FolderSource(LocatedSource):
    """Every audio file below `root` is a record, in sorted order; its id is its relative path without the suffix."""

    splits: Literal["names", "ignore"] = "names"
    """Whether folders name splits, as LibriSpeech's `train-clean-100` does, or nothing does."""
    kind: str = "folder"

    def scan(self) -> Iterator[SourceRow]:
        for folder, names in _folders(self.root):
            split = _split(folder) if self.splits == "names" else None
            yield from writable(replace(row, split=split) for row in _rows(self.root, folder, names))


def open_folder(path: str, config: SourceConfig) -> FolderSource | None:
    """The folder, if there is a recording or a chapter of transcripts anywhere below it."""
    is_folder = names_in(path) is not None if is_url(path) else os.path.isdir(path)
    holds = is_folder and _holds_recordings(path)
    return FolderSource(root=path, splits=config.splits) if holds else None


def _split(folder: str) -> str | None:
    """By the first folder on the way that is called as a split: of a corpus, or of the folder that the corpus is in."""
    return next(filter(None, map(split_of_part, folder.split("/")[:_SPLIT_LEVELS])), None)


def _holds_recordings(root: str) -> bool:
    """Whether the folder has a recording or a chapter of transcripts anywhere below it."""
    return any(_suffix(n) in AUDIO_SUFFIXES or n.endswith(CHAPTER) for _, names in _folders(root) for n in names)


def _folders(root: str) -> Iterator[tuple[str, list[str]]]:
    """Each folder below root (relative, `` for root) with the sorted names in it that are no folders.

    Hidden names are left out. A link to a folder is not followed: inside the root its target is met anyway; one that
    leads outside is among the names. Behind a URL there are no links.
    """
    if is_url(root):
        for folder, listed in walked(root):
            yield folder, [entry.name for entry in listed if not entry.is_folder]
        return
    pending = [""]
    while pending:
        folder = pending.pop()
        names, below = [], []
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below.append(os.path.join(folder, entry.name))
                    elif not (_leads_to_folder(entry) and _is_inside(root, entry.path)):
                        names.append(entry.name)
        except OSError as error:
            raise Unavailable(f"`{os.path.join(root, folder)}` cannot be listed: {error.strerror}.") from error
        yield folder, sorted(names)
        pending += sorted(below, reverse=True)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle leads nowhere
        return False


def _rows(root: str, folder: str, names: list[str]) -> Iterator[SourceRow]:
    recordings = {n for n in names if _suffix(n) in AUDIO_SUFFIXES}
    stems = Counter(map(_stem, recordings))
    chapters: dict[str, str | Rejected | None] = {}
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(CHAPTER) and _leads_out(root, path):
            verdict = _escaping(path)
            yield rejected(path, path, verdict.reason, verdict.detail)
        elif name.endswith(CHAPTER):
            chapters |= read_chapter(root, path)
    beside = {_stem(n): n for s in _TRANSCRIPT_SUFFIXES for n in names if _suffix(n) == s and not n.endswith(CHAPTER)}
    for name in names:
        path, stem = os.path.join(folder, name), _stem(name)
        if _leads_out(root, path) and (name in recordings or os.path.isdir(os.path.join(root, path))):
            verdict = _escaping(path)
            yield rejected(path, path, verdict.reason, verdict.detail)
        elif name in recordings:
            in_chapter = stem in chapters
            text = chapters[stem] if in_chapter else _beside(root, folder, beside.get(name) or beside.get(stem))
            id = stem if stems[stem] == 1 and stem not in recordings else name
            yield _row(root, path, os.path.join(folder, id), text, stem.split("-")[0] if in_chapter else None)
    for id in sorted(chapters.keys() - stems.keys()):
        yield _missing(os.path.join(folder, id), f"`{id}` in the transcripts of `{folder or '.'}`")
    for stem, name in sorted(beside.items()):
        if recordings and stem not in stems and stem not in recordings and stem.lower() not in _DOCUMENTS:
            yield _missing(os.path.join(folder, stem), f"the transcript `{os.path.join(folder, name)}`")


def _row(root: str, path: str, id: str, text: str | Rejected | None, speaker: str | None) -> SourceRow:
    return SourceRow(
        id=id,
        locator=Locator(path=path),
        recording=path,
        duration=located_seconds(root, path),
        text=None if isinstance(text, Rejected) else text,
        speaker=speaker,
        reject=(text.reason, text.detail) if isinstance(text, Rejected) else None,
    )


def _missing(id: str, what: str) -> SourceRow:
    return rejected(id, id, "missing_audio", f"there is no recording beside {what}.")


def _beside(root: str, folder: str, name: str | None) -> str | Rejected | None:
    if name is None:
        return None
    path = os.path.join(folder, name)
    try:
        return _escaping(path) if _leads_out(root, path) else read_transcript(root, path)
    except Rejected as error:
        return error


def _escaping(path: str) -> Rejected:
    return Rejected("path_escapes", f"`{path}` is a link that leads out of the source's folder.")


def _leads_out(root: str, path: str) -> bool:
    full = os.path.join(root, path)
    return os.path.islink(full) and not _is_inside(root, full)


def _is_inside(root: str, path: str) -> bool:
    top = os.path.realpath(root)
    return os.path.commonpath([top, os.path.realpath(path)]) == top


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
