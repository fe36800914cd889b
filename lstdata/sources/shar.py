"""lhotse's Shar: cuts in JSON lines, and beside them tars with their audio, in the same order.

After `to_shar` a cut starts at 0 of audio of its own; where someone has shortened it since, its start and duration are
counted in that audio. The manifest behind each member of the tar, not the cut's own, says what the audio is.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.sources.cut_audio import Member
from lstdata.sources.encoding import open_bytes

_BLOCK = 512
_MOST_MANIFEST = 1 << 20
"""Bytes of the manifest of one recording; more is none."""


@dataclass(frozen=True, slots=True)
class Archived:
    """The audio of one cut in a tar, and the manifest of its recording, a JSON object."""

    member: Member
    recording: bytes


class Archive:
    """The audio of a shard's cuts by their ids, from a tar that is read only as far as asked.

    What was passed on the way to another is kept, as two numbers and a manifest each: nothing where cuts and tar are in
    step. Of audio, nothing is read.
    """

    def __init__(self, path: str) -> None:
        self.name = posixpath.basename(path)
        self.damage: Rejected | None = None
        """Why the tar cannot be read on; known only when the reading has come there."""
        self._stream = _members(path, self.name)
        self._passed: dict[str, Archived | Rejected] = {}
        self._repeated: list[str] = []

    def take(self, id: str) -> Archived:
        """Raises Rejected `missing_audio` or `damaged_archive` where there is none."""
        while id not in self._passed and self._advance():
            pass
        found = self._passed.pop(id, None)
        if found is None:
            found = self.damage or Rejected("missing_audio", f"there is no audio for it in `{self.name}`.")
        if isinstance(found, Rejected):
            raise found
        return found

    def rest(self) -> Iterator[str]:
        """The ids of what no one took, in order; at last those of what had another's id while that waited."""
        while self._passed or self._advance():
            id = next(iter(self._passed))
            del self._passed[id]
            yield id
        yield from self._repeated

    def _advance(self) -> bool:
        try:
            id, found = next(self._stream)
        except StopIteration:
            return False
        except Rejected as damage:
            self.damage = damage
            return False
        if id in self._passed:
            self._repeated.append(id)
        else:
            self._passed[id] = found
        return True


def _members(path: str, name: str) -> Iterator[tuple[str, Archived | Rejected]]:
    """Audio by id, in order. Raises Rejected where the tar is not what it should be from there on."""
    position = 0
    try:
        with _opened(path, name) as file:
            tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  (its file is closed here)
            data = _next_file(tar)
            while data is not None:
                position = data.offset
                manifest = _next_file(tar)
                id = _stem(data)
                if manifest is None or _stem(manifest) != id:
                    yield id, Rejected("damaged_archive", f"`{name}` has no manifest behind `{data.name}`.")
                    data = manifest
                    continue
                yield id, _archived(tar, data, manifest, name)
                data = _next_file(tar)
            position = tar.offset
            file.seek(position)
            if file.read(_BLOCK) != bytes(_BLOCK):
                raise tarfile.ReadError("no end where the last member ends")
    except OSError as error:
        raise Unavailable(f"`{path}` cannot be read: {error.strerror or error}.") from error
    except (tarfile.TarError, ValueError, OverflowError) as error:
        what = "is cut short or damaged" if position else "is no plain tar"
        detail = f"`{name}` {what}: from byte {position} on, {' '.join(str(error).split()):.100}."
        raise Rejected("damaged_archive", detail) from error


def _opened(path: str, name: str) -> IO[bytes]:
    try:
        return open_bytes(path)
    except ConfigError as error:
        raise Rejected("missing_audio", f"there is no `{name}` beside its cuts.") from error


def _next_file(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    """The next member that is a file; none is kept in the tar's own list, which would grow."""
    while (found := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]
        if found.isreg():
            break
    return found


def _stem(member: tarfile.TarInfo) -> str:
    return posixpath.splitext(member.name.removeprefix("./"))[0]


def _archived(tar: tarfile.TarFile, data: tarfile.TarInfo, manifest: tarfile.TarInfo, name: str) -> Archived | Rejected:
    if manifest.name.endswith(".nometa"):
        return Rejected("missing_audio", f"`{name}` has only a placeholder for it.")
    file = tar.extractfile(manifest)
    if file is None or manifest.size > _MOST_MANIFEST:
        return Rejected("damaged_archive", f"`{name}` has no manifest behind `{data.name}`.")
    return Archived(Member(name, data.offset_data, data.size), file.read())
