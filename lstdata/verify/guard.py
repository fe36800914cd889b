"""One rule for whatever goes wrong while something is checked: it is a problem of that thing, and checking goes on."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from lstdata.errors import LstDataError, MissingExtra, Unavailable

_OF_THE_DATA: Final = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.EINVAL)
"""What the system says where something else lies there than was written, or a place in a file makes no sense."""


@dataclass(frozen=True)
class guarded:  # noqa: N801 — used as `contextlib`'s are
    """Turn any exception into one problem that names `what`: damaged bytes can make a decoder raise anything.

    Of what was already found to be missing there is nothing more to say. What cannot be reached says nothing of what is
    there: for this machine's own faults Unavailable is raised.
    """

    what: str
    problems: list[str]

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, Unavailable | MissingExtra):
            return False
        fault = fault_of_the_machine(error)
        if fault is not None:
            raise Unavailable(f"{self.what} cannot be checked here: {_named(fault)}.") from error
        if f"{self.what} is missing." not in self.problems:
            self.problems.append(f"{self.what}: {told(error)}")
        return True


def fault_of_the_machine(error: BaseException | None) -> BaseException | None:
    """What, of an exception and its causes, says nothing of the bytes that were to be read.

    No permission, no memory, too many open files, a library that is not there …; an OSError without a number is a
    decoder's.
    """
    while error is not None:
        of_the_system = isinstance(error, OSError) and error.errno is not None and error.errno not in _OF_THE_DATA
        if of_the_system or isinstance(error, MemoryError | ImportError):
            return error
        error = error.__cause__
    return None


def told(error: Exception) -> str:
    """An exception on one line, with its kind where it is none of ours."""
    return " ".join(str(error).split()) if isinstance(error, LstDataError) else f"cannot be read: {_named(error)}"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
