"""What happened when and where, one JSON object per line; read by people and by `status`, never hashed.

Every process has a file of its own, so that none waits for another and a torn last line is one process's.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal

from upath import UPath

from lstdata.objects import put_options
from lstdata.storage import is_local, redacted

FOLDER: Final = "events"

_OBJECT_SECONDS: Final = 10.0
"""Between two writes of an object, which can only be written whole."""

_OBJECT_BYTES: Final = 1 << 20
"""After so many an object is left as it is, and another begun."""

_ALIVE_SECONDS: Final = 10.0

_KEPT: Final = 10_000
"""Lines that wait for a disk that does not take them; older ones are lost."""

Role = Literal["driver", "worker"]


class EventLog:
    """Appends the events of one process under `OUT/events/`; nothing that fails here fails a build.

    On an object store the file is written anew every few seconds, and by `close`. Threads may share a log.
    """

    def __init__(self, out: UPath, role: Role) -> None:
        began = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        self._folder = out / FOLDER
        self._name = f"{began}-{socket.gethostname()}-{os.getpid()}-{role}"
        self._part = 0
        self._lines: list[bytes] = []
        """On an object store all of this part, else those that are not written yet."""
        self._written = time.monotonic()
        self._dirty = False
        """Whether there is something that was never given to the store."""
        self._one, self._putting = threading.RLock(), threading.Lock()
        self._begun = False
        self.failed: OSError | None = None
        """Why the last write did not succeed."""

    @property
    def begun(self) -> bool:
        """Whether anything has been written."""
        return self._begun

    def write(self, event: str, **details: Any) -> None:
        """`details` are JSON values; others are written as text. Does not raise."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
        text = redacted(json.dumps(line, ensure_ascii=False, default=str)) + "\n"
        with self._one:
            self._begun = True
            self._lines.append(text.encode("utf-8", "backslashreplace"))
            self._dirty = True
        if is_local(self._folder) or time.monotonic() - self._written > _OBJECT_SECONDS:
            self.flush()

    def flush(self, *, wait: bool = False) -> None:
        """Write what is not written yet, if that can be done now; a put that another thread has under way is enough.

        With `wait` that one is waited for first.
        """
        if is_local(self._folder):
            with self._one:
                self._try(self._append)
        elif self._putting.acquire(blocking=wait):
            try:
                self._try(self._put)
            finally:
                self._putting.release()

    def close(self) -> None:
        if self._dirty:
            self.flush(wait=True)

    @contextmanager
    def stopped_by(self) -> Iterator[None]:
        """Write down what ends the context early."""
        try:
            yield
        except BaseException as error:
            self.write("stopped", message=str(error) or type(error).__name__)
            raise

    @contextmanager
    def alive(self) -> Iterator[None]:
        """A sign of life now and then while the context lasts."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(_ALIVE_SECONDS):
                self.write("alive")

        threading.Thread(target=beat, daemon=True, name="lstdata-alive").start()
        try:
            yield
        finally:
            over.set()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _try(self, write: Callable[[], None]) -> None:
        self._written = time.monotonic()
        try:
            write()
        except Exception as error:
            self.failed = error if isinstance(error, OSError) else OSError(str(error))
            with self._one:
                waiting = [line for line in self._lines[-_KEPT:] if line != b"\n"]
                self._lines = [b"\n", *waiting]  # ends what may have been written of a line
                self._dirty = True
        else:
            self.failed = None

    def _append(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(str(self._folder / f"{self._name}.jsonl"), "ab") as file:
            file.write(b"".join(self._lines))
        self._lines.clear()
        self._dirty = False

    def _put(self) -> None:
        """While it is put, others go on writing."""
        with self._one:
            data, count = b"".join(self._lines), len(self._lines)
            self._dirty = False
        path = self._folder / (f"{self._name}.{self._part}.jsonl" if self._part else f"{self._name}.jsonl")
        path.fs.pipe_file(path.path, data, **put_options(path.fs, len(data)))
        if len(data) > _OBJECT_BYTES:
            self._part += 1
            with self._one:
                del self._lines[:count]
