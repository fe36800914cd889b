"""Many frames of features: more than memory holds, in the order in which they came."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from types import TracebackType
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import Unavailable

BLOCK: Final = 4096
"""Frames that are read at once."""

_NEAR: Final = 16
"""To frames that lie so far apart, reading those between them costs less than asking twice."""


class Frames(Protocol):
    """(frames, d) float32 features that are read by parts."""

    @property
    def dimensions(self) -> int: ...

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """The frames `start` to `stop` − 1, fewer where there are no more."""
        ...

    def pick(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The frames of these numbers, in this order."""
        ...


def blocks(frames: Frames) -> Iterator[NDArray[np.float32]]:
    """All frames in order, `BLOCK` at a time."""
    for start in range(0, len(frames), BLOCK):
        yield frames.read(start, start + BLOCK)


class FramesInMemory:
    """An array as frames."""

    def __init__(self, array: NDArray[np.float32]) -> None:
        self._array = np.ascontiguousarray(array, dtype=np.float32)
        self.dimensions = int(array.shape[1])

    def __len__(self) -> int:
        return len(self._array)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return self._array[start:stop]

    def pick(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._array[rows]


class FrameStore:
    """Frames in a nameless file of `tempfile`'s folder (`TMPDIR`), gone when it is closed or the process ends.

    Read with `pread`, not mapped, so that frames take memory only while they are used. Raises Unavailable where the
    disk is full or fails.
    """

    def __init__(self) -> None:
        self._folder = tempfile.gettempdir()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 closed by `close`
        self._frames = 0
        self.dimensions = 0
        """0 until frames were appended."""

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._frames

    def append(self, frames: NDArray[np.float32]) -> None:
        """(frames, d) more; d is that of the first."""
        if len(frames) == 0:
            return
        assert frames.ndim == 2 and frames.shape[1] == (self.dimensions or frames.shape[1])
        self.dimensions = int(frames.shape[1])
        data = np.ascontiguousarray(frames, dtype=np.float32).data.cast("B")
        place = self._frames * self._row
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data, place)
                data, place = data[written:], place + written
        except OSError as error:
            raise self._failed(error) from error
        self._frames += len(frames)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """The frames `start` to `stop` − 1, fewer where there are no more."""
        count = max(0, min(stop, self._frames) - start)
        frames = np.empty((count, self.dimensions), dtype=np.float32)
        self._fill(frames, start)
        return frames

    def pick(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The frames of these numbers, in this order; read in the order of the file, those near one another at once."""
        frames = np.empty((len(rows), self.dimensions), dtype=np.float32)
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        apart = np.flatnonzero((np.diff(ordered) > _NEAR) | (np.diff(ordered // BLOCK) > 0)) + 1
        for first, end in pairwise([0, *apart.tolist(), len(rows)]):
            if end - first == 1:
                place = int(order[first])
                self._fill(frames[place : place + 1], int(ordered[first]))
            elif end > first:
                start = int(ordered[first])
                near = self.read(start, int(ordered[end - 1]) + 1)
                frames[order[first:end]] = near[ordered[first:end] - start]
        return frames

    def close(self) -> None:
        self._file.close()

    @property
    def _row(self) -> int:
        return self.dimensions * np.dtype(np.float32).itemsize

    def _fill(self, frames: NDArray[np.float32], start: int) -> None:
        if frames.size == 0:
            return
        data, place = frames.data.cast("B"), start * self._row
        while data:
            try:
                count = os.preadv(self._file.fileno(), [data], place)
            except OSError as error:
                raise self._failed(error) from error
            if count == 0:
                raise Unavailable(f"the temporary file of features in `{self._folder}` has lost its end")
            data, place = data[count:], place + count

    def _failed(self, error: OSError) -> Unavailable:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return Unavailable(
                f"`{self._folder}` has no room for the features that a codebook is fitted on ({self._frames} frames of "
                f"{self._row} bytes so far): set TMPDIR to a folder with more, or `units.fit_frames` to fewer"
            )
        return Unavailable(f"the temporary file of features in `{self._folder}` fails: {error.strerror or error}")
