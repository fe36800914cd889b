"""One process at a time in a folder that it writes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from upath import UPath

from lstdata.errors import ConfigError, Unavailable
from lstdata.storage import is_local


@contextmanager
def locked(
    out: UPath,
    refuse_strangers: Callable[[UPath], object],
    *,
    take_over: bool = False,
    note: Callable[[str], object] = lambda line: None,
) -> Iterator[None]:
    """Hold a folder's lock, which dies with its owner, or its lease; ConfigError while another process has it.

    `refuse_strangers` raises where the folder is not the caller's. It comes first, as not even the lock is to be left
    in somebody else's. `take_over` and `note` are for leases, of which nobody knows whether the owner is dead.
    """
    here = is_local(out)
    if not here:
        from lstdata.lease import leased

        refuse_strangers(out)
        with leased(out, take_over, note):
            yield
        return
    if take_over:
        raise ConfigError(f"`--take-over` is for object stores: the lock of the folder `{out}` dies with its owner.")
    if out.is_dir():
        refuse_strangers(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = open(str(out / ".lock"), "wb")  # noqa: SIM115 — closed below, held meanwhile
    except OSError as error:
        raise Unavailable(f"`{out}` cannot be written: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"`{out}` is being written by another process.") from error
        yield
