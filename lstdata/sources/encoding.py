"""Text files as people have them: UTF-8, or UTF-16 and UTF-32 with a byte order mark; any line ending; perhaps gzip."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from lstdata.errors import ConfigError, DamagedSource, LstDataError, Rejected, Unavailable
from lstdata.storage import is_url, open_binary

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_UNDECODED = re.compile(r"[\x00\ufffd\udc80-\udcff]")
"""What is left where bytes were no UTF-8 (lone surrogates), no UTF-16 (U+FFFD), or UTF-16 without a mark (NUL)."""


@contextmanager
def open_text(path: str) -> Iterator[IO[str]]:
    """Open text, its line endings kept; bytes that cannot be decoded are left for `check_decoded` to find.

    So one bad line costs one record, not the file. Raises Unavailable where the file cannot be read,
    DamagedSource where its compression is damaged.
    """
    try:
        with _decompressed(path) as data:
            mark = data.peek(4)[:4]
            encoding = next((name for bom, name in _MARKS if mark.startswith(bom)), "utf-8")
            errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
            with io.TextIOWrapper(data, encoding=encoding, errors=errors, newline="") as text:
                yield text
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedSource(f"`{path}` is damaged: its compressed data end early or do not match.") from error
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error


def open_bytes(path: str) -> IO[bytes]:
    """Open a manifest or table; of a URL, whatever fails, also while reading, is Unavailable.

    Raises ConfigError where it is missing, or no regular file: a pipe might be waited for without end.
    """
    try:
        if not is_url(path) and stat.S_IFMT(os.stat(path).st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise ConfigError(f"`{path}` is not a regular file.")
        return open_binary(path)
    except LstDataError:
        raise
    except FileNotFoundError as error:
        raise ConfigError(f"`{path}` does not exist.") from error
    except Exception as error:
        raise Unavailable(f"`{path}` cannot be reached: {' '.join(str(error).split())}.") from error


def check_decoded(text: str, name: str, line: int) -> str:
    """`text` as it is; raises Rejected `bad_encoding` where it holds what `open_text` could not decode.

    `name` is the file's below its source's root: a verdict is the same wherever the corpus lies.
    """
    found = _UNDECODED.search(text)
    if found is None:
        return text
    character = found[0]
    what = "U+FFFD, the mark of text that was decoded wrongly"
    if character == "\x00":
        what = "a NUL byte, as in UTF-16 without a byte order mark"
    elif character != "\ufffd":
        what = (
            f"byte 0x{ord(character) - 0xDC00:02X}, which is not UTF-8 (if it is Latin-1: `iconv -f latin1 -t utf-8`)"
        )
    raise Rejected("bad_encoding", f"line {line} of `{name}` has, as its character {found.start() + 1}, {what}.")


@contextmanager
def _decompressed(path: str) -> Iterator[io.BufferedReader[Any]]:
    with io.BufferedReader(cast("io.RawIOBase", open_bytes(path))) as plain:
        if plain.peek(2)[:2] != b"\x1f\x8b":
            yield plain
        else:
            with gzip.GzipFile(fileobj=plain) as packed, io.BufferedReader(cast("io.RawIOBase", packed)) as data:
                yield data


def json_lines(path: str) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
    """Each line that is not blank as (line number from 1, JSON object), or as the verdict on a line that is none."""
    name = os.path.basename(path)
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _json_object(line, name, number)


def _json_object(line: str, name: str, number: int) -> dict[str, Any] | Rejected:
    try:
        value = json.loads(check_decoded(line, name, number))
    except Rejected as error:
        return error
    except (ValueError, RecursionError) as error:
        return Rejected("bad_row", f"this is not JSON: {error}.")
    return value if isinstance(value, dict) else Rejected("bad_row", "this is JSON, but not an object.")
