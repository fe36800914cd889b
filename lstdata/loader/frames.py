"""Rows as bytes in a pipe: a head of integers, then the arrays as they are in memory. Nothing is unpickled."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np

from lstdata.child import heard, said
from lstdata.errors import LstDataError
from lstdata.loader.rows import LaneState
from lstdata.packing import Row

_HEAD: Final = struct.Struct("=7q")
"""The row's number, its tokens, positions and documents, how many of these continue, integers of the lane's state, and
booleans that say which positions are read late: as many as there are positions, or none."""

_ERROR: Final = -1
"""In place of a number: what follows is JSON of so many bytes as the row would have tokens."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A row, and where its lane stands after it."""

    number: int
    row: Row
    state: LaneState


def write_frame(file: IO[bytes], frame: Frame) -> None:
    row, state = frame.row, np.array(frame.state.to_json(), dtype=np.int64)
    late = np.zeros(0, dtype=np.bool_) if row.late is None else row.late
    sizes = len(row.tokens), len(row.lengths), len(row.documents), row.continued, len(state), len(late)
    file.write(_HEAD.pack(frame.number, *sizes))
    for array in (row.tokens, row.lengths, row.documents, state, late):
        file.write(array.data)
    file.flush()


def write_error(file: IO[bytes], error: Exception, trace: str) -> None:
    """One of ours is read as what it is; of others, the trace is kept."""
    data = json.dumps(said(error) if isinstance(error, LstDataError) else {"trace": trace}).encode()
    file.write(_HEAD.pack(_ERROR, len(data), 0, 0, 0, 0, 0) + data)
    file.flush()


def read_frame(file: IO[bytes]) -> Frame | None:
    """The next row; None where the pipe has ended, also amid a row; raises the error that was written in its place."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    number, tokens, lengths, documents, continued, state, late = _HEAD.unpack(head)
    if number == _ERROR:
        data = file.read(tokens)
        if len(data) == tokens:
            raise _error(json.loads(data))
        return None
    counts = tokens, lengths, documents
    size = 4 * sum(counts) + 8 * state + late
    body = file.read(size)
    if len(body) < size:
        return None
    values = np.frombuffer(body, dtype=np.int32, count=sum(counts))
    read_late = np.frombuffer(body, dtype=np.bool_, offset=size - late) if late else None
    row = Row(values[:tokens], values[tokens : tokens + lengths], values[tokens + lengths :], continued, read_late)
    integers: list[int] = np.frombuffer(body, dtype=np.int64, count=state, offset=4 * sum(counts)).tolist()
    return Frame(number, row, LaneState.from_json(integers))


def _error(read: dict[str, Any]) -> Exception:
    if "trace" in read:
        return RuntimeError("A process that makes rows failed:\n" + read["trace"])
    return heard(read)
