"""Files, here and on object stores: reading, and the one way anything is committed.

A local file is committed by a temporary name, fsync and rename; an object by one put, read back and compared.
Either way a reader sees all of it or nothing, and two writers of the same bytes cannot disturb one another.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard, TypeVar, cast

from lstdata.errors import LstDataError, Unavailable

if TYPE_CHECKING:
    import pyarrow.parquet as pq
    from upath import UPath

    AnyPath: TypeAlias = UPath | Path
    """`UPath` where it may be an object; pathlib's own are local."""

TEMPORARY = ".tmp-"
"""Part of every temporary name; such files are never read and may be deleted when no build runs."""

TRIES = 5
"""Of a request to an object store that fails for what the world does, with a pause that doubles between them."""

T = TypeVar("T")


def is_url(path: str) -> bool:
    return "://" in path


def place(path: str | AnyPath) -> UPath:
    """A file or folder by its path or fsspec URL; local ones become absolute, as workers may run in another folder."""
    from upath import UPath

    text = str(path).removeprefix("file://")
    return UPath(text, use_listings_cache=False) if is_url(text) else UPath(os.path.abspath(text))


def is_local(path: AnyPath) -> TypeGuard[Path]:
    return isinstance(path, Path)


def open_binary(path: str) -> IO[bytes]:
    """Open a local path or an fsspec URL for reading."""
    if not is_url(path):
        return open(path, "rb")
    import fsspec

    return cast("IO[bytes]", fsspec.open(path, "rb").open())


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
        _put(final, temporary.read_bytes())


def commit_bytes(final: AnyPath, data: bytes) -> None:
    if not isinstance(final, Path):
        _put(final, data)
        return
    with _renaming(final) as temporary:
        temporary.write_bytes(data)


def commit_json(final: AnyPath, value: Any) -> None:
    """Sorted keys, one trailing newline: equal values give equal bytes."""
    commit_bytes(final, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_bytes(path: AnyPath) -> bytes:
    """Raises FileNotFoundError, and for objects Unavailable."""
    if isinstance(path, Path):
        return path.read_bytes()
    return reaching(path, lambda: cast("bytes", path.fs.cat_file(path.path)))


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
    opened = reaching(path, lambda: path.fs.open(path.path, "rb", cache_type="readahead"))
    with opened, pq.ParquetFile(opened, metadata=metadata) as file:
        yield file


def exists(path: AnyPath) -> bool:
    """Raises Unavailable where an object store does not say."""
    return path.exists() if isinstance(path, Path) else reaching(path, lambda: bool(path.fs.exists(path.path)))


def remove(path: AnyPath) -> None:
    """A file, whether it is there or not."""
    if isinstance(path, Path):
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError):
        reaching(path, lambda: path.fs.rm_file(path.path))


def remove_folder(path: AnyPath) -> None:
    """All below it."""
    if isinstance(path, Path):
        shutil.rmtree(path, ignore_errors=False)
        return
    reaching(path, lambda: path.fs.rm(path.path, recursive=True))


def sizes_in(folder: AnyPath) -> dict[str, int]:
    """Bytes by name of the files directly in a folder, with one listing; none where there is no such folder."""
    if isinstance(folder, Path):
        try:
            with os.scandir(folder) as entries:
                return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
        except FileNotFoundError:
            return {}
    try:
        listed = reaching(folder, lambda: folder.fs.ls(folder.path, detail=True))
    except FileNotFoundError:
        return {}
    return {item["name"].rsplit("/", 1)[-1]: item["size"] for item in listed if item["type"] == "file"}


def sha256_file(path: AnyPath) -> str:
    if isinstance(path, Path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return sha256_bytes(read_bytes(path))


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


def reaching(path: UPath, work: Callable[[], T]) -> T:
    """What `work`, a request about an object, gives, tried again after faults; Unavailable where it goes on failing.

    FileNotFoundError is an answer, and so is FileExistsError.
    """
    for attempt in range(TRIES):
        try:
            return work()
        except (FileNotFoundError, FileExistsError, LstDataError):
            raise
        except Exception as error:
            fault = error
        if attempt < TRIES - 1:
            time.sleep(0.2 * 2**attempt)
    raise Unavailable(f"`{path}` cannot be reached: {' '.join(str(fault).split())[:300]}") from fault


def _put(final: UPath, data: bytes) -> None:
    """One put, then the object is read back: what a store has taken damaged is put again."""

    def put() -> None:
        final.fs.pipe_file(final.path, data)
        if sha256_bytes(final.fs.cat_file(final.path)) != sha256_bytes(data):
            raise OSError("it does not hold what was put there")

    reaching(final, put)


@contextmanager
def _renaming(final: Path) -> Iterator[Path]:
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(final.with_name(f"{final.name}{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"))
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, final)
        _sync_folder(final.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
