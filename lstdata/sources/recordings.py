"""Records whose rows name a recording by its path: the whole file, or a stretch of it given in seconds."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import lru_cache, partial

from lstdata.config import SourceConfig
from lstdata.errors import Unavailable
from lstdata.records import sample_at
from lstdata.redaction import redacted
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.columns import Row, channel, record, required_text, stretch
from lstdata.sources.locating import located_header, located_seconds, relative
from lstdata.storage import is_url

_REMEMBERED = 256
"""Recordings whose headers are kept while rows are read: a table may go back and forth among some."""


class PathRecords:
    """Makes records of rows, of the recordings below `folder` of `root`.

    A row without `start` and `end` is the whole file. Its duration is the row's, so that a plan needs no audio, or
    else that of the header of a local file.

    Seconds become samples at the rate of the recording's own header, which is read while planning: rate and samples
    are the locator's, and a file that has another rate when it is decoded is a `rate_mismatch`, not another stretch.
    So a row with a stretch needs its recording to be there. Where the file is missing, though its root is there, or
    has no header that can be read, the row is a dead letter with the verdict that decoding would give; where it
    cannot be reached, planning ends with Unavailable.
    """

    def __init__(self, root: str, folder: str, columns: SourceConfig) -> None:
        self._root, self._folder, self._columns = root, folder, columns
        self._header = lru_cache(maxsize=_REMEMBERED)(partial(located_header, root))

    def record(self, row: Row, id: str | None) -> SourceRow:
        """Raises Rejected for a row that cannot be used.

        Without an id a record is called after its file, without the suffix, the milliseconds at which it starts there
        and the channel that it asks for: `calls/7`, `calls/7-12500`, `calls/7-12500-c1`.
        """
        path = self._path(required_text(row, self._columns.audio))
        locator = Locator(path=path, channel=channel(row, self._columns))
        part = stretch(row, self._columns)
        id = id or _called_after(path, part.start, locator.channel)
        if part.start is None:
            duration = self._seconds(path) if part.duration is None else part.duration
        else:
            rate, seconds = self._reached_header(path)
            end = None if part.end is None else sample_at(part.end, rate)
            locator = replace(locator, start=sample_at(part.start, rate), end=end, rate=rate)
            rest = None if seconds is None else max(0.0, seconds - part.start)
            duration = rest if part.duration is None else part.duration
        return record(row, self._columns, id=id, locator=locator, duration=duration)

    def _path(self, path: str) -> str:
        return path if is_url(path) else relative(posixpath.join(self._folder, path))

    def _seconds(self, path: str) -> float | None:
        try:
            return located_seconds(self._root, path)
        except Unavailable as error:
            raise Unavailable(f"{error} Or give the table a column `{self._columns.duration}`.") from error

    def _reached_header(self, path: str) -> tuple[int, float | None]:
        try:
            return self._header(path)
        except Unavailable as error:
            raise Unavailable(
                f"{error} A stretch of it is cut by its sampling rate: run again when it is there."
            ) from error


def _called_after(path: str, start: float | None, channel: int | None) -> str:
    milliseconds = "" if start is None else f"-{int(start * 1000 + 0.5)}"
    return posixpath.splitext(redacted(path))[0] + milliseconds + ("" if channel is None else f"-c{channel}")
