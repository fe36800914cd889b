"""How far a verify is: one line for each shard that was checked, kept until the verify has come to its end.

A verify that was interrupted goes on from there. Another one of the same folder at the same time has a file of its own.
"""

from __future__ import annotations

import base64
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from upath import UPath

from lstdata.errors import ConfigError, CorruptShard
from lstdata.journal import Journal
from lstdata.randomness import digest
from lstdata.storage import is_local
from lstdata.verify.shard import Checked

_ABOUT: Final = ":about"
"""The key of the line that says what was checked, and how; no shard is called so."""

_FIRST: Final = b'{"key": "%s"' % _ABOUT.encode()
"""What every state begins with."""


class State:
    """The shards that were checked, on the disk: in memory is a name and a number for each."""

    def __init__(self, path: Path, about: str, *, fresh: bool) -> None:
        """What is there of another run folder, or of another way to look at it, is forgotten."""
        self._journal = _opened(path, about, fresh)

    def __len__(self) -> int:
        return len(self._journal) - 1

    def state_of(self, name: str) -> str:
        """The state in which a shard was checked; empty where it was not."""
        return str(self._journal.read(name)["state"]) if name in self._journal else ""

    def append(self, checked: Checked) -> None:
        self._journal.append(
            checked.name,
            {
                "state": checked.state,
                "problems": list(checked.problems),
                "index_problems": list(checked.index_problems),
                "sidecar": checked.sidecar,
                "hashes": base64.b64encode(checked.hashes).decode(),
            },
        )

    def read(self, name: str) -> Checked:
        value = self._journal.read(name)
        return Checked(**(value | {"name": name, "hashes": base64.b64decode(value["hashes"])}))

    def close(self) -> None:
        self._journal.close()


@contextmanager
def kept_state(
    out: UPath, about: str, given: Path | None, *, fresh: bool, note: Callable[[str], object]
) -> Iterator[State]:
    """The state of a verify of `out`: removed when the block ends well, kept when it does not.

    It lies in `given`, else in OUT/events if that can be written, else in the user's cache; where not even that can be
    written, or another verify has it, it is kept for this one alone.
    """
    with ExitStack() as open_files:
        path = _held(out, given, open_files, note)
        state = State(path, about, fresh=fresh)
        try:
            yield state
        except BaseException:
            state.close()
            raise
        state.close()
        path.unlink(missing_ok=True)


def _held(out: UPath, given: Path | None, open_files: ExitStack, note: Callable[[str], object]) -> Path:
    """A file that nobody else has."""
    for path in [given] if given is not None else _places(out):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file: IO[bytes] = open_files.enter_context(open(path, "a+b", opener=_no_link))  # noqa: SIM115 — by the stack
        except OSError as error:
            if given is not None:
                raise ConfigError(f"`--state {path}` cannot be written: {error.strerror}.") from error
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if given is not None:
                raise ConfigError(f"`--state {path}` is another verify's, which is under way.") from error
            note(f"`{out}` is being verified by another process too: this verify could not be resumed")
            break
        except OSError:  # a file system without locks
            pass
        if _is_of_another(file):
            if given is not None:
                raise ConfigError(f"`--state {path}` is no state of a verify: give another file, or one that is empty.")
            continue
        return path
    return Path(open_files.enter_context(tempfile.TemporaryDirectory(prefix="lstdata-"))) / "verify.state"


def _no_link(path: str, flags: int) -> int:
    """Opens what lies there, not what a link there leads to: all of it would be lost."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _is_of_another(file: IO[bytes]) -> bool:
    """Whether a file has a content that no verify began: its first line, whole or torn, is not `_ABOUT`'s."""
    file.seek(0)
    return not _FIRST.startswith(file.read(len(_FIRST)))


def _places(out: UPath) -> Iterator[Path]:
    if is_local(out) and (out / "events").is_dir():
        yield Path(out / "events" / "verify.state")
    with suppress(RuntimeError):  # nobody's home is known
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        yield Path(cache) / "lstdata" / f"verify-{digest(str(out)).hex()[:16]}.state"


def _opened(path: Path, about: str, fresh: bool) -> Journal:
    if not fresh:
        with suppress(CorruptShard):
            journal = Journal(path)
            if _ABOUT in journal and journal.read(_ABOUT) == {"about": about}:
                return journal
            journal.close()
    _empty(path)
    journal = Journal(path)
    journal.append(_ABOUT, {"about": about})
    return journal


def _empty(path: Path) -> None:
    """In place: the lock is on this very file."""
    with open(path, "wb"):
        pass


def about(**parts: Any) -> str:
    """Another text for another run folder, or another way to look at it."""
    return digest(*(f"{name}={value}" for name, value in sorted(parts.items()))).hex()
