"""What a process of ours that another one starts has in common with its like: a channel, a leash, errors as JSON.

Its standard output is the channel to its parent, and nobody else's; its standard input stays open for as long as the
parent is there.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

from lstdata import errors
from lstdata.errors import LstDataError

_KINDS: Final = {kind.__name__: kind for kind in (errors.ConfigError, errors.CorruptShard, errors.Unavailable)}


def channel() -> IO[bytes]:
    """Standard output for the caller alone: what libraries print goes to standard error from here on."""
    kept = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return kept


def end_with_parent(end: Callable[[], object]) -> None:
    """Have `end` called once standard input, whose first lines may have been read, has come to its end."""

    def wait() -> None:
        sys.stdin.read()
        end()

    threading.Thread(target=wait, daemon=True).start()


def said(error: LstDataError) -> dict[str, Any]:
    """An error of ours as plain values."""
    return {"error": type(error).__name__, "lines": list(getattr(error, "mistakes", error.args))}


def heard(said: Mapping[str, Any]) -> LstDataError:
    """The error again, of its own kind where that decides about the exit code."""
    return _KINDS.get(said["error"], LstDataError)(*said["lines"])
