"""Files: reading through fsspec, and the one way anything is committed: temporary name, fsync, rename."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

TEMPORARY = ".tmp-"
"""Part of every temporary name; such files are never read and may be deleted when no build runs."""


def is_url(path: str) -> bool:
    return "://" in path


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
def committing(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final`; on success it is fsynced and renamed, on failure removed.

    A reader never sees a partial file, and two writers of the same bytes cannot disturb one another.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f"{final.name}{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, final)
        _sync_folder(final.parent)
    finally:
        temporary.unlink(missing_ok=True)


def commit_bytes(final: Path, data: bytes) -> None:
    with committing(final) as temporary:
        temporary.write_bytes(data)


def commit_json(final: Path, value: Any) -> None:
    """Sorted keys, one trailing newline: equal values give equal bytes."""
    commit_bytes(final, (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def remove_temporaries(folder: Path) -> int:
    """Delete what killed writers left; call it only while holding the build's lock."""
    leftovers = [p for p in folder.rglob(f"*{TEMPORARY}*") if p.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
