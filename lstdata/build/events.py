"""What happened when, one JSON object per line; read by people and by `status`, never hashed."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from typing import Any

from upath import UPath


class EventLog:
    """Appends events of one driver to a file of its own under `OUT/events/`."""

    def __init__(self, folder: UPath) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self._file = open(str(folder / f"{began}-{socket.gethostname()}-{os.getpid()}.jsonl"), "a", encoding="utf-8")  # noqa: SIM115

    def write(self, event: str, **details: Any) -> None:
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
