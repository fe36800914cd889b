"""Which file of word times is a record's: a million are known by their names alone, and opened when asked for."""

from __future__ import annotations

import posixpath
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from lstdata.align.files import ctm, pairs
from lstdata.align.files.place import Place, here, opened
from lstdata.align.files.recognise import HEAD, Format, Kind, recognise
from lstdata.errors import ConfigError, Rejected
from lstdata.source_row import SourceRow
from lstdata.sources.folder import AUDIO_SUFFIXES

Postings = dict[str, "int | array[int]"]
"""Numbers by name: nearly every name has one, and a plain integer is the smallest."""

_MANY = 16
"""Files that are alike in the last part of their names, from which on they are looked up by their folder too."""

_SHARED = (Kind.CTM, Kind.PAIRS)
"""Files of many records, which name them inside."""


class Found(NamedTuple):
    """Where a record's word times are."""

    file: str
    kind: Kind
    recording: str = ""
    """In a file of many records: what it calls this one."""
    stretches: tuple[tuple[int, int, int], ...] = ()
    """There: (first byte, one past the last, number of the first line)."""

    def __str__(self) -> str:
        return f"line {self.stretches[0][2]} of `{self.file}`" if self.stretches else f"`{self.file}`"


@dataclass
class Lookup:
    """The index of a place; it holds strings and integers, no open file, and can be sent to another process."""

    root: str
    wanted: Format
    names: list[str] = field(default_factory=list)
    kinds: bytearray = field(default_factory=bytearray)
    stems: Postings = field(default_factory=dict)
    """File numbers by the last part of their name, without suffix."""
    by_folder: dict[str, Postings] = field(default_factory=dict)
    """File numbers by the last two parts, for a last part that many share and that was asked for."""
    inside: Postings = field(default_factory=dict)
    """Numbers of stretches by the name that a file of many records gives them."""
    stretches: array[int] = field(default_factory=lambda: array("Q"))
    """Four for each stretch: file, first byte, one past the last, first line."""

    @classmethod
    def of(cls, place: Place, wanted: Format) -> Lookup:
        """Raises ConfigError where nothing at the place is of a known format, or of the one that is wanted."""
        lookup = cls(place.root, wanted)
        for name in place.names:
            kind = _kind(place, name, wanted)
            if kind is not None:
                lookup._add(name, kind)
        if not lookup.names:
            expected = "CTM, TextGrid, Whisper's JSON or pairs" if wanted == "auto" else wanted
            raise ConfigError(
                f"`words.files` must hold word times ({expected}), but none of the {len(place.names)} files at "
                f"`{place.root}` is recognised; compressed ones must be decompressed."
            )
        return lookup

    def find(self, row: SourceRow) -> tuple[Found, bool]:
        """A record's word times, and whether they are of its whole recording.

        By its id, else by its recording; the nearest name wins. A name that fits in its last part only is believed
        where the record has a transcript that the words can be checked by. Rejected `missing_word_times`,
        `ambiguous_word_file`.
        """
        is_checked = bool((row.text or "").strip())
        for sure in (True, False):
            for key, of_recording in _keys(row):
                for rank in range(3 if is_checked else 2):
                    found = self._files(key, rank, sure) + (self._inside(key, rank) if sure else [])
                    if len(found) == 1:
                        return found[0], of_recording
                    if found:
                        said = " and ".join(map(str, found[:2])) + (", and more" if len(found) > 2 else "")
                        raise Rejected("ambiguous_word_file", f"`{row.id}` may be {said}.")
        raise Rejected("missing_word_times", f"no file at `words.files` is named after `{row.id}` or its recording.")

    def _add(self, name: str, kind: Kind) -> None:
        number = len(self.names)
        self.names.append(name)
        self.kinds.append(kind)
        if kind not in _SHARED:
            _post(self.stems, posixpath.basename(_bare(name)), number)
            return
        with here(), opened(self.root, name) as file:
            _require_utf8(file, name)
            for stretch in (ctm if kind == Kind.CTM else pairs).stretches(file):
                _post(self.inside, stretch.recording, len(self.stretches) // 4)
                self.stretches.extend((number, stretch.start, stretch.end, stretch.line))

    def _files(self, key: str, rank: int, sure: bool) -> list[Found]:
        """The files of one rank: called as the key; so too, further down; alike in the last part of both names.

        Three are enough to say that there are more than two.
        """
        found: list[Found] = []
        for number in self._alike(key, rank):
            name, kind = self.names[number], Kind(self.kinds[number])
            bare = _bare(name)
            is_below = bare.endswith(f"/{key}")
            if (kind < Kind.UNSURE) == sure and rank == (0 if bare == key else 1 if is_below else 2):
                found.append(Found(name, kind))
                if len(found) == 3:
                    break
        return found

    def _alike(self, key: str, rank: int) -> Sequence[int]:
        """Numbers of all files of that rank, and of others."""
        last = posixpath.basename(key)
        alike = _posted(self.stems, last)
        if rank == 2 or "/" not in key or len(alike) < _MANY:
            return alike
        if last not in self.by_folder:
            postings: Postings = {}
            for number in alike:
                _post(postings, _last_two(_bare(self.names[number])), number)
            self.by_folder[last] = postings
        return _posted(self.by_folder[last], _last_two(key))

    def _inside(self, key: str, rank: int) -> list[Found]:
        """What files of many records have of a name; all stretches of a CTM are one recording's."""
        name = {0: key, 2: posixpath.basename(key)}.get(rank)
        by_file: dict[int, list[tuple[int, int, int]]] = {}
        for number in () if name is None else _posted(self.inside, name):
            file, *where = self.stretches[4 * number : 4 * number + 4]
            by_file.setdefault(file, []).append((where[0], where[1], where[2]))
        found = []
        for file, stretches in by_file.items():
            kind = Kind(self.kinds[file])
            groups = [stretches] if kind == Kind.CTM else [[stretch] for stretch in stretches]
            found += [Found(self.names[file], kind, name or "", tuple(group)) for group in groups]
        return found


def _keys(row: SourceRow) -> Iterator[tuple[str, bool]]:
    """(name to look for, whether it is the recording's), the nearest first."""
    if row.id != row.recording:
        yield row.id, False
    yield row.recording, True
    bare, suffix = posixpath.splitext(row.recording)
    if suffix.lower() in AUDIO_SUFFIXES:
        yield bare, True


def _kind(place: Place, name: str, wanted: Format) -> Kind | None:
    """What a file holds; a link out of the folder counts by its name. Raises Unavailable."""
    if name in place.escaping:
        return None if recognise(b"", name, wanted) is None else Kind.ESCAPES
    with here(), opened(place.root, name) as file:
        return recognise(file.read(HEAD), name, wanted)


def _require_utf8(file: IO[bytes], name: str) -> None:
    head = file.read(2)
    file.seek(0)
    if 0 in head or head in (b"\xff\xfe", b"\xfe\xff"):
        raise ConfigError(
            f"`{name}` must be UTF-8, as its lines are read by their place in it: `iconv -f utf-16 -t utf-8`."
        )


def _bare(name: str) -> str:
    return posixpath.splitext(name)[0]


def _last_two(name: str) -> str:
    return "/".join(name.rsplit("/", 2)[-2:])


def _post(postings: Postings, name: str, number: int) -> None:
    known = postings.get(name)
    if known is None:
        postings[name] = number
    elif isinstance(known, int):
        postings[name] = array("Q", (known, number))
    else:
        known.append(number)


def _posted(postings: Postings, name: str) -> Sequence[int]:
    known = postings.get(name, ())
    return (known,) if isinstance(known, int) else known
