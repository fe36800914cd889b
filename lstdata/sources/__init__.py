"""Where records come from: a source lists its records as a stream and opens each by its locator alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Protocol

from lstdata.config import SelectConfig, SourceConfig
from lstdata.errors import ConfigError
from lstdata.records import Audio, Coded, TextDocument, UnitInventory
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.cuts import open_cuts
from lstdata.sources.folder import open_folder
from lstdata.sources.hub import check_hub, open_hub
from lstdata.sources.kaldi import open_kaldi
from lstdata.sources.listing import names_in
from lstdata.sources.prepared import open_prepared
from lstdata.sources.row_file import open_rows
from lstdata.sources.rows import escaped
from lstdata.sources.runs import RunSource
from lstdata.sources.selection import Selection, open_run
from lstdata.sources.table import TABLE_SUFFIXES, open_table
from lstdata.sources.text import open_text
from lstdata.sources.text.files import SUFFIXES
from lstdata.storage import absolute, exists, is_url, place


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

    def open(self, locator: Locator) -> Audio | Coded | TextDocument:
        """Decode one record, or read its units, or its text, where the source brings these.

        Raises Rejected or Unavailable.
        """

    def inventory(self) -> UnitInventory | None:
        """What the units mean that `open` delivers, or that it delivers text; None where it delivers audio."""


Opener = Callable[[str, SourceConfig], "Source | None"]
"""The source of one kind at an absolute path or URL; None where what lies there is of another kind."""


def open_source(path: str, config: SourceConfig) -> Source:
    """The source at a path, of the kind that `config.kind` names or, for `auto`, of the first of these that fits.

    1. A finished run folder: run.
    2. A `.parquet` file that `segment` or `transcribe` left, or a folder with one by its usual name: rows.
    3. A folder directly in which lhotse manifests lie (`*cuts*.jsonl`, or `*recordings*.jsonl` with
       `*supervisions*.jsonl`, each perhaps `.gz`; cuts win; Shar's `recording*.tar` beside them is their audio),
       or such a file: lhotse.
    4. A folder with a `wav.scp`: kaldi.
    5. A `.parquet` file with recordings in its audio column, a folder with such or with `file_name` tables
       (`metadata.csv`, `.jsonl`) up to three folders down, or what `datasets` saved to disk: hub.
    6. A folder directly in which `.on_the_fly` files lie, or `.jsonl` files of which the first object has `units`, or
       such a file: units.
    7. A folder with a recording or a `*.trans.txt` anywhere below it: folder.
    8. A `.jsonl` (perhaps `.gz`), `.csv`, `.tsv` or `.parquet` file: table.

    Documents of text must be asked for by `config.kind` text, but for a run folder of them.

    Raises ConfigError if there is nothing at the path, or nothing that fits, or the path is not UTF-8.
    """
    path = absolute(path)
    if escaped(path) != path:
        raise ConfigError(f"the path of the source must be UTF-8, but is `{escaped(path)}`; rename it.")
    if not is_url(path) and not os.path.exists(path):
        raise ConfigError(f"the source `{path}` does not exist.")
    check_hub(path)
    for kind, opener in _OPENERS.items():
        if config.kind == kind or (config.kind == "auto" and kind != "text"):
            source = opener(path, config)
            if source is not None:
                _check_select(source, config)
                return source
    if is_url(path) and not exists(place(path)):
        raise ConfigError(f"the source `{path}` does not exist.")
    raise ConfigError(_nothing_fits(path, config.kind))


def run_folders(source: Source) -> list[str]:
    """Of the finished runs that a source is made of; none of another kind."""
    if isinstance(source, RunSource):
        return [source.root]
    return [run.root for run in source.runs] if isinstance(source, Selection) else []


def _check_select(source: Source, config: SourceConfig) -> None:
    if source.kind != "run" and config.select != SelectConfig():
        raise ConfigError(
            f"`source.select` chooses among the samples of run folders, but `{source.root}` is a {source.kind} source."
        )


_OPENERS: dict[str, Opener] = {
    "run": open_run,
    "rows": open_rows,
    "lhotse": open_cuts,
    "kaldi": open_kaldi,
    "hub": open_hub,
    "units": open_prepared,
    "folder": open_folder,
    "table": open_table,
    "text": open_text,
}
"""By kind, in the order in which `auto` asks them. Only cheap looks: names, and the first object of a file."""


_LOOKED_FOR = (
    "a run folder, lhotse manifests (`*cuts*.jsonl`, `*recordings*.jsonl`), `wav.scp`, Parquet or Arrow files with "
    "audio, `metadata.csv`, `.on_the_fly` files, `.jsonl` with `units`, `*.trans.txt` and audio files"
)
"""In a folder, in the order of `open_source`."""


_TEXT_HINT = " Documents of text are taken with `--kind text`."


def _nothing_fits(path: str, kind: str) -> str:
    if kind == "lhotse":
        return f"`{path}` is no lhotse manifest, nor a folder in which one lies."
    if kind == "kaldi":
        return f"`{path}` must be a Kaldi data directory: a folder with a `wav.scp`."
    if kind == "rows":
        return f"`{path}` holds no rows that `lstdata segment` or `lstdata transcribe` left."
    if kind == "run":
        return f"`{path}` is no run folder: it has no `run.json` with a plan."
    if kind == "units":
        return f"`{path}` holds no `.on_the_fly` files, nor slamkit's features (`.jsonl` with `units`)."
    if kind == "hub":
        return f"`{path}` holds no Hugging Face dataset: Parquet files, what `save_to_disk` wrote, or a `metadata.csv`."
    if kind == "folder":
        return f"the source `{path}` must be a folder with recordings."
    if kind == "text":
        return f"`{path}` must be a folder, or a file of text: {SUFFIXES}."
    if kind == "table":
        return f"`{path}` must be a file: a table ({', '.join(TABLE_SUFFIXES)})."
    names = names_in(path)
    if names is not None:
        tables = sorted(name for name in names if name.removesuffix(".gz").endswith(TABLE_SUFFIXES))
        hint = f" Give the table itself: `{os.path.join(path, escaped(tables[0]))}`." if tables else ""
        return f"`{path}` holds nothing to build from; looked for {_LOOKED_FOR}.{hint}{_TEXT_HINT}"
    return f"`{path}` is neither a folder nor a table ({', '.join(TABLE_SUFFIXES)})."
