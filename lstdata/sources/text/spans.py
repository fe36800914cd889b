"""Files of text as bytes, perhaps compressed: lines, paragraphs and whole files with the places where they begin.

Places are counted in what is compressed, not in the compressed bytes. A compressed file is read from its start and
always in the same pieces, so that a damaged one gives the same documents whenever it is read.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Final, cast

from lstdata.errors import DamagedSource, LstDataError, Rejected, Unavailable
from lstdata.sources.encoding import open_bytes

MOST_BYTES: Final = 64 << 20
"""Of a document. What is longer is rejected: it is most often no document, but a file that lacks its line ends."""

_GZIP, _ZSTD, _MARK = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
_FIRST, _PIECE = 64 << 10, 1 << 20
"""Bytes that are read at first, where few may be wanted, and those that are read later."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a file, without the ends of its lines or a byte order mark; or why it is none."""

    offset: int
    size: int
    """Bytes in the file."""
    data: bytes | Rejected
    number: int
    """From 1, where the file was read from its start."""


def whole(path: str) -> Iterator[Span]:
    """All of a file as one."""
    held, size = bytearray(), 0
    for _, piece in _pieces(path, 0):
        size += len(piece)
        if size <= MOST_BYTES:
            held += piece
    yield Span(0, size, _unmarked(bytes(held)) if size <= MOST_BYTES else too_long(size), 1)


def lines(path: str, start: int = 0) -> Iterator[Span]:
    """The lines from a place on at which one begins."""
    held, begin, number, skipped = b"", start, 0, 0
    for _, piece in _pieces(path, start):
        *ended, rest = piece.split(b"\n")
        for part in ended:
            number += 1
            size = skipped + len(held) + len(part) + 1
            yield _line(begin, size, held + part, number, skipped)
            begin, held, skipped = begin + size, b"", 0
        held += rest
        if len(held) > MOST_BYTES + 2:
            held, skipped = b"", skipped + len(held)
    if held or skipped:
        yield _line(begin, skipped + len(held), held, number + 1, skipped)


def paragraphs(path: str, start: int = 0) -> Iterator[Span]:
    """Stretches of lines that are not blank, from a place on at which one begins."""
    number, group = 0, list[Span]()
    size = 0
    for line in lines(path, start):
        if not isinstance(line.data, Rejected) and not line.data.strip():
            if group:
                number += 1
                yield _paragraph(group, size, number)
            group, size = [], 0
            continue
        size += line.size
        if size <= MOST_BYTES or not group:
            group.append(line)
    if group:
        yield _paragraph(group, size, number + 1)


def _line(begin: int, size: int, data: bytes, number: int, skipped: int) -> Span:
    if skipped or len(data) > MOST_BYTES:
        return Span(begin, size, too_long(size), number)
    return Span(begin, size, (_unmarked(data) if begin == 0 else data).removesuffix(b"\r"), number)


def _paragraph(group: list[Span], size: int, number: int) -> Span:
    first = group[0]
    if size > MOST_BYTES:
        return Span(first.offset, size, too_long(size), number)
    data = b"\n".join(line.data for line in group if isinstance(line.data, bytes))
    return Span(first.offset, size, data, number)


def too_long(size: int) -> Rejected:
    return Rejected("too_long", f"it has {size:,} bytes, but a document may have {MOST_BYTES:,}.")


def _unmarked(data: bytes) -> bytes:
    return data.removeprefix(_MARK)


def _pieces(path: str, start: int) -> Iterator[tuple[int, bytes]]:
    """(place, content) from a place on, a piece at a time.

    Raises DamagedSource where it is damaged, Unavailable where it cannot be reached.
    """
    with _whose_fault(path), _unpacked(path) as (file, is_packed):
        place = 0 if is_packed else start
        if not is_packed:
            file.seek(start)
        size = _FIRST
        while piece := file.read(size):
            if place + len(piece) > start:
                yield max(place, start), piece[max(0, start - place) :]
            place, size = place + len(piece), min(_PIECE, 2 * size)


@contextmanager
def _unpacked(path: str) -> Iterator[tuple[IO[bytes], bool]]:
    """What a file holds, by what it begins with, and whether it was compressed."""
    with io.BufferedReader(cast("io.RawIOBase", open_bytes(path)), _PIECE) as plain:
        begins = plain.peek(4)[:4]
        if begins.startswith(_GZIP):
            with gzip.GzipFile(fileobj=plain) as packed:
                yield cast("IO[bytes]", _Whole(packed)), True
        elif begins == _ZSTD:
            import pyarrow as pa

            with pa.CompressedInputStream(pa.PythonFile(plain, "r"), "zstd") as packed:
                yield packed, True
        else:
            yield plain, False


class _Whole:
    """A gzip file whose bytes before a damage are delivered: `GzipFile.read` would lose some of them."""

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def read(self, size: int) -> bytes:
        return self._packed.read1(size)


@contextmanager
def _whose_fault(path: str) -> Iterator[None]:
    """Damage is the file's; whatever else reading raises is the world's."""
    try:
        yield
    except (LstDataError, MemoryError):
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedSource(f"`{path}` is damaged: its compressed data end early or do not match.") from error
    except OSError as error:
        if type(error) is OSError and error.errno is None:
            why = " ".join(str(error).split()).rstrip(".")
            raise DamagedSource(f"`{path}` is damaged: {why}.") from error
        raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error
