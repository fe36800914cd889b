"""Which files a Hugging Face dataset consists of, in which order, and what their names say of splits."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lstdata.errors import ConfigError
from lstdata.sources.arrow import ARROW_SUFFIXES
from lstdata.sources.encoding import open_bytes
from lstdata.sources.listing import files_below
from lstdata.sources.rows import split_of_part
from lstdata.storage import is_url, resolve

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What an audiofolder keeps its table in: a `file_name` in each row."""

DEEPEST = 3
"""Folders below the dataset's in which files are looked for: language, configuration, split."""

_NO_FOLDER = (".jsonl", ".csv", ".tsv", ".gz", ".tar")
"""Ends of URLs that are files of other kinds: asking what a URL is costs a request."""

_STATE, _INFO = "state.json", "dataset_info.json"
"""What `save_to_disk` leaves beside the Arrow files; the first lists them."""

_NUMBERED = re.compile(r"[-_.]\d{3,}(-of-\d+)?(-[0-9a-f]+)?$")
"""The end of `train-00000-of-00005` and `train-00000-of-00005-6d0a3cfc3eb8c6e5`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a dataset: Parquet, an Arrow stream, or the table of an audiofolder."""

    path: str
    """Relative to the dataset."""
    split: str | None

    @property
    def is_metadata(self) -> bool:
        return posixpath.basename(self.path) in METADATA

    @property
    def stem(self) -> str:
        return posixpath.splitext(self.path)[0]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The files of one kind at a place; a file that was named itself is no part of a split."""

    root: str
    parts: tuple[Part, ...]
    is_folder: bool


def dataset_at(path: str) -> Dataset | None:
    """What `save_to_disk` left, or else the Parquet files, or else the tables of an audiofolder, up to `DEEPEST` down.

    None where there are no such files. Raises Unavailable where a folder cannot be listed, ConfigError where a saved
    dataset does not say what it consists of.
    """
    root, name = posixpath.split(path.rstrip("/"))
    if (name.endswith(ARROW_SUFFIXES) or name in METADATA) and (is_url(path) or not os.path.isdir(path)):
        return Dataset(root, (Part(name, None),), is_folder=False)
    if name.endswith(_NO_FOLDER) if is_url(path) else not os.path.isdir(path):
        return None
    root = path.rstrip("/") or path
    names = sorted(_names_below(root))
    parts = saved_parts(root, names)
    if not parts:
        tables = [name for name in names if name.endswith(".parquet") and posixpath.basename(name) not in METADATA]
        tables = tables or [name for name in names if posixpath.basename(name) in METADATA]
        parts = [Part(name, split_of_file(name)) for name in tables]
    if parts:
        _refuse_deeper(root)
    return Dataset(root, tuple(parts), is_folder=True) if parts else None


def saved_parts(root: str, names: list[str]) -> list[Part]:
    """What `save_to_disk` left, as far as it is among the files `names` below the root."""
    saved = [folder for folder, name in map(posixpath.split, names) if name == _STATE and _beside(folder, names)]
    return [Part(file, _saved_split(folder)) for folder in saved for file in _saved_files(root, folder)]


def _refuse_deeper(root: str) -> None:
    """ConfigError where a dataset goes on below `DEEPEST`: what is not looked at must not be lost without a word."""
    for name in _names_below(root, deepest=None):
        if name.count("/") > DEEPEST:
            limit = f"but files are looked for up to {DEEPEST} folders down"
            raise ConfigError(f"the dataset `{root}` has `{name}`, {limit}: give the folder that is meant as SOURCE.")


def split_of_file(path: str) -> str | None:
    """By the file's name, or else by that of the nearest folder that is called as a split."""
    folder, name = posixpath.split(posixpath.splitext(path)[0])
    while name:
        split = split_of_part(_NUMBERED.sub("", name))
        if split is not None:
            return split
        folder, name = posixpath.split(folder)
    return None


def _saved_split(folder: str) -> str | None:
    """A folder beside `dataset_dict.json` is a split, whatever it is called."""
    name = posixpath.basename(folder)
    return split_of_part(name) or re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or None


def _beside(folder: str, names: list[str]) -> bool:
    return posixpath.join(folder, _INFO) in names


def _saved_files(root: str, folder: str) -> Iterator[str]:
    path = resolve(root, posixpath.join(folder, _STATE))
    try:
        with open_bytes(path) as file:
            files = [entry["filename"] for entry in json.load(file)["_data_files"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"`{path}` is not what `save_to_disk` writes: it lists no `_data_files`.") from error
    for name in files:
        if not isinstance(name, str) or posixpath.basename(name) != name or not name.endswith(".arrow"):
            raise ConfigError(f"`{path}` lists {name!r:.80}, which is no `.arrow` file beside it.")
        yield posixpath.join(folder, name)


def _names_below(root: str, deepest: int | None = DEEPEST) -> Iterator[str]:
    """Relative paths of the files that may be a dataset's."""
    for path in files_below(root, deepest):
        name = posixpath.basename(path)
        if name.endswith(".parquet") or name in (*METADATA, _STATE, _INFO):
            yield path
