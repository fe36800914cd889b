"""What a file holds that a codebook may be made of: arrays by name, whatever wrote it; recognised by content."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.storage import is_url, open_binary
from lstdata.units.convert.machine import Noted, run, shown
from lstdata.units.convert.pickled import MOST_BYTES, Pickled, Tensor, size_of

KMEANS: Final = ("KMeans", "MiniBatchKMeans")
_PART: Final = 2**20
_DEEPEST: Final = 5
"""Dictionaries within dictionaries that are looked into."""
_LEGACY: Final = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of what PyTorch < 1.6 wrote."""
_SAFE_KINDS: Final = {"F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Array:
    """An array of floating point numbers that is read when it is wanted."""

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Contents:
    """Arrays of one or two dimensions by their names, in the order of the file."""

    origin: str
    arrays: dict[str, Array]


def read_contents(path: str) -> Contents:
    """ConfigError where it is no such file, names what no codebook needs, or is damaged; nothing of it is run."""
    try:
        with open_binary(path) as file:
            data = _whole(file)
        return _contents(data)
    except (FileNotFoundError, IsADirectoryError) as error:
        if is_url(path):
            raise Unavailable(f"`{path}` cannot be fetched: {' '.join(str(error).split()).rstrip('.')}.") from error
        raise ConfigError(f"SOURCE must be a file, but `{path}` is none.") from error
    except ConfigError as error:
        raise ConfigError(f"`{path}` {error}") from error
    except (LstDataError, OSError) as error:
        if isinstance(error, LstDataError) or error.errno is not None:
            raise
        raise ConfigError(f"`{path}` is damaged: {_line(error)}.") from error
    except MemoryError as error:
        raise Unavailable(f"there is not enough memory to read `{path}`") from error
    except Exception as error:  # damaged bytes can make the readers raise anything
        raise ConfigError(f"`{path}` is damaged: {_line(error)}.") from error


def _contents(data: bytes) -> Contents:
    if data.startswith(b"\x93NUMPY"):
        return Contents("a NumPy array", dict(_floats({"array": _npy(data)})))
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data)
    if data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8:
        return Contents("safetensors", dict(_safe(data)))
    if data.startswith(_LEGACY):
        return _legacy(io.BytesIO(data))
    if data.startswith(b"ZF"):
        raise ConfigError("was written by joblib < 0.10: write it anew.")
    if data.startswith(b"\x04\x22\x4d\x18"):
        raise ConfigError("is compressed by lz4: write it anew, with `joblib.dump(model, file)`.")
    plain = _decompressed(data)
    if plain.startswith((b"\x80", b"(", b"c", b"]", b"}")):
        return _pickle(plain)
    raise ConfigError("must be a .npy, .npz, .safetensors, PyTorch, pickle or joblib file, but is none of them.")


def _whole(file: IO[bytes]) -> bytes:
    """No more than a codebook can take."""
    parts: list[bytes] = []
    left = MOST_BYTES
    while part := file.read(_PART):
        left -= len(part)
        if left < 0:
            raise ConfigError(f"holds more than {MOST_BYTES} bytes: it is no codebook.")
        parts.append(part)
    return b"".join(parts)


def _decompressed(data: bytes) -> bytes:
    """What joblib has compressed; anything else as it is."""
    if data[:1] == b"\x78":
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data, MOST_BYTES)
        if not inflate.eof:
            raise ConfigError(f"ends too early, or holds more than {MOST_BYTES} bytes.")
        return plain
    openers: dict[bytes, Callable[[IO[bytes]], Any]] = {
        b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
        b"BZh": bz2.BZ2File,
        b"\xfd7zXZ": lzma.LZMAFile,
        b"\x5d\x00\x00": lzma.LZMAFile,
    }
    for prefix, opener in openers.items():
        if data.startswith(prefix):
            return _whole(opener(io.BytesIO(data)))
    return data


