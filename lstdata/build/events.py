"""What happened when and where, one JSON object per line; read by people and by `status`, never hashed.

Every process has a file of its own, so that none waits for another and a torn last line is one process's.
"""

from __future__ import annotations

import json
import os
import socket
import time
from datetime import UTC, datetime
from typing import Any, Final, Literal

from upath import UPath

from lstdata.storage import is_local

FOLDER: Final = "events"

_OBJECT_SECONDS: Final = 10.0
"""Between two writes of an object, which can only be written whole."""

Role = Literal["driver", "worker"]


class EventLog:
    """Appends the events of one process under `OUT/events/`; nothing that fails here fails a build.

    On an object store the file is written anew every few seconds, and by `close`.
    """

    def __init__(self, out: UPath, role: Role) -> None:
        began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self._path = out / FOLDER / f"{began}-{socket.gethostname()}-{os.getpid()}-{role}.jsonl"
        self._lines: list[str] = []
        """On an object store all, else those that are not written yet."""
        self._written = time.monotonic()
        self.failed: OSError | None = None
        """Why the last write did not succeed."""

    def write(self, event: str, **details: Any) -> None:
        """`details` are JSON values. Does not raise."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
        self._lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        if is_local(self._path) or time.monotonic() - self._written > _OBJECT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet, if that can be done now."""
        self._written = time.monotonic()
        text = "".join(self._lines)
        try:
            if is_local(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with open(self._path, "a", encoding="utf-8") as file:
                    file.write(text)
                self._lines.clear()
            else:
                self._path.fs.pipe_file(self._path.path, text.encode())
        except Exception as error:
            self.failed = error if isinstance(error, OSError) else OSError(str(error))
        else:
            self.failed = None

    def close(self) -> None:
        if self._lines:
            self.flush()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
