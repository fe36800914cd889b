"""MPEG audio without a length in its first frame (Xing, Info, VBRI): what libsndfile would cut short.

It guesses the length from the first frame's bit rate and delivers no sample beyond, however many there are; of
variable bit rates that may be less than a third of the recording.
"""

from __future__ import annotations

import os
from typing import Any

from lstdata.audio.files import Bytes

_ID3_HEADER = 10
_FIRST_FRAME = 4_096
"""Bytes in which the first frame lies, after an ID3v2 tag: at most 2,881 long, with some padding before it."""

_ID3V1 = 128
"""Bytes at a file's end that the decoder must be able to read, for it looks for a tag there: zeros, then."""

EXCESS = 64
"""How many times longer a file is said to be: more than the highest bit rate (320 kbit/s) over the lowest (8)."""


class Endless:
    """Bytes that say to be `EXCESS` times as many; reading still ends where they end."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._length = EXCESS * data.length

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._data.seek(self._length + offset)
        return self._data.seek(offset, whence)

    def tell(self) -> int:
        return self._data.tell()

    def readinto(self, buffer: Any) -> int:
        if self.tell() < self._length - _ID3V1:
            return self._data.readinto(buffer)
        count = min(len(buffer), self._length - self.tell())
        buffer[:count] = bytes(count)
        self._data.seek(count, os.SEEK_CUR)
        return count


def hides_length(data: Bytes) -> bool:
    """Whether this is MPEG audio whose first frame does not say how many there are."""
    head = data.peek(0, _ID3_HEADER)
    tag = 0
    if head[:3] == b"ID3" and len(head) == _ID3_HEADER:
        tag = _ID3_HEADER + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    elif not _is_sync(head):
        return False
    first = data.peek(tag, _FIRST_FRAME)
    return not any(name in first for name in (b"Xing", b"Info", b"VBRI"))


def _is_sync(head: bytes) -> bool:
    """The eleven bits that a frame begins with, and a layer that is none of AAC's."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0
