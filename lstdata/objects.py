"""Objects behind URLs: their file systems, and requests that are tried again.

Whatever a file system's library raises ends here: a fault of the world becomes Unavailable, an answer (there is no
such object) stays FileNotFoundError.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from lstdata.errors import ConfigError, LstDataError, MissingExtra, Unavailable
from lstdata.redaction import has_password

if TYPE_CHECKING:
    from upath import UPath

TRIES: Final = 4
"""Of a request that fails for what the world does, beside those that a file system makes itself."""

_BLOCK: Final = 1 << 20
"""Bytes that are asked for at least, in one request."""

_S3: Final = {"connect_timeout": 10, "read_timeout": 20, "retries": {"mode": "standard", "total_max_attempts": 4}}
"""How botocore asks unless fsspec's configuration says otherwise: a store that hangs is given up within minutes."""

PATIENCE = 60.0
"""Seconds that a put may take, beside those that its bytes need: aiohttp itself waits for a go-ahead without end."""

_SLOWEST: Final = 1 << 20
"""Bytes a second."""

_BUCKETS: Final = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "r2")
"""Protocols of which the first part of a path must be there for anything below it to be missing."""

_EXTRAS: Final = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs")}
"""By protocol, the package that is needed and the extra that brings it."""

T = TypeVar("T")


class Entry(NamedTuple):
    """What is directly in a folder."""

    name: str
    is_folder: bool
    size: int
    """Bytes; 0 of a folder."""


def is_url(path: str) -> bool:
    return "://" in path


def refuse_password(url: str) -> None:
    """ConfigError for a URL that would carry a password into whatever names it."""
    if has_password(url):
        raise ConfigError(f"`{url}` must not hold a password: give it by the environment or by fsspec's configuration.")


def options_for(url: str) -> dict[str, Any]:
    """What a URL's file system is made with: finite waits, and no listing that is kept while others write."""
    protocol = url.partition("://")[0]
    if protocol not in ("s3", "s3a"):
        return {}
    from fsspec.config import conf

    given = conf.get(protocol, {}).get("config_kwargs", {})
    return {"config_kwargs": {**_S3, **given}, "use_listings_cache": False}


def file_system(path: str | UPath) -> tuple[Any, str]:
    """(fsspec's file system, the path in it). ConfigError for a URL that none is known for, or with a password."""
    import fsspec

    url = str(path)
    refuse_password(url)
    try:
        files, inside = fsspec.core.url_to_fs(url, **options_for(url))
    except ImportError as error:
        protocol = url.partition("://")[0]
        package, extra = _EXTRAS.get(protocol, (None, None))
        if package is None or extra is None:
            raise ConfigError(f"`{url}` cannot be opened: {one_line(error)}.") from error
        raise MissingExtra(f"`{protocol}://`", package, extra) from error
    except ValueError as error:
        raise ConfigError(f"`{url}` cannot be opened: {one_line(error)}.") from error
    if "config_kwargs" in options_for(url):
        files.retries = 1  # botocore tries again, and so do we: a third layer would multiply the waits
    return files, inside


def reaching(path: str | UPath, work: Callable[[Any, str], T]) -> T:
    """What `work` gives for (file system, path in it), tried again after faults; Unavailable where it goes on failing.

    An answer is raised as it is: that there is no such file, or one already. That not even the bucket is there is none.
    """
    files, inside = file_system(path)
    try:
        return _tried(path, lambda: work(files, inside))
    except FileNotFoundError:
        _require_bucket(path, files, inside.partition("/")[0])
        raise


def put_options(files: Any, size: int) -> dict[str, float]:
    """For a put of `size` bytes: when it is given up, where a file system can do that."""
    return {"timeout": PATIENCE + size / _SLOWEST} if getattr(files, "async_impl", False) else {}


def open_object(path: str | UPath) -> IO[bytes]:
    """An object, to be read from anywhere; reading raises nothing but Unavailable. Raises FileNotFoundError."""
    file = reaching(path, lambda files, inside: files.open(inside, "rb", block_size=_BLOCK))
    return cast("IO[bytes]", io.BufferedReader(_Object(file, path), _BLOCK))


def listed(folder: str | UPath) -> list[Entry]:
    """What is directly in a folder, by name; nothing where there is none. One request for each thousand."""
    try:
        found = reaching(folder, lambda files, inside: (inside.rstrip("/"), files.ls(inside, detail=True)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    inside, items = found
    entries = [
        Entry(os.path.basename(str(item["name"]).rstrip("/")), item["type"] == "directory", item.get("size") or 0)
        for item in items
        if str(item["name"]).rstrip("/") != inside
    ]
    return sorted(entry for entry in entries if entry.name)


def is_object(path: str | UPath) -> bool:
    return reaching(path, lambda files, inside: bool(_kind(files, inside) == "file"))


def is_there(path: str | UPath) -> bool:
    """An object, or a folder with one below it."""
    return reaching(path, lambda files, inside: _kind(files, inside) is not None)


def _kind(files: Any, inside: str) -> str | None:
    try:
        return str(files.info(inside)["type"])
    except FileNotFoundError:
        return None


def walked(folder: str | UPath) -> Iterator[tuple[str, list[Entry]]]:
    """Each folder below one (relative, `` for itself), before those in it and in order, with what is directly in it.

    Hidden names are left out.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        entries = [e for e in listed(os.path.join(str(folder), below)) if not e.name.startswith(".")]
        yield below, entries
        pending += [os.path.join(below, entry.name) for entry in reversed(entries) if entry.is_folder]


def one_line(error: object) -> str:
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__


class _Object(io.RawIOBase):
    """A file of a file system, from which what was asked for comes or Unavailable, and no less."""

    def __init__(self, file: Any, path: str | UPath) -> None:
        self._file, self._path = file, path
        size = getattr(file, "size", None)
        self._size = size if isinstance(size, int) else None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        position, wanted = self._file.tell(), len(buffer)
        if self._size is not None:
            wanted = max(0, min(wanted, self._size - position))

        def read(*_: Any) -> bytes:
            if self._file.tell() != position:
                self._file.seek(position)
            data = bytes(self._file.read(wanted))
            if self._size is not None and len(data) < wanted:
                raise OSError(f"only {len(data)} of {wanted} bytes came")
            return data

        try:
            data = reaching(self._path, read) if wanted else b""
        except FileNotFoundError as error:
            raise Unavailable(f"`{self._path}` is gone while it is read.") from error
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def _tried(path: str | UPath, work: Callable[[], T]) -> T:
    for attempt in range(TRIES):
        try:
            return work()
        except (LstDataError, FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError):
            raise
        except Exception as error:
            fault = error
        if not _may_pass(fault):
            break
        if attempt < TRIES - 1:
            time.sleep(0.25 * 2**attempt)
    raise Unavailable(f"`{path}` cannot be reached: {one_line(fault)}.") from fault


def _may_pass(fault: Exception) -> bool:
    """Whether trying again can help: it cannot where one may not, or has nothing to show who one is."""
    return not isinstance(fault, PermissionError) and "Credentials" not in type(fault).__name__


def _require_bucket(path: str | UPath, files: Any, bucket: str) -> None:
    """Raises Unavailable where not even the bucket is there, or nobody can say: nothing is then known of the object.

    A bucket of which nothing may be known is there: its objects may be readable all the same.
    """
    if str(path).partition("://")[0] not in _BUCKETS or not bucket:
        return
    try:
        _tried(path, lambda: files.info(bucket))
    except FileNotFoundError as error:
        raise Unavailable(f"`{path}` cannot be reached: there is no bucket `{bucket}`.") from error
    except Unavailable as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
