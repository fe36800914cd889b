"""A shard's tar against the one that its names and contents make: the bytes that no decoder looks at."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Final

from lstdata.tar_members import iter_members

_BLOCK: Final = tarfile.BLOCKSIZE


def stretch_mistakes(stretch: bytes) -> Iterator[str]:
    """What in the members of one sample is not as `shards.write_members` writes it: headers and padding."""
    for key, extension, start, end, content in iter_members(stretch, "", trusted=True):
        member = tarfile.TarInfo(f"{key}.{extension}")
        member.size = len(content)
        if stretch[start : start + _BLOCK] != member.tobuf(tarfile.USTAR_FORMAT):
            yield f"the tar header of `{member.name}` is not the one that a build writes."
        if stretch[start + _BLOCK + len(content) : end].strip(b"\0"):
            yield f"there is something between `{member.name}` and the next member."


def closed_size(end: int) -> int:
    """Bytes of a tar whose last member ends there: two blocks close it, and records are whole."""
    return -(-(end + 2 * _BLOCK) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def is_closed(data: bytes, end: int) -> bool:
    """Whether nothing but its closing blocks follows the last member, which ends there."""
    return len(data) == closed_size(end) and not data[end:].strip(b"\0")
