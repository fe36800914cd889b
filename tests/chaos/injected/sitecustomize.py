"""Loaded by every Python that starts with this folder on PYTHONPATH: traces calls on watched files, and strikes at one.

What to do is in the environment, as JSON: see `Watch`.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import pathlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

VARIABLE = "LSTDATA_CHAOS"

_open = io.open
_write_bytes = pathlib.Path.write_bytes


@dataclass
class Watch:
    """What is to be done in this process."""

    roots: dict[str, str]
    """The folders that are watched, by name."""
    trace: str | None
    """A file that gets a line for every call."""
    blows: list[dict[str, Any]]
    """Struck one after another, each once, in whatever process comes to its call."""
    marks: str
    """The folder that remembers which have been, and by which process."""
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def around(self, call: str, real: Callable[..., Any], file: Any, *args: Any, **options: Any) -> Any:
        """`real(file, …)`, seen before and, whether it succeeds or not, after."""
        place = self.place(file)
        if place is None:
            return real(file, *args, **options)
        self._seen[call, place] += 1
        if self.trace is not None:
            with _open(self.trace, "a") as trace:
                trace.write(json.dumps([role(), call, place, self._seen[call, place]]) + "\n")
        self.strike("before", call, place)
        try:
            return real(file, *args, **options)
        finally:
            self.strike("after", call, place)

    def place(self, file: Any) -> str | None:
        """Root and name there of a watched file, without what is its own of a temporary name; None for any other.

        Event logs are not watched: how many lines they get depends on the time.
        """
        if isinstance(file, int):
            link = f"/proc/self/fd/{file}"
            file = os.readlink(link) if os.path.islink(link) else link
        path = os.path.abspath(os.fsdecode(file))
        for name, root in self.roots.items():
            if path == root or path.startswith(root + os.sep):
                inside = os.path.relpath(path, root).partition(".tmp-")[0]
                return None if inside.split(os.sep)[0] == "events" else f"{name}/{inside}"
        return None

    def is_due(self, moment: str, call: str, place: str) -> int | None:
        """The number of the blow that falls here, at the nth such call of a process in this role."""
        struck = len(os.listdir(self.marks)) if self.blows else 0
        if struck == len(self.blows):
            return None
        blow = self.blows[struck]
        at = (blow["moment"], blow["call"], blow["place"], blow["nth"], blow["role"])
        here = at == (moment, call, place, self._seen[call, place], role())
        return struck if here and not (blow["victim"] == "parent" and is_orphan()) else None

    def strike(self, moment: str, call: str, place: str) -> None:
        number = self.is_due(moment, call, place)
        if number is None:
            return
        try:
            mark = os.open(os.path.join(self.marks, str(number)), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return
        os.write(mark, str(os.getpid()).encode())
        os.close(mark)
        victim, signal = self.blows[number]["victim"], self.blows[number]["signal"]
        if victim == "group":
            os.killpg(0, signal)
        else:
            os.kill(driver() if victim == "parent" else os.getpid(), signal)


def role() -> str:
    import multiprocessing

    return "driver" if multiprocessing.parent_process() is None else "worker"


def driver() -> int:
    """Of this worker. Not its parent in the system's eyes: that is the server which it was forked from."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    assert parent is not None and parent.pid is not None
    return parent.pid


def is_orphan() -> bool:
    """Whether the driver of this worker is dead."""
    try:
        with _open(f"/proc/{driver()}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def install(watch: Watch) -> None:
    def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        call = "open" if set(mode) & set("wax+") else "read"
        return watch.around(call, _open, file, mode, *args, **options)

    def write_bytes(path: pathlib.Path, data: bytes) -> int:
        def write(path: pathlib.Path) -> int:
            place = watch.place(path)
            if place is not None and watch.is_due("amid", "write", place) is not None:
                _write_bytes(path, data[: len(data) // 2])
                watch.strike("amid", "write", place)
            return _write_bytes(path, data)

        return watch.around("write", write, path)

    builtins.open = io.open = opened  # type: ignore[assignment]
    pathlib.Path.write_bytes = write_bytes  # type: ignore[method-assign]
    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, partial(watch.around, name, getattr(os, name)))


if VARIABLE in os.environ:
    install(Watch(**json.loads(os.environ[VARIABLE])))
