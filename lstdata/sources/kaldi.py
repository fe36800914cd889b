"""Kaldi's data directories: `wav.scp`, and perhaps `segments`, `text`, `utt2spk` and more.

Times in `segments` are seconds, and a locator counts samples: they are converted while scanning, at the rate that the
recording's header says, which is read once per recording. A segment of a file that is not there, or has no such header,
is therefore a dead letter of planning already; whole recordings are not looked at where their duration is given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.records import sample_at
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.cut_audio import local_path
from lstdata.sources.kaldi_tables import Line, Table, lines
from lstdata.sources.listing import is_file, names_in
from lstdata.sources.locating import LocatedSource, located_header, located_seconds
from lstdata.sources.pipes import piped
from lstdata.sources.rows import MOST_SECONDS, rejected, writable
from lstdata.storage import is_url, resolve

_IN_ARCHIVE = re.compile(r"(.+\.ark):([0-9]{1,18})")
_MOST_HEADERS = 1024
"""Recordings whose headers are remembered: segments of one recording need not be adjacent, but mostly are near."""


@dataclass(frozen=True, slots=True)
class KaldiSource(LocatedSource):
    """One record per line of `segments`, without that file one per line of `wav.scp`, in their order."""

    folder: str
    kind: str = "kaldi"

    def scan(self) -> Iterator[SourceRow]:
        yield from writable(_DataDirectory(self.root, self.folder).rows())


def open_kaldi(path: str, config: SourceConfig) -> KaldiSource | None:
    """The data directory at a path or URL: a folder with a `wav.scp`.

    Relative paths in it start at `config.audio_folder`, itself relative to the directory; without it there, or in the
    working folder, as in Kaldi's recipes. Raises ConfigError where that is no folder.
    """
    if "wav.scp" not in (names_in(path) or ()):
        return None
    root = path
    if config.audio_folder is not None:
        root = resolve(path, config.audio_folder)
        if not is_url(root) and not os.path.isdir(root):
            raise ConfigError(f"`source.audio_folder` must be a folder, but there is no `{root}`.")
    return KaldiSource(root=root if is_url(root) else os.path.normpath(root), folder=path)


@dataclass(frozen=True, slots=True)
class _Segment:
    """One line of `segments`: what stretch of which recording; `end` is None where it runs to the end."""

    recording: str
    start: float
    end: float | None
    channel: int | None


class _DataDirectory:
    """One pass over the files of a data directory, which are read in step."""

    def __init__(self, root: str, folder: str) -> None:
        self._root, self._folder = root, folder
        self._texts = self._table("text")
        self._speakers = self._table("utt2spk")
        self._languages = self._table("utt2lang")
        self._durations = self._table("utt2dur")
        self._genders = self._table("spk2gender", lasting=True)
        self._recording_durations = self._table("reco2dur", lasting=True)
        self._headers: dict[tuple[str, int | None], tuple[int, float | None] | Rejected] = {}

    def rows(self) -> Iterator[SourceRow]:
        segments = os.path.join(self._folder, "segments")
        if is_file(segments):
            recordings = self._table("wav.scp", lasting=True)
            for line in lines(segments):
                yield self._row(line, recordings)
            for line in recordings.unused():
                yield self._row(line)
            yield from map(_repeated, recordings.repeated())
        else:
            for line in lines(os.path.join(self._folder, "wav.scp")):
                yield self._row(line)
        for line in self._texts.unused():
            yield _refused(line.id, line.wrong("missing_audio", f"there is no utterance `{line.id}`."), line)
        yield from map(_repeated, self._texts.repeated())

    def _table(self, name: str, *, lasting: bool = False) -> Table:
        return Table(os.path.join(self._folder, name), lasting=lasting)

    def _row(self, line: Line, recordings: Table | None = None) -> SourceRow:
        """The utterance of a line of `segments`, or, without `recordings`, of `wav.scp`."""
        text = self._texts.find(line.id)
        try:
            if recordings is None:
                segment, recording = _Segment(line.id, 0.0, None, None), line
            else:
                segment = _segment(line)
                recording = _recording(line, segment, recordings)
            speaker = _said(self._speakers, line.id)
            gender = None if speaker is None else _said(self._genders, speaker)
            locator = self._locator(recording, segment)
            return SourceRow(
                id=line.id,
                locator=locator,
                recording=segment.recording,
                duration=self._duration(line.id, segment, locator),
                text=(" ".join(text.value.split()) or None) if text else None,
                speaker=speaker,
                language=_said(self._languages, line.id),
                custom={} if gender is None else {"gender": gender},
            )
        except Rejected as verdict:
            return _refused(line.id, verdict, line)

    def _locator(self, recording: Line, segment: _Segment) -> Locator:
        try:
            locator = _audio(self._root, recording.value, segment.channel)
        except Rejected as verdict:
            raise recording.wrong(verdict.reason, verdict.detail) from verdict
        if segment.start == 0 and segment.end is None:
            return locator
        rate, _ = self._header(locator)
        end = None if segment.end is None else sample_at(segment.end, rate)
        return replace(locator, start=sample_at(segment.start, rate), end=end, rate=rate)

    def _duration(self, id: str, segment: _Segment, locator: Locator) -> float | None:
        """Seconds by `utt2dur`, by the segment, by `reco2dur`, or else by the header of a local file."""
        seconds = _seconds(self._durations, id)
        if seconds is not None:
            return seconds
        if segment.end is not None:
            return segment.end - segment.start
        whole = _seconds(self._recording_durations, segment.recording)
        if whole is None and locator.rate is not None:
            _, whole = self._header(locator)
        elif whole is None:
            whole = located_seconds(self._root, locator.path, offset=locator.offset)
        return None if whole is None else max(0.0, whole - segment.start)

    def _header(self, locator: Locator) -> tuple[int, float | None]:
        place = (locator.path, locator.offset)
        if place not in self._headers:
            if len(self._headers) == _MOST_HEADERS:
                self._headers.clear()
            try:
                self._headers[place] = located_header(self._root, locator.path, offset=locator.offset)
            except Rejected as verdict:
                self._headers[place] = verdict
        header = self._headers[place]
        if isinstance(header, Rejected):
            raise header
        return header


def _segment(line: Line) -> _Segment:
    fields = line.value.split()
    if len(fields) not in (3, 4):
        rule = "needs an utterance, a recording, a start and an end"
        raise line.wrong("bad_row", f"it {rule}, but has {len(fields) + 1} fields.")
    start, end = _time(line, fields[1]), _time(line, fields[2])
    if not 0 <= start <= MOST_SECONDS or not (end == -1 or start < end <= MOST_SECONDS):
        raise line.wrong("bad_row", f"it must end after it starts, at ≥ 0 s, but has {start} and {end} s.")
    channel = fields[3] if len(fields) == 4 else None
    if channel is not None and not re.fullmatch("[0-9]{1,3}", channel):
        raise line.wrong("bad_row", f"its channel must be a number from 0, but is `{channel:.20}`.")
    return _Segment(fields[0], start, None if end == -1 else end, None if channel is None else int(channel))


def _recording(line: Line, segment: _Segment, recordings: Table) -> Line:
    recording = recordings.find(segment.recording)
    if recording is None:
        raise line.wrong("missing_audio", f"recording `{segment.recording}` is not in `wav.scp`.")
    return recording


def _audio(root: str, value: str, channel: int | None) -> Locator:
    """Where a recording is: a path, a command that hands on a file, or a WAV at a byte of an archive.

    `channel` is counted in what a command hands on, which may be one channel of its file alone.
    """
    if value.endswith("|"):
        command = piped(value)
        if command.is_mono and channel not in (None, 0):
            raise Rejected("bad_channel", f"its command hands on one channel; channel {channel} is not one of them.")
        return Locator(path=local_path(root, command.path), channel=command.channel if command.is_mono else channel)
    if not value:
        raise Rejected("bad_row", "there is nothing behind the id.")
    in_archive = _IN_ARCHIVE.fullmatch(value)
    if in_archive:
        return Locator(path=local_path(root, in_archive[1]), offset=int(in_archive[2]), channel=channel)
    return Locator(path=local_path(root, value), channel=channel)


def _said(table: Table, id: str) -> str | None:
    line = table.find(id)
    if line is None:
        return None
    if not line.value:
        raise line.wrong("bad_row", "there is nothing behind the id.")
    return line.value


def _seconds(table: Table, id: str) -> float | None:
    line = table.find(id)
    if line is None:
        return None
    seconds = _time(line, line.value)
    if not 0 <= seconds <= MOST_SECONDS:
        raise line.wrong("bad_row", f"a duration must be seconds from 0 to {MOST_SECONDS:.0f}, but is {seconds}.")
    return seconds


def _time(line: Line, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise line.wrong("bad_row", f"`{text:.40}` is no number of seconds.") from None


def _refused(id: str, verdict: Rejected, line: Line) -> SourceRow:
    return rejected(id, line.file, verdict.reason, verdict.detail)


def _repeated(line: Line) -> SourceRow:
    verdict = line.wrong("duplicate_id", f"an earlier line has the id `{line.id}`.")
    return _refused(f"{line.file}-{line.number}", verdict, line)
