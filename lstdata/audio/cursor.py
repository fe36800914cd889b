"""The recording that a thread read last stays open, so that its next stretch is decoded from where the last one ended.

For formats that cannot seek exactly, of which every stretch would else be decoded from the file's beginning.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lstdata.audio.decoding import Recording
from lstdata.audio.files import Place, current_version


@dataclass(frozen=True, slots=True)
class _Kept:
    recording: Recording
    version: Hashable
    process: int
    """A forked process shares the file's position with its parent, and must not move it."""


class _Slot(threading.local):
    kept: _Kept | None = None


_slot = _Slot()


@contextmanager
def recording_at(place: Place, start: int | None, end: int | None) -> Iterator[Recording]:
    """The recording, open and able to deliver from `start` on; closed on any error."""
    recording = _continued(place, start or 0) or Recording(place)
    try:
        version = None if recording.seeks_exactly or (start is None and end is None) else recording.version()
        yield recording
    except BaseException:
        recording.close()
        raise
    if version is None:
        recording.close()
    else:
        release()
        _slot.kept = _Kept(recording, version, os.getpid())


def release() -> None:
    """Close what this thread keeps open."""
    kept, _slot.kept = _slot.kept, None
    if kept is not None:
        kept.recording.close()


atexit.register(release)


def _continued(place: Place, start: int) -> Recording | None:
    """What is kept, taken out, if it is this recording, unchanged, and has not gone past `start`; else it is closed."""
    kept = _slot.kept
    if kept is None:
        return None
    same = kept.recording.place == place and kept.process == os.getpid() and kept.version == current_version(place.path)
    if not same or start < kept.recording.earliest:
        release()
        return None
    _slot.kept = None
    return kept.recording
