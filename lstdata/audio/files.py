"""The bytes of one recording: a file, a stretch of a file that holds many, or what a table's cell holds."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Hashable
from dataclasses import dataclass
from typing import IO, Any

from lstdata.errors import ConfigError, LstDataError, Rejected, Unavailable
from lstdata.storage import is_url, open_binary, place, version

_STREAM_BYTES = 0x7FFFF000
"""RIFF sizes from here on, and 0, are what writers put that cannot go back: they say nothing."""

_RIFF_HEADER = 8
"""Bytes before those that a RIFF header counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes are: those of the file at `path` in [offset, offset + size), or `content` itself.

    Without a size they go on to the end of the file, or as far as a RIFF header says.
    """

    path: str
    """With `content`, only its name in messages."""
    offset: int | None = None
    size: int | None = None
    content: bytes | None = None

    def __str__(self) -> str:
        """The file as messages name it."""
        return f"`{self.path}`" if self.offset is None else f"`{self.path}` at byte {self.offset}"


class MissingFile(Rejected):
    """`missing_audio`: nothing is at a path. Final where a source is scanned; what a plan names may come back."""

    def __init__(self, path: str) -> None:
        super().__init__("missing_audio", f"there is no file `{path}`.")
        self.path = path

    def __reduce__(self) -> tuple[type[MissingFile], tuple[str]]:  # type: ignore[override]
        return (MissingFile, (self.path,))


class Bytes:
    """An open stretch of a file as libsndfile wants it; read errors, which it takes for the end, are kept."""

    def __init__(self, place: Place) -> None:
        """Raises MissingFile, Rejected `missing_audio` or `undecodable` for what is no file, else Unavailable."""
        self.place = place
        self._file = _binary(place)
        self._error: Exception | None = None
        self._position = 0
        self._first = place.offset or 0
        try:
            self.length = self._measured(self._file.seek(0, os.SEEK_END))
            self._file.seek(self._first)
        except BaseException as error:
            self._file.close()
            if isinstance(error, LstDataError) or not isinstance(error, Exception):
                raise
            raise self._unreadable(error) from error

    def version(self) -> Hashable:
        """Changes when the file's bytes do; None where nobody knows."""
        try:
            if is_url(self.place.path):
                return version(place(self.place.path))
            return _stat_version(os.fstat(self._file.fileno()))
        except Exception:
            return None

    def check(self) -> None:
        """Raises Unavailable where any read has failed."""
        if self._error is not None:
            raise self._unreadable(self._error) from self._error

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset` on; the position is then 0. Raises Unavailable where reading fails."""
        buffer = bytearray(max(0, min(size, self.length - offset)))
        self.seek(offset)
        read = self.readinto(buffer)
        self.seek(0)
        self.check()
        return bytes(buffer[:read])

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self.length - self._position)
        try:
            data = self._file.read(wanted) if wanted > 0 else b""
        except Exception as error:
            self._error = error
            return 0
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        try:
            self._file.seek(self._first + max(0, base + offset))
        except Exception as error:
            self._error = error
            return -1
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._file.close()

    def _measured(self, end: int) -> int:
        """How many bytes are the recording's, of a file of `end` bytes."""
        place, path = self.place, self.place.path
        if place.offset is None and place.size is None:
            return end
        if not 0 <= self._first < end:
            raise Rejected("missing_audio", f"`{path}` has {end} bytes: there is no audio at byte {self._first}.")
        if place.size is None:
            return min(end - self._first, self._said_by_riff() or end)
        if place.size < 0 or self._first + place.size > end:
            detail = f"`{path}` has {end} bytes, but the audio at byte {self._first} should be {place.size} bytes long"
            raise Rejected("undecodable", f"{detail}.")
        return place.size

    def _said_by_riff(self) -> int | None:
        self._file.seek(self._first)
        head = self._file.read(_RIFF_HEADER)
        if head[:4] not in (b"RIFF", b"RIFX") or len(head) < _RIFF_HEADER:
            return None
        size = int.from_bytes(head[4:], "little" if head[:4] == b"RIFF" else "big")
        return size + _RIFF_HEADER if 0 < size < _STREAM_BYTES else None

    def _unreadable(self, error: Exception) -> Unavailable:
        return Unavailable(f"{self.place} could not be read: {one_line(error)}.")


def current_version(path: str) -> Hashable:
    """What `Bytes.version` would say of the file at `path` if it were opened now."""
    try:
        return version(place(path)) if is_url(path) else _stat_version(os.stat(path))
    except Exception:
        return None


def _stat_version(status: os.stat_result) -> Hashable:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _binary(place: Place) -> IO[bytes]:
    if place.content is not None:
        return io.BytesIO(place.content)
    path = place.path
    try:
        if not is_url(path) and not stat.S_ISREG(os.stat(path).st_mode):
            raise Rejected("undecodable", f"`{path}` is not a regular file.")
        return open_binary(path)
    except ConfigError as error:
        raise Rejected("missing_audio", f"there can be no file `{path}`: {error}") from error
    except (LstDataError, MemoryError):
        raise
    except Exception as error:
        raise _unopened(path, error) from error


def _unopened(path: str, error: Exception) -> LstDataError:
    gone = isinstance(error, FileNotFoundError) if is_url(path) else is_missing(path)
    return MissingFile(path) if gone else Unavailable(f"`{path}` cannot be reached: {one_line(error)}.")


def is_missing(path: str, root: str | None = None) -> bool:
    """Whether nothing is at a local path, although what would hold it is there: its folder, or with `root` that.

    A folder between `root` and the file may be missing too, but not be a link whose target is: that may be on a disk
    that is not mounted. False where the file is there, or where nobody can say.
    """
    try:
        os.stat(path)
    except ValueError:
        return True
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
            return True
        if error.errno != errno.ENOENT:
            return False
    else:
        return False
    folder = os.path.dirname(path)
    top = folder if root is None else root
    return os.path.isdir(top or ".") and not _passes_broken_link(folder, top)


def _passes_broken_link(folder: str, top: str) -> bool:
    """Whether a folder below `top` that leads to `folder`, or that itself, is a link to nowhere."""
    while len(folder) > len(top):
        if os.path.islink(folder) and not os.path.exists(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def one_line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
