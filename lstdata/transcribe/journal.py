"""Batches that are finished: one JSON line each, on the disk before the next one counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lstdata.errors import CorruptShard, Rejected
from lstdata.records import TimedWord
from lstdata.transcribe.batches import Heard, Outcome
from lstdata.transcribe.recogniser import Transcript


class Journal:
    """Append-only; what a crash left of a last line is cut off. In memory: two numbers per batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[int, int] = {}
        self._file = open(path, "a+b")  # noqa: SIM115 — closed by `close`
        try:
            self._find_lines()
        except BaseException:
            self._file.close()
            raise

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __len__(self) -> int:
        return len(self._places)

    def append(self, heard: Heard) -> None:
        rows = zip(heard.fingerprints, heard.outcomes, strict=True)
        line = {"batch": heard.number, "rows": [{"fingerprint": f} | _plain(outcome) for f, outcome in rows]}
        place = self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._places[heard.number] = place

    def read(self, number: int) -> Heard:
        """A finished batch. Raises KeyError for one that is not."""
        self._file.seek(self._places[number])
        line = json.loads(self._file.readline())
        rows = line["rows"]
        return Heard(line["batch"], tuple(row["fingerprint"] for row in rows), tuple(_outcome(row) for row in rows))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _find_lines(self) -> None:
        place = 0
        self._file.seek(0)
        for count, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                self._file.truncate(place)
                return
            try:
                self._places[int(json.loads(line)["batch"])] = place
            except (ValueError, KeyError, TypeError) as error:
                raise CorruptShard(
                    f"`{self._path}`, line {count}, is damaged: delete the file to begin anew."
                ) from error
            place += len(line)


def _plain(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Rejected):
        return {"reject": [outcome.reason, outcome.detail]}
    words = [[word.text, word.start, word.end] for word in outcome.words]
    return {"words": words, "score": outcome.score, "language": outcome.language}


def _outcome(plain: dict[str, Any]) -> Outcome:
    if "reject" in plain:
        reason, detail = plain["reject"]
        return Rejected(reason, detail)
    words = tuple(TimedWord(text, start, end) for text, start, end in plain["words"])
    return Transcript(words, plain["score"], plain["language"])
