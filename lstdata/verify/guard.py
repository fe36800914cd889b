"""One rule for whatever goes wrong while something is checked: it is a problem of that thing, and checking goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lstdata.errors import LstDataError, Unavailable


@contextmanager
def guarded(what: str, problems: list[str]) -> Iterator[None]:
    """Turn any exception into one problem that names `what`: damaged bytes can make a decoder raise anything.

    Of what was already found to be missing there is nothing more to say. What cannot be reached says nothing of what is
    there: Unavailable is raised.
    """
    try:
        yield
    except Unavailable:
        raise
    except Exception as error:
        if f"{what} is missing." not in problems:
            problems.append(f"{what}: {told(error)}")


def told(error: Exception) -> str:
    """An exception on one line, with its kind where it is none of ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, LstDataError) else f"cannot be read: {type(error).__name__}: {text}"