def _npy(data: bytes) -> NDArray[Any]:
    """ValueError where its header promises more than is there, before room is made for it."""
    file, npy = io.BytesIO(data), np.lib.format
    header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = header(file)
    promised, there = math.prod(shape) * kind.itemsize, len(data) - file.tell()
    if promised > there:
        raise ValueError(f"its header promises {promised} bytes, {kind} of shape {shape}, but {there} are there")
    file.seek(0)
    array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def _zipped(data: bytes) -> Contents:
    """An `.npz`, or what PyTorch writes."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    members = archive.infolist()
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise ConfigError(f"holds more than {MOST_BYTES} bytes: it is no codebook.")
    for member in members:
        if member.filename.endswith("/data.pkl"):
            return _checkpoint(archive, member.filename.removesuffix("data.pkl"))
    names = [member.filename for member in members if member.filename.endswith(".npy")]
    if {"centroids.npy", "mean.npy", "scale.npy", "extractor.npy"} <= set(names):
        raise ConfigError("is a codebook already: give it as `units.codebook`.")
    arrays = {name.removesuffix(".npy"): _npy(archive.read(name)) for name in names}
    return Contents("NumPy arrays", dict(_floats(arrays)))


def _checkpoint(archive: zipfile.ZipFile, folder: str) -> Contents:
    """Tensors in the zip archives of PyTorch."""
    value = run(io.BytesIO(archive.read(f"{folder}data.pkl")), Pickled())
    names = archive.namelist()
    order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in names else b"little"
    sign = ">" if order == b"big" else "<"
    arrays = _floats(value, lambda tensor: tensor.numbers(archive.read(f"{folder}data/{tensor.key}"), sign))
    return Contents("a PyTorch checkpoint", dict(arrays))


def _legacy(data: io.BytesIO) -> Contents:
    """Four pickles (magic, version, sizes, value), the keys of the storages, and the storages one behind another."""
    meanings = Pickled()
    *_, value = (run(data, meanings) for _ in range(4))
    stored: dict[str, bytes] = {}
    for key in run(data, meanings):
        if not isinstance(key, str):
            raise ValueError("a storage has no name")
        count = int.from_bytes(data.read(8), "little") * size_of(meanings.storages[key])
        stored[key] = data.read(count) if count <= MOST_BYTES else b""
    arrays = _floats(value, lambda tensor: tensor.numbers(stored[tensor.key]))
    return Contents("a PyTorch checkpoint", dict(arrays))


def _pickle(data: bytes) -> Contents:
    value = run(io.BytesIO(data), Pickled())
    if not isinstance(value, Noted):
        return Contents("a pickle", dict(_floats(value)))
    state = value.state if isinstance(value.state, dict) else {}
    if value.what.name not in KMEANS or "cluster_centers_" not in state:
        raise ConfigError(f"holds `{value.what}`, but must hold a fitted {' or '.join(KMEANS)}, or arrays.")
    centres = {"cluster_centers_": state["cluster_centers_"]}
    return Contents(f"{value.what.name} of scikit-learn", dict(_floats(centres)))


def _safe(data: bytes) -> Iterator[tuple[str, Array]]:
    """The header is JSON: names, types, shapes, and where the numbers lie behind it."""
    start = 8 + int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8:start])
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in _SAFE_KINDS:
            continue
        kind, shape = _SAFE_KINDS[entry["dtype"]], tuple(int(n) for n in entry["shape"])
        first, last = (start + int(n) for n in entry["data_offsets"])
        if len(shape) in (1, 2):
            strides = (1,) if len(shape) == 1 else (shape[1], 1)
            tensor = Tensor(name, kind, 0, shape, strides)
            yield shown(name), Array(shape, lambda tensor=tensor, part=slice(first, last): tensor.numbers(data[part]))  # type: ignore[misc]


def _floats(value: Any, numbers: Callable[[Tensor], NDArray[Any]] | None = None) -> Iterator[tuple[str, Array]]:
    """Arrays in a value, and in dictionaries within dictionaries, under their keys joined by dots."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    seen: set[int] = set()
    while waiting:
        keys, value = waiting.pop()
        name = ".".join(keys)
        if isinstance(value, dict) and id(value) not in seen and len(keys) < _DEEPEST:
            seen.add(id(value))
            waiting += [((*keys, shown(key)), value[key]) for key in reversed(value)]
        elif isinstance(value, np.ndarray) and value.ndim in (1, 2) and value.dtype.kind == "f":
            yield name or "array", Array(value.shape, lambda value=value: value)  # type: ignore[misc]
        elif isinstance(value, Tensor) and len(value.shape) in (1, 2) and value.kind in _SAFE_KINDS.values():
            assert numbers is not None
            yield name or "tensor", Array(value.shape, lambda value=value: numbers(value))  # type: ignore[misc]


def _line(error: Exception) -> str:
    return shown(" ".join(str(error).split())) or type(error).__name__
