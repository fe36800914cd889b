"""Where records come from: a source lists its records as a stream and opens each by its locator alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError
from lstdata.records import Audio, Coded, Locator, SourceRow, UnitInventory
from lstdata.sources.cuts import CutsSource
from lstdata.sources.encoding import json_lines
from lstdata.sources.folder import FolderSource, holds_recordings
from lstdata.sources.manifests import Manifest, manifest_of, manifests_in
from lstdata.sources.rows import escaped
from lstdata.sources.table import TABLE_SUFFIXES, TableSource
from lstdata.storage import is_url


class Source(Protocol):
    """A corpus. It can be pickled; opening needs nothing but the locator and the same root."""

    @property
    def kind(self) -> str:
        """One of the kinds of `SourceConfig`, but `auto`."""

    @property
    def root(self) -> str:
        """The absolute folder (or URL) that relative locators are under."""

    def scan(self) -> Iterator[SourceRow]:
        """Every record, also those that cannot be used, in an order that depends on the corpus alone."""

    def open(self, locator: Locator) -> Audio | Coded:
        """Decode one record, or read its units where the source brings them; raises Rejected or Unavailable."""

    def inventory(self) -> UnitInventory | None:
        """What the units mean that `open` delivers; None where it delivers audio."""


def open_source(path: str, config: SourceConfig) -> Source:
    """The source at a path, of the kind that `config.kind` names or, for `auto`, of the first of these that fits.

    1. A folder directly in which lhotse manifests lie (`*cuts*.jsonl`, or `*recordings*.jsonl` with
       `*supervisions*.jsonl`, each perhaps `.gz`): lhotse; cuts win.
    2. A folder with a recording or a `*.trans.txt` anywhere below it: folder.
    3. A `.jsonl` file (perhaps `.gz`): lhotse if its first object is a cut, recording or supervision, else a table.
    4. A `.csv`, `.tsv` or `.parquet` file: table.

    Raises ConfigError if there is nothing at the path, or nothing that fits, or the path is not UTF-8.
    """
    path = path if is_url(path) else os.path.abspath(path)
    if escaped(path) != path:
        raise ConfigError(f"the path of the source must be UTF-8, but is `{escaped(path)}`; rename it.")
    if not is_url(path) and not os.path.exists(path):
        raise ConfigError(f"the source `{path}` does not exist.")
    manifests = () if config.kind in ("folder", "table") else _manifests(path)
    if manifests or config.kind == "lhotse":
        return _lhotse(path, manifests)
    if os.path.isdir(path):
        return _folder(path, config)
    if config.kind == "folder":
        raise ConfigError(f"the source `{path}` must be a folder.")
    if not path.removesuffix(".gz").endswith(TABLE_SUFFIXES):
        raise ConfigError(f"`{path}` is neither a folder nor a table ({', '.join(TABLE_SUFFIXES)}).")
    return TableSource.opened(path, config)


def _lhotse(path: str, manifests: tuple[Manifest, ...]) -> Source:
    if not manifests:
        raise ConfigError(f"`{path}` is no lhotse manifest, nor a folder in which one lies.")
    return CutsSource(root=path if os.path.isdir(path) else os.path.dirname(path), manifests=manifests)


def _folder(path: str, config: SourceConfig) -> Source:
    if config.kind == "table":
        raise ConfigError(f"the table `{path}` must be a file, but is a folder.")
    if not holds_recordings(path):
        looked = "lhotse manifests (`*cuts*.jsonl`, `*recordings*.jsonl`), `*.trans.txt` and audio files"
        raise ConfigError(f"`{path}` holds nothing to build from; looked for {looked}.")
    return FolderSource(root=path)


def _manifests(path: str) -> tuple[Manifest, ...]:
    if os.path.isdir(path):
        return manifests_in(path)
    if not path.removesuffix(".gz").endswith(".jsonl"):
        return ()
    manifest = manifest_of(path, _first_object(path))
    return (manifest,) if manifest else ()


def _first_object(path: str) -> dict[str, Any] | None:
    return next((value for _, value in json_lines(path) if isinstance(value, dict)), None)
