"""Where files of word times lie: a folder searched recursively, or one file, on this machine or behind a URL."""

from __future__ import annotations

import codecs
import hashlib
import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from lstdata.align.files.entries import bad_file
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.objects import is_object, walked
from lstdata.sources.encoding import open_bytes
from lstdata.storage import is_url

MOST_BYTES = 1 << 26
"""Of what is read for one record: some ten hours of words in the wordiest format."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20

_hashes: dict[tuple[str, int, int], bytes] = {}
"""sha256 by (path, size, mtime_ns): asking for a fingerprint again in this process reads what has changed."""


class Place(NamedTuple):
    """The files that there are, by their names relative to `root` and in order; hidden ones left out."""

    root: str
    names: list[str]
    escaping: frozenset[str]
    """Those that are links out of the folder: named, but never followed."""


def place_at(path: str) -> Place:
    """Raises ConfigError where there is nothing, Unavailable where it cannot be listed."""
    if is_url(path):
        return _remote_place(path.rstrip("/"))
    path = os.path.abspath(path)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise ConfigError(f"`words.files` must be a folder or a file, but `{path}` does not exist.") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"`{path}` cannot be read: {error}.") from error
    if stat.S_ISREG(mode):
        folder, name = os.path.split(path)
        return Place(folder, [name], frozenset())
    if not stat.S_ISDIR(mode):
        raise ConfigError(f"`words.files` must be a folder or a file, but `{path}` is neither.")
    return _local_place(path)


def _local_place(root: str) -> Place:
    names: list[str] = []
    escaping: set[str] = set()
    top = os.path.realpath(root)
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                for entry in entries:
                    name = posixpath.join(folder, entry.name)
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(name)
                    elif entry.is_symlink() and os.path.commonpath([top, os.path.realpath(entry.path)]) != top:
                        names.append(name)
                        escaping.add(name)
                    elif _is_regular(entry):
                        names.append(name)
        except OSError as error:
            raise Unavailable(f"`{os.path.join(root, folder)}` cannot be listed: {error.strerror}.") from error
    return Place(root, sorted(names), frozenset(escaping))


def _is_regular(entry: os.DirEntry[str]) -> bool:
    """A link to a folder is not: inside the root its target is met anyway."""
    try:
        return entry.is_file()
    except OSError:  # a link in a circle leads nowhere
        return False


def _remote_place(url: str) -> Place:
    if is_object(url):
        root, name = url.rsplit("/", 1)
        return Place(root, [name], frozenset())
    names = [posixpath.join(folder, e.name) for folder, entries in walked(url) for e in entries if not e.is_folder]
    if not names:
        raise ConfigError(f"`words.files` must be a folder or a file, but `{url}` holds nothing.")
    return Place(url, sorted(names), frozenset())


@contextmanager
def opened(root: str, name: str) -> Iterator[IO[bytes]]:
    """A file, for reading. Rejected `bad_word_file` where it is gone, Unavailable where it cannot be read."""
    path = f"{root}/{name}" if is_url(root) else os.path.join(root, name)
    try:
        file = open_bytes(path)
    except ConfigError as error:
        raise bad_file(name, "", "the file is not there any more, or is no regular one") from error
    try:
        with file:
            yield file
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error


@contextmanager
def here() -> Iterator[None]:
    """A file that is gone is the world's fault where none of its records is asked for."""
    try:
        yield
    except Rejected as error:
        raise Unavailable(error.detail) from error


def read_bytes(root: str, name: str, start: int = 0, end: int | None = None) -> bytes:
    """A file, or bytes [start, end) of it. Raises as `opened`, and Rejected where they are more than MOST_BYTES."""
    with opened(root, name) as file:
        file.seek(start)
        data = file.read(min(MOST_BYTES + 1, MOST_BYTES + 1 if end is None else end - start))
    if len(data) > MOST_BYTES:
        raise bad_file(name, "", f"a record's word times must take at most {MOST_BYTES} bytes, but these take more")
    return data


def decoded(data: bytes, name: str, first_line: int = 1) -> str:
    """UTF-8, or UTF-16 with a byte order mark or without. Raises Rejected `bad_word_file`."""
    encoding = next((encoding for bom, encoding in _MARKS if data.startswith(bom)), "utf-8")
    if encoding == "utf-8" and 0 in data[:2]:
        encoding = "utf-16-be" if data[0] == 0 else "utf-16-le"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = first_line + data[: error.start].count(b"\n")
        hint = " (if it is Latin-1: `iconv -f latin1 -t utf-8`)" if encoding.startswith("utf-8") else ""
        rule = f"the text must be {encoding.upper()}, but byte 0x{data[error.start]:02X} is not{hint}"
        raise bad_file(name, f"line {line}", rule) from error


def content_hash(root: str, name: str) -> bytes:
    """A file's sha256, from memory where its size and time are those it had. Raises Unavailable."""
    key = None if is_url(root) else _identity(os.path.join(root, name))
    if key is not None and key in _hashes:
        return _hashes[key]
    digest = hashlib.sha256()
    with here(), opened(root, name) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if key is not None:
        _hashes[key] = digest.digest()
    return digest.digest()


def _identity(path: str) -> tuple[str, int, int] | None:
    try:
        known: Any = os.stat(path)
    except OSError:
        return None
    return path, known.st_size, known.st_mtime_ns
