"""Files, here and on object stores: reading, and the one way anything is committed.

A local file is committed by a temporary name, fsync and rename; an object by one put, read back and compared.
Either way a reader sees all of it or nothing, and two writers of the same bytes cannot disturb one another.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

from lstdata.errors import ConfigError, Unavailable
from lstdata.objects import is_there, listed, open_object, options_for, put_options, reaching, refuse_password
from lstdata.objects import is_url as is_url
from lstdata.redaction import redacted as redacted

if TYPE_CHECKING:
    import pyarrow.parquet as pq
    from upath import UPath

    AnyPath: TypeAlias = UPath | Path
    """`UPath` where it may be an object; pathlib's own are local."""

TEMPORARY = ".tmp-"
"""Part of every temporary name; such files are never read and may be deleted when no build runs."""

_TEMPORARY_NAME = re.compile(rf".+{re.escape(TEMPORARY)}\d+-[0-9a-f]{{8}}")


def place(path: str | AnyPath) -> UPath:
    """A file or folder by its path or fsspec URL; local ones become absolute, as workers may run in another folder."""
    from upath import UPath

    text = absolute(str(path))
    return cast("UPath", UPath(text, **options_for(text)))


def absolute(path: str) -> str:
    """A path made absolute, a URL as it is; `file://` is a path. ConfigError for a URL with a password."""
    path = path.removeprefix("file://")
    if not is_url(path):
        return os.path.abspath(path)
    refuse_password(path)
    return path


def is_local(path: AnyPath) -> TypeGuard[Path]:
    return isinstance(path, Path)


def require_local(out: AnyPath, what: str) -> None:
    """ConfigError where a folder is on an object store, to which nothing can be appended."""
    if not is_local(out):
        raise ConfigError(
            f"{what} keeps a journal that grows line by line: OUT must be a folder on this machine, but is `{out}`."
        )


