"""Which files of a folder hold documents of text, in which order, and what their names say of splits."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError
from lstdata.sources.hub_parts import saved_parts, split_of_file
from lstdata.sources.listing import files_below

Kind = Literal["lines", "table", "plain"]
"""JSON lines; rows of Parquet or of an Arrow stream; plain text."""

_KINDS: Final[dict[str, Kind]] = {
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "lines",
    ".parquet": "table",
    ".arrow": "table",
    ".txt": "plain",
}
_PACKED: Final = (".gz", ".zst")
_BY_NAME_ONLY: Final = (".json", ".arrow")
"""In a folder they are most often something else: descriptions, caches. Such a file must be meant by its name."""

SUFFIXES: Final = "`.jsonl`, `.ndjson`, `.json`, `.txt`, each perhaps `.gz` or `.zst`, `.parquet`, `.arrow`"


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of documents."""

    path: str
    """Relative to the source's root."""
    split: str | None

    @property
    def kind(self) -> Kind:
        kind = kind_of(self.path)
        assert kind is not None
        return kind

    @property
    def stem(self) -> str:
        """The path without suffixes: what ids begin with."""
        return posixpath.splitext(_unpacked(self.path))[0]


def kind_of(path: str) -> Kind | None:
    """By the end of the name; None where it is no file of text. Tables are not packed: they are compressed inside."""
    name = _unpacked(path)
    kind = _KINDS.get(posixpath.splitext(name)[1].lower())
    return None if kind == "table" and name != path else kind


def find_files(root: str, config: SourceConfig) -> list[TextFile]:
    """What `save_to_disk` left, or else all files of the one kind that there is, or those that `source.files` names.

    ConfigError where there is none, or where there are several kinds.
    """
    names = sorted(files_below(root))
    if config.files is None:
        saved = [TextFile(part.path, part.split) for part in saved_parts(root, names)]
        if saved:
            return saved
        chosen = [name for name in names if kind_of(name) and not name.lower().endswith(_BY_NAME_ONLY)]
    else:
        chosen = [name for name in names if fnmatchcase(name, config.files)]
    _check(root, chosen, config.files)
    return [TextFile(name, split_of_file(_unpacked(name))) for name in chosen]


def _check(root: str, chosen: Iterable[str], pattern: str | None) -> None:
    kinds = Counter(kind_of(name) for name in chosen)
    if not kinds:
        what = SUFFIXES if pattern is None else f"`source.files` ({pattern})"
        raise ConfigError(f"`{root}` holds no documents of text: no file is {what}.")
    if None in kinds:
        odd = next(name for name in chosen if kind_of(name) is None)
        raise ConfigError(f"`source.files` must name files of text ({SUFFIXES}), but `{pattern}` names `{odd}` too.")
    if len(kinds) > 1:
        first = [f"`{next(n for n in chosen if kind_of(n) == kind)}` ({count} such)" for kind, count in kinds.items()]
        raise ConfigError(
            f"`{root}` holds files of several kinds: {', '.join(first)}. Say which are meant: "
            "`source.files` takes a pattern such as `*.parquet`, in which `*` stands for `/` too."
        )


def is_packed(path: str) -> bool:
    """By its name: what it really holds is seen when it is read."""
    return _unpacked(path) != path


def _unpacked(path: str) -> str:
    """The path without the suffix of its compression."""
    stem, suffix = posixpath.splitext(path)
    return stem if suffix.lower() in _PACKED else path
