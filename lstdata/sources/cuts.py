"""lhotse's manifests: cuts, or recordings with supervisions, as JSON lines that are read as a stream."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.source_row import SourceRow
from lstdata.sources.cut_rows import Part, attempted, cut_rows, require_times, unreadable
from lstdata.sources.encoding import json_lines
from lstdata.sources.listing import names_in
from lstdata.sources.locating import OVERRUN, LocatedSource
from lstdata.sources.manifests import Manifest, manifest_of, manifests_in, refuse_lone_supervisions, refuse_undivided
from lstdata.sources.rows import bad_row, rejected, writable
from lstdata.sources.shar import Archive

Line = tuple[int, dict[str, Any] | Rejected]
"""The number of a line, from 1, and the object on it, or why there is none."""


@dataclass(frozen=True, slots=True)
class CutsSource(LocatedSource):
    """Records of cuts, as `config.supervisions` has it; of recordings, one per supervision or one without any."""

    manifests: tuple[Manifest, ...]
    config: SourceConfig
    kind: str = "lhotse"

    def scan(self) -> Iterator[SourceRow]:
        for manifest in self.manifests:
            split = manifest.split if self.config.splits == "names" else None
            part = Part(self.root, manifest.name, self.config, split)
            if manifest.archive:
                rows = _archived(part, manifest.cuts, manifest.archive)
            elif manifest.cuts:
                rows = _rows(part, json_lines(manifest.cuts), partial(_plain_cut, part))
            else:
                rows = _supervised(part, manifest)
            yield from writable(rows)


def open_cuts(path: str, config: SourceConfig) -> CutsSource | None:
    """The manifests at a path: those directly in a folder, or a file whose first object is of one."""
    if path.removesuffix(".gz").endswith(".jsonl") and not os.path.isdir(path):
        first = next((value for _, value in json_lines(path) if isinstance(value, dict)), None)
        manifest = manifest_of(path, first)
        return CutsSource(os.path.dirname(path), (manifest,), config) if manifest else None
    folder = path.rstrip("/") or path
    names = names_in(folder)
    if names is None:
        refuse_undivided(path)
        return None
    manifests = manifests_in(folder, names)
    refuse_lone_supervisions(folder, names, manifests)
    if not manifests:
        for name in names:
            refuse_undivided(os.path.join(folder, name))
    return CutsSource(folder, manifests, config) if manifests else None


def _plain_cut(part: Part, value: Mapping[str, Any]) -> Iterator[SourceRow]:
    yield from cut_rows(part, _deserialized(value))


def _archived(part: Part, cuts: str | None, path: str) -> Iterator[SourceRow]:
    """Cuts with their audio in a tar, and what of it has no cut."""
    archive = Archive(path)
    yield from _rows(part, json_lines(cuts) if cuts else (), partial(_archived_cut, part, archive))
    for id in archive.rest():
        yield rejected(id, archive.name, "bad_row", f"`{archive.name}` has audio for `{id}`, but there is no such cut.")
    if archive.damage and not cuts:
        yield rejected(archive.name, archive.name, archive.damage.reason, archive.damage.detail)


def _archived_cut(part: Part, archive: Archive, value: Mapping[str, Any]) -> Iterator[SourceRow]:
    from lhotse import MonoCut, MultiCut

    audio = archive.take(value["id"])
    cut = _deserialized(value)
    if isinstance(cut, MonoCut | MultiCut):
        cut.recording = _deserialized(json.loads(audio.recording))
    yield from cut_rows(part, cut, audio.member)


def _supervised(part: Part, manifest: Manifest) -> Iterator[SourceRow]:
    assert manifest.recordings
    recordings = _Recordings(manifest.recordings)
    if manifest.supervisions:
        said = Part(part.root, os.path.basename(manifest.supervisions), part.config, part.split)
        yield from _rows(said, json_lines(manifest.supervisions), partial(_supervision, said, recordings))
    yield from _rows(part, recordings.rest(), partial(_recording, part))


def _supervision(part: Part, recordings: _Recordings, value: Mapping[str, Any]) -> Iterator[SourceRow]:
    yield from cut_rows(part, _cut_of(_deserialized(value), recordings))


def _recording(part: Part, value: Mapping[str, Any]) -> Iterator[SourceRow]:
    yield from cut_rows(part, _deserialized(value).to_cut())


class _Recordings:
    """Recordings by id from a stream that is read only as far as asked; what was passed stays, as JSON text."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = json_lines(path)
        self._passed: dict[str, str] = {}
        self._unused: dict[str | int, tuple[int, Rejected | None]] = {}

    def find(self, id: str) -> Any:
        while id not in self._passed and self._advance():
            pass
        if id not in self._passed:
            raise Rejected("missing_audio", f"recording `{id}` is not in `{os.path.basename(self._path)}`.")
        self._unused.pop(id, None)
        return _deserialized(json.loads(self._passed[id]))

    def rest(self) -> Iterator[Line]:
        """What no one asked for, in order."""
        while self._advance():
            pass
        for id, (number, verdict) in self._unused.items():
            yield number, verdict or json.loads(self._passed[str(id)])

    def _advance(self) -> bool:
        number, value = next(self._stream, (0, None))
        id = value.get("id") if isinstance(value, dict) else None
        if isinstance(id, str) and id in self._passed:
            repeated = Rejected("duplicate_id", f"an earlier recording has the id `{id}`.")
            self._unused[number] = (number, repeated)
        elif isinstance(id, str):
            self._passed[id] = json.dumps(value)
            self._unused[id] = (number, None)
        elif value is not None:
            no_id = value if isinstance(value, Rejected) else Rejected("bad_row", "this recording has no `id`.")
            self._unused[number] = (number, no_id)
        return value is not None