def open_binary(path: str) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading. Raises OSError; of a URL FileNotFoundError or Unavailable."""
    return open_object(path) if is_url(path) else open(path, "rb")


def read_given(path: str, option: str, what: str) -> bytes:
    """The file, or what is at the URL, that an option names; ConfigError where it cannot be read."""
    try:
        with open_binary(path) as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"`{option}` must be a readable {what}, but `{path}`: {error}.") from error


def resolve(root: str, path: str) -> str:
    """A source's path made absolute: relative ones are under `root`. Escaping is the source's to forbid."""
    return path if is_url(path) or os.path.isabs(path) else os.path.join(root, path)


@contextmanager
def committing(final: AnyPath) -> Iterator[Path]:
    """Yield a temporary local path; on success it is what `final` holds, on failure removed.

    Raises Unavailable where an object store does not take it.
    """
    if isinstance(final, Path):
        with _renaming(final) as temporary:
            yield temporary
        return
    with tempfile.TemporaryDirectory(prefix="lstdata-") as folder:
        temporary = Path(folder) / final.name
        yield temporary
        size = temporary.stat().st_size

        def send(files: Any, inside: str) -> None:
            files.put_file(str(temporary), inside, **put_options(files, size))

        _put(final, sha256_file(temporary), send)


def commit_bytes(final: AnyPath, data: bytes) -> None:
    if not isinstance(final, Path):
        _put(final, sha256_bytes(data), lambda fs, path: fs.pipe_file(path, data, **put_options(fs, len(data))))
        return
    with _renaming(final) as temporary:
        temporary.write_bytes(data)


def commit_file(final: AnyPath, made: Path) -> None:
    """A local file that was made elsewhere is moved there."""
    with committing(final) as temporary:
        shutil.move(made, temporary)


def commit_json(final: AnyPath, value: Any) -> None:
    """Sorted keys, one trailing newline: equal values give equal bytes."""
    commit_bytes(final, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_bytes(path: AnyPath) -> bytes:
    """Raises FileNotFoundError, and for objects Unavailable."""
    if isinstance(path, Path):
        return path.read_bytes()
    with open_object(path) as file:
        return file.read()


def read_stretch(path: AnyPath, offset: int, size: int) -> bytes:
    """Bytes [offset, offset + size) of a file, fewer where it ends before. Raises as `read_bytes`; one request."""
    if isinstance(path, Path):
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)

    def cut(files: Any, inside: str) -> bytes:
        try:
            return bytes(files.cat_file(inside, start=offset, end=offset + size))
        except OSError as error:
            if error.errno == errno.EINVAL:  # it begins after the end
                return b""
            raise

    return reaching(path, cut)


def read_json(path: AnyPath) -> Any:
    return json.loads(read_bytes(path))


@contextmanager
def parquet_file(path: AnyPath, metadata: pq.FileMetaData | None = None) -> Iterator[pq.ParquetFile]:
    """A Parquet file to be read by row groups. Raises FileNotFoundError and pyarrow's ArrowException.

    With `metadata`, its own, the footer is not read again.
    """
    import pyarrow.parquet as pq

    if isinstance(path, Path):
        with pq.ParquetFile(path, metadata=metadata) as file:
            yield file
        return
    with open_object(path) as opened, pq.ParquetFile(opened, metadata=metadata) as file:
        yield file


def exists(path: AnyPath) -> bool:
    """Raises Unavailable where an object store does not say."""
    return path.exists() if isinstance(path, Path) else is_there(path)


def version(path: AnyPath) -> str:
    """Another one whenever the file is another. Raises FileNotFoundError."""
    if isinstance(path, Path):
        found = path.stat()
        return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"
    return reaching(path, lambda files, inside: str(files.ukey(inside)))


def remove(path: AnyPath) -> None:
    """A file, whether it is there or not."""
    if isinstance(path, Path):
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError):
        reaching(path, lambda files, inside: files.rm_file(inside))


def remove_folder(path: AnyPath) -> None:
    """All below it, whether there is anything or not."""
    if isinstance(path, Path):
        if path.is_dir():
            shutil.rmtree(path)
        return
    with suppress(FileNotFoundError):
        reaching(path, lambda files, inside: files.rm(inside, recursive=True))


def names_in(folder: AnyPath) -> list[str]:
    """The sorted names directly in a folder, of files and of folders; none where there is no such folder."""
    if isinstance(folder, Path):
        return sorted(os.listdir(folder)) if folder.is_dir() else []
    return [entry.name for entry in listed(folder)]


def sizes_in(folder: AnyPath) -> dict[str, int]:
    """Bytes by name of the files directly in a folder, with one listing; none where there is no such folder."""
    if isinstance(folder, Path):
        try:
            with os.scandir(folder) as entries:
                return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
        except FileNotFoundError:
            return {}
    return {entry.name: entry.size for entry in listed(folder) if not entry.is_folder}


def sha256_file(path: AnyPath) -> str:
    return sum_and_size(path)[0]


def sum_and_size(path: AnyPath) -> tuple[str, int]:
    """(sha256, bytes) of a file, read once. Raises as `read_bytes`."""
    with open(path, "rb") if isinstance(path, Path) else open_object(path) as file:
        sha256 = hashlib.file_digest(cast("Any", file), "sha256").hexdigest()
        return sha256, file.tell()


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def remove_temporaries(folder: AnyPath) -> int:
    """Delete what killed writers left; call it only while holding the build's lock. Object stores hold none."""
    if not isinstance(folder, Path):
        return 0
    leftovers = [p for p in folder.rglob(f"*{TEMPORARY}*") if p.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def _put(final: UPath, sha256: str, send: Callable[[Any, str], object]) -> None:
    """One put, then the object is read back: what a store has taken damaged is put again."""

    def put(files: Any, inside: str) -> None:
        send(files, inside)
        if sha256_file(final) != sha256:
            raise OSError("it does not hold what was put there")

    try:
        reaching(final, put)
    except FileNotFoundError as error:
        raise Unavailable(f"`{final}` cannot be written: what was put there is gone.") from error


@contextmanager
def _renaming(final: Path) -> Iterator[Path]:
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(final.with_name(f"{final.name}{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"))
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, final)
        sync_folder(final.parent)
    except OSError as error:  # pyarrow's say what is wrong, but not with which file
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(final)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def is_temporary(name: str) -> bool:
    """Whether a writer of ours gives such names, of its process and at random, to what it has not committed yet."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder down to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
