"""One rule for whatever goes wrong while something is checked: it is a problem of that thing, and checking goes on."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from lstdata.errors import LstDataError, Unavailable


@dataclass(frozen=True)
class guarded:  # noqa: N801 — used as `contextlib`'s are
    """Turn any exception into one problem that names `what`: damaged bytes can make a decoder raise anything.

    Of what was already found to be missing there is nothing more to say. What cannot be reached says nothing of what is
    there: Unavailable is raised.
    """

    what: str
    problems: list[str]

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, Unavailable):
            return False
        if f"{self.what} is missing." not in self.problems:
            self.problems.append(f"{self.what}: {told(error)}")
        return True


def told(error: Exception) -> str:
    """An exception on one line, with its kind where it is none of ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, LstDataError) else f"cannot be read: {type(error).__name__}: {text}"
