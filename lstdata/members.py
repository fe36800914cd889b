"""The members that samples are made of: compressed JSON, vectors of numbers, masks as run lengths; bytes in, bytes out.

Equal content gives equal bytes under one version of pyarrow, whose own compression is used.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MOST_JSON: Final = 1 << 29
"""Bytes of a JSON, decompressed."""

_GZIP: Final = 31
"""What zlib calls a stream with gzip's header, of the largest window."""


def json_gz(meta: Mapping[str, Any]) -> bytes:
    import pyarrow as pa

    text = json.dumps(meta, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    data: bytes = pa.compress(text, codec="gzip", asbytes=True)
    return data


def read_json_gz(data: bytes) -> Any:
    """ValueError or zlib.error where it is not one whole stream of JSON, or too long."""
    import orjson

    stream = zlib.decompressobj(_GZIP)
    text = stream.decompress(data, MOST_JSON)
    if not stream.eof or stream.unused_data:
        raise ValueError("its JSON is not one whole gzip stream")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # it takes no whole numbers of more than 64 bits
        return json.loads(text)


def npy(array: NDArray[Any]) -> bytes:
    """A vector in numpy's format 1.0."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


@lru_cache(maxsize=1 << 12)
def _npy_header(length: int, kind: str) -> bytes:
    """What `npy` writes before the numbers of a vector."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": (length,)})
    return buffer.getvalue()


def read_npy(data: bytes, *kinds: str) -> NDArray[Any]:
    """A member that `npy` wrote, byte for byte; ValueError for any other type, shape or length."""
    start = len(_npy_header(0, kinds[0]))
    for kind in kinds:
        length, odd = divmod(len(data) - start, np.dtype(kind).itemsize)
        if not odd and length >= 0 and data.startswith(_npy_header(length, kind)):
            return np.frombuffer(data, dtype=kind, offset=start)
    wanted = " or ".join(np.dtype(kind).name for kind in kinds)
    raise ValueError(f"it is no array of {wanted} in one dimension, as numpy's format 1.0 has it")


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs, the first of False (maybe 0); they sum to the mask's length."""
    if len(mask) == 0:
        return []
    edges = np.flatnonzero(np.diff(mask)) + 1
    runs: list[int] = np.diff(np.concatenate([[0], edges, [len(mask)]])).tolist()
    return [0, *runs] if mask[0] else runs


def from_run_lengths(runs: Sequence[int], length: int) -> NDArray[np.bool_]:
    """The inverse of `run_lengths`; ValueError where they do not make up a mask of this length."""
    if sum(runs) != length or min(runs, default=0) < 0:
        raise ValueError(f"runs of activity must make up {length} frames, but sum to {sum(runs)}")
    return np.repeat((np.arange(len(runs)) & 1).astype(np.bool_), runs)
