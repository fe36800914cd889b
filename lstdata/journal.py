"""Finished work: one JSON line for each piece, on the disk before it counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from upath import UPath

from lstdata.errors import CorruptShard


class Journal:
    """Append-only, by keys; of a last line that a crash has torn nothing is kept.

    In memory it is a key and a number for each line.
    """

    def __init__(self, path: UPath | Path) -> None:
        """Raises CorruptShard where a line is not what was written."""
        self._path = path
        self._places: dict[str, int] = {}
        self._file = open(str(path), "a+b")  # noqa: SIM115 — closed by `close`
        try:
            self._read_places()
        except BaseException:
            self._file.close()
            raise

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        """Keys, in the order in which they came."""
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def append(self, key: str, value: Mapping[str, Any]) -> None:
        """`value` is of JSON values; it is on the disk when this returns."""
        place = self._file.seek(0, os.SEEK_END)
        line = {"key": key, "value": value}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._places[key] = place

    def read(self, key: str) -> dict[str, Any]:
        """What was last appended under a key. Raises KeyError where nothing was."""
        self._file.seek(self._places[key])
        value: dict[str, Any] = json.loads(self._file.readline())["value"]
        return value

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _read_places(self) -> None:
        place = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                self._file.truncate(place)
                return
            try:
                self._places[str(json.loads(line)["key"])] = place
            except (ValueError, KeyError, TypeError) as error:
                message = f"`{self._path}`, line {number}, is damaged: delete the file to begin anew."
                raise CorruptShard(message) from error
            place += len(line)
