"""Documents of text: JSON lines, Parquet, Arrow, plain text; one file, or a folder with any number of them.

The plan holds no text: a row says where a document is, how long it is and by which digest it is known. A document is
read by going forward through its file, so that those that lie one after another cost one pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, DamagedSource, Rejected, Unavailable
from lstdata.records import TextDocument, UnitInventory
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.listing import names_in
from lstdata.sources.rows import rejected, writable
from lstdata.sources.runs import RunSource
from lstdata.sources.selection import Selection, open_run
from lstdata.sources.text.files import TextFile, find_files, kind_of
from lstdata.sources.text.reading import Found, read_again, read_file
from lstdata.sources.text.rows import check_columns, described, document_of
from lstdata.storage import resolve

TEXT_ONLY = UnitInventory(0)
"""What a source of text says of units: there are none."""


@dataclass(frozen=True, slots=True)
class TextSource:
    """One record for each document, in the order of the files' names."""

    root: str
    file: str | None
    """The one file that is meant; None: those of the folder `root`."""
    config: SourceConfig
    kind: str = "text"

    def scan(self) -> Iterator[SourceRow]:
        files = find_files(self.root, self.config) if self.file is None else [TextFile(self.file, None)]
        self._check_columns(files)
        for file in files:
            yield from writable(self._rows(file))

    def _check_columns(self, files: Sequence[TextFile]) -> None:
        """Those of the first file that can be read; of a damaged one a record says so."""
        for file in files:
            try:
                check_columns(resolve(self.root, file.path), file.kind, self.config)
            except DamagedSource:
                continue
            return

    def open(self, locator: Locator) -> TextDocument:
        """Read a document again; raises Rejected as the scan would, Unavailable where its file cannot be read."""
        path = resolve(self.root, locator.path)
        try:
            return document_of(read_again(path, kind_of(path), self.config, locator), self.config)
        except DamagedSource as error:
            raise Rejected("undecodable", str(error).replace(f"`{path}`", f"`{locator.path}`")) from error
        except (ConfigError, FileNotFoundError) as error:
            raise Unavailable(f"`{path}` cannot be read as it was when the build was planned: {error}") from error

    def inventory(self) -> UnitInventory:
        return TEXT_ONLY

    def _rows(self, file: TextFile) -> Iterator[SourceRow]:
        """A file that is damaged from some place on is one rejected record from there."""
        path, number = resolve(self.root, file.path), 0
        try:
            for found in read_file(path, file.kind, self.config):
                number = found.number
                yield self._row(file, found)
        except DamagedSource as error:
            detail = str(error).replace(f"`{path}`", f"`{file.path}`")
            yield rejected(f"{file.stem}-{number + 1}", file.path, "undecodable", f"from there on: {detail}")

    def _row(self, file: TextFile, found: Found) -> SourceRow:
        id = file.stem if found.is_file else f"{file.stem}-{found.number}"
        locator = Locator(path=file.path, offset=found.offset, size=found.size, row_group=found.group, row=found.row)
        split = file.split if self.config.splits == "names" else None
        return described(found.value, self.config, id=id, locator=locator, split=split)


def open_text(path: str, config: SourceConfig) -> TextSource | RunSource | Selection | None:
    """The documents at a path, or those of a run folder of text. ConfigError where it is a run folder of speech.

    Files are looked for when they are read: workers that open documents need no listing.
    """
    if config.text is None:
        raise ConfigError("`source.text` must name the column of the text for kind `text`, but is null.")
    if kind_of(path) is not None and not os.path.isdir(path):
        root, name = os.path.split(path)
        return TextSource(root, name, config)
    run = open_run(path, config)
    if run is not None and not run.inventory().is_text:
        raise ConfigError(f"`{path}` is a run folder of speech: its kind is `run`.")
    return run or (None if names_in(path) is None else TextSource(path.rstrip("/") or path, None, config))
