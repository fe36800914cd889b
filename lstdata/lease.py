"""The lock of a folder on an object store: an object that names its owner and that the owner keeps changing.

No clock is compared: whoever finds a lease watches whether its beat goes on, and takes over what stands still: so a
build that was killed goes on wherever something starts it again. An owner that finds another's name in its lease has
lost it, and stops. What its workers still write does no harm: a shard is put whole, and its bytes are the same.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from upath import UPath

from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.objects import put_options, reaching
from lstdata.storage import remove

NAME: Final = ".lease"

BEAT_SECONDS = 5.0
"""Between two beats of an owner, and between two looks at another's."""

_LOOKS: Final = 12
"""At a lease that stands still, before it is taken over: where a store hangs, a beat may come half a minute late."""

_CLASHES: Final = 20
"""Changes by others, one after another, that are waited out."""


@dataclass(frozen=True)
class Owner:
    id: str
    """Random: a process may have the host and the number of one that is dead."""
    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True)
class _Seen:
    owner: Owner
    beat: int
    tag: str | None
    """The store's name for this state of the object, where it has one."""


@contextmanager
def leased(out: UPath, take_over: bool, note: Callable[[str], object] = lambda line: None) -> Iterator[None]:
    """Hold a folder's lease; ConfigError while another has it, Unavailable once another has taken it.

    One that stands still is replaced, and `note` told so; with `take_over` any is, at once. Raises KeyboardInterrupt
    where somebody else sends the signal by which a lost lease ends what the context does.
    """
    lease = Lease(out)
    lease.acquire(take_over, note)
    try:
        with lease.beating():
            yield
    except _Interrupted:
        if lease.rival is None:
            raise KeyboardInterrupt from None
    finally:
        lease.release()
    if lease.rival is not None:
        raise Unavailable(f"lost the lease of `{out}` to {lease.rival}.")


class Lease:
    """One process's claim on a folder."""

    def __init__(self, out: UPath) -> None:
        self.owner = Owner(secrets.token_hex(8), socket.gethostname(), os.getpid())
        self.rival: Owner | None = None
        """Who has taken it."""
        self._out, self._path = out, out / NAME
        self._beat = 0

    def acquire(self, take_over: bool, note: Callable[[str], object] = lambda line: None) -> None:
        """Raises as `leased` does, which says what the arguments are."""
        for _ in range(_CLASHES):
            if self._create():
                return
            seen = self._look()
            if seen is None:
                continue
            if seen.owner == self.owner:
                return
            if not take_over and not self._stands_still(seen):
                continue
            if self._replace(seen):
                if not take_over:
                    still = f"had not stirred for {_LOOKS * BEAT_SECONDS:g} s"
                    note(f"`{self._out}` was leased to {seen.owner}, which {still}: taken over")
                return
        raise Unavailable(f"`{self._path}` is changed again and again by others.")

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat in a thread while the context lasts; it is left by an exception once the lease is lost."""
        ended = threading.Event()
        with _interruptible() as interrupt:
            thread = threading.Thread(target=self._beat_until, args=(ended, interrupt), name="lease", daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()

    def release(self) -> None:
        """Remove the lease if it is still ours; what cannot be removed now is found dead by the next owner."""
        with suppress(Unavailable):
            seen = self._look()
            if seen is not None and seen.owner == self.owner:
                remove(self._path)

    def _beat_until(self, ended: threading.Event, interrupt: _Interrupt) -> None:
        while not ended.wait(BEAT_SECONDS):
            with suppress(Unavailable):
                self.rival = self._beat_once()
            if self.rival is not None:
                if not ended.is_set():
                    interrupt()
                return

    def _beat_once(self) -> Owner | None:
        """Whoever else has the lease by now."""
        for _ in range(_CLASHES):
            seen = self._look()
            if seen is None:
                if self._create():
                    return None
            elif seen.owner != self.owner:
                return seen.owner
            elif self._replace(seen):
                return None
        return None

    def _stands_still(self, seen: _Seen) -> bool:
        """False once the lease has been given back; ConfigError as soon as its owner is seen to live."""
        for _ in range(_LOOKS):
            time.sleep(BEAT_SECONDS)
            now = self._look()
            if now is None:
                return False
            if now != seen:
                raise ConfigError(f"`{self._out}` is being written by another process: {now.owner}.")
        return True

    def _look(self) -> _Seen | None:
        def read(files: Any, inside: str) -> _Seen:
            tag = files.info(inside).get("ETag")
            return _seen(files.cat_file(inside), tag)

        try:
            return reaching(self._path, read)
        except FileNotFoundError:
            return None

    def _create(self) -> bool:
        """Whether there was none."""
        try:
            reaching(self._path, lambda fs, path: fs.pipe_file(path, self._next(), mode="create", **put_options(fs, 0)))
        except FileExistsError:
            return False
        except FileNotFoundError as error:
            raise Unavailable(f"`{self._path}` cannot be written.") from error
        return True

    def _replace(self, seen: _Seen) -> bool:
        """Whether it was still what was seen; stores without conditional puts are looked at once more."""

        def put(files: Any, inside: str) -> None:
            condition = {} if seen.tag is None else {"IfMatch": seen.tag}
            try:
                files.pipe_file(inside, self._next(), **condition, **put_options(files, 0))
            except OSError as error:
                if condition and error.errno == errno.EINVAL:
                    raise _ChangedMeanwhile from error
                raise

        try:
            reaching(self._path, put)
        except (_ChangedMeanwhile, FileNotFoundError):
            return False
        now = self._look()
        return now is not None and now.owner == self.owner

    def _next(self) -> bytes:
        self._beat += 1
        return json.dumps({"owner": asdict(self.owner), "beat": self._beat}).encode()


class _ChangedMeanwhile(LstDataError):
    """Another has written the lease since it was looked at."""


class _Interrupted(KeyboardInterrupt):
    """The lease is lost: raised where the main thread happens to be, and passed by whoever passes Ctrl-C."""


class _Interrupt:
    """Leaves the block that `_interruptible` guards, where that can be done: in the main thread."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def __call__(self) -> None:
        if self._thread is threading.main_thread():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)


@contextmanager
def _interruptible() -> Iterator[_Interrupt]:
    """Not by SIGINT: that is ignored in jobs that a shell runs in the background, and while workers are started."""
    here = threading.current_thread()
    if here is not threading.main_thread():
        yield _Interrupt(here)
        return

    def leave(*_: object) -> None:
        raise _Interrupted

    before = signal.signal(signal.SIGUSR1, leave)
    try:
        yield _Interrupt(here)
    finally:
        signal.signal(signal.SIGUSR1, before)


def _seen(data: bytes, tag: str | None) -> _Seen:
    try:
        stated = json.loads(data)
        return _Seen(Owner(**stated["owner"]), int(stated["beat"]), tag)
    except (ValueError, TypeError, KeyError):
        return _Seen(Owner("", "an unknown host", 0), 0, tag)