def _rows(
    part: Part, lines: Iterable[Line], make: Callable[[dict[str, Any]], Iterable[SourceRow]]
) -> Iterator[SourceRow]:
    """The rows that `make` reads from each line of a manifest, or the row that says why there is none."""
    for number, value in lines:
        rows = value if isinstance(value, Rejected) else attempted(partial(_all, make, value))
        if not isinstance(rows, Rejected):
            yield from rows
            continue
        id = value.get("id") if isinstance(value, dict) else None
        if isinstance(id, str) and id:
            yield rejected(id, part.name, rows.reason, rows.detail)
        else:
            yield bad_row(number, part.name, rows)


def _all(make: Callable[[dict[str, Any]], Iterable[SourceRow]], value: dict[str, Any]) -> list[SourceRow]:
    return list(make(value))


def _deserialized(value: Mapping[str, Any]) -> Any:
    from lhotse.serialization import deserialize_item

    try:
        return deserialize_item(dict(value))
    except Exception as error:
        raise unreadable(error) from error


def _cut_of(supervision: Any, recordings: _Recordings) -> Any:
    """The cut of one supervision: its own stretch of its recording."""
    from lhotse import MonoCut, MultiCut, SupervisionSegment

    if not isinstance(supervision, SupervisionSegment):
        raise Rejected("bad_row", "this is not a supervision.")
    recording = recordings.find(supervision.recording_id)
    require_times("supervision", supervision.start, supervision.duration)
    if supervision.end > recording.duration + OVERRUN:
        late = supervision.end - recording.duration
        raise Rejected("beyond_recording", f"it ends {late:.2f} s after the end of its recording `{recording.id}`.")
    start, end = max(0.0, supervision.start), min(supervision.end, recording.duration)
    return (MonoCut if isinstance(supervision.channel, int) else MultiCut)(
        id=supervision.id,
        start=start,
        duration=end - start,
        channel=supervision.channel,
        supervisions=[supervision.with_offset(-start)],
        recording=recording,
    )
