"""Recordings that are done: one JSON line each, on the disk before it counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from lstdata.errors import CorruptShard
from lstdata.segment.recording import Segmented
from lstdata.source_table import flat_row, row_fingerprint, source_row


class Journal:
    """Append-only, by the fingerprint of the source's row; of a last line that a crash has torn nothing is kept.

    In memory it is one string and one number for each recording.
    """

    def __init__(self, path: Path) -> None:
        """Raises CorruptShard where a line is not what was written."""
        self._path = path
        self._places: dict[str, int] = {}
        self._file = open(path, "a+b")  # noqa: SIM115 — closed by `close`
        try:
            self._read_places()
        except BaseException:
            self._file.close()
            raise

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._places

    def __len__(self) -> int:
        return len(self._places)

    def append(self, fingerprint: str, done: Segmented) -> None:
        rows = [flat_row(row, row_fingerprint(row)) for row in done.rows]
        line = {"row": fingerprint, "rows": rows, "seconds": done.seconds, "speech": done.speech}
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._places[fingerprint] = place

    def read(self, fingerprint: str) -> Segmented:
        self._file.seek(self._places[fingerprint])
        line = json.loads(self._file.readline())
        rows = tuple(source_row(flat, flat["source_split"]) for flat in line["rows"])
        return Segmented(rows, line["seconds"], line["speech"])

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_places(self) -> None:
        place = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                self._file.truncate(place)
                return
            self._places[_row_of(line, self._path, number)] = place
            place += len(line)


def _row_of(line: bytes, path: Path, number: int) -> str:
    try:
        value: dict[str, Any] = json.loads(line)
        return str(value["row"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptShard(f"`{path}`, line {number}, is damaged: delete the file to begin anew.") from error
