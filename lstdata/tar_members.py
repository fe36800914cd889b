"""The members of a tar in memory, found by their headers and checked by them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lstdata.errors import CorruptShard

_BLOCK = 512
_OCTAL = re.compile(rb"[0-7]{11}[\0 ]")


def iter_members(
    data: bytes | memoryview, path: str, start: int = 0, *, trusted: bool = False
) -> Iterator[tuple[str, str, int, int, bytes]]:
    """(key, extension, first byte, byte after, content) of a tar's members from `start` on; else CorruptShard.

    A `trusted` stretch ends with its last member, and its bytes are known to be those that were written.
    """
    offset, end = start, len(data)
    while offset + _BLOCK <= end:
        header = bytes(data[offset : offset + _BLOCK])
        if not header.strip(b"\0"):
            return
        name = header[:100].rstrip(b"\0").decode("ascii", "replace")
        if not trusted and (int.from_bytes(header[148:154], "big") == 0 or not _checksum_fits(header)):
            raise CorruptShard(f"`{path}`: the tar header at byte {offset} is damaged.")
        if not _OCTAL.fullmatch(header[124:136]):
            raise CorruptShard(f"`{path}`: the tar header at byte {offset} gives no size.")
        size = int(header[124:135], 8)
        content = bytes(data[offset + _BLOCK : offset + _BLOCK + size])
        if len(content) < size:
            raise CorruptShard(f"`{path}`: `{name}` ends early: {len(content)} of {size} bytes.")
        key, _, extension = name.partition(".")
        following = offset + _BLOCK + -(-size // _BLOCK) * _BLOCK
        yield key, extension, offset, following, content
        offset = following
    if trusted and offset == end:
        return
    raise CorruptShard(f"`{path}`: the tar ends at byte {end} without its closing blocks.")


def _checksum_fits(header: bytes) -> bool:
    try:
        stated = int(header[148:154], 8)
    except ValueError:
        return False
    return stated == sum(header[:148]) + 8 * 32 + sum(header[156:])
