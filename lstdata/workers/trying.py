"""Faults of the world are tried again before they count."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from lstdata.errors import LstDataError, Unavailable

T = TypeVar("T")

TRIES = 3
"""Of work that meets a fault of the world, with a pause that doubles between them."""


def pause(attempt: int) -> None:
    """Wait before the next try: 1 s, 2 s, …"""
    time.sleep(2.0**attempt)


def try_hard(work: Callable[[], T], name: str) -> T:
    """What `work` gives, tried again after an OSError or Unavailable. Raises LstDataError and nothing else."""
    for attempt in range(TRIES):
        try:
            return work()
        except OSError as error:
            fault = Unavailable(f"{name}: {error}")
            fault.__cause__ = error
        except Unavailable as error:
            fault = error
        except LstDataError:
            raise
        except Exception as error:
            raise LstDataError(f"{name}: unexpected {type(error).__name__}: {error}") from error
        if attempt < TRIES - 1:
            pause(attempt)
    raise fault
