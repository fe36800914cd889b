"""What the names in pickles of scikit-learn, joblib, NumPy and PyTorch stand for: arrays, and notes of the rest."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.units.convert.machine import Meanings, Name, Noted

MOST_BYTES: Final = 2**30
"""Of a file, also where it is compressed: more than the largest codebook takes."""

_WRAPPER: Final = "NumpyArrayWrapper"
_KNOWN: Final = {
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    *(("numpy", name) for name in "ndarray dtype memmap bool_ float16 float32 float64 int32 int64".split()),
    *((f"{package}joblib.numpy_pickle", _WRAPPER) for package in ("", "sklearn.externals.")),
    *(("builtins", "object"), ("__builtin__", "object"), ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor")),
    *(("_codecs", "encode"), ("collections", "OrderedDict"), ("argparse", "Namespace")),
    *(("torch._utils", f"_rebuild_{what}") for what in ("tensor", "tensor_v2", "parameter")),
    *(("torch", name) for name in "Size device float16 float32 float64 bfloat16".split()),
}
_PACKAGES: Final = ("sklearn", "numpy.random")
"""Objects of these are noted and never looked into, but for what a model of k-means consists of."""

_STORAGES: Final = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}
_NUMBERS: Final = re.compile(r"[<>=|]?(f[248]|[iu][1248]|b1)")
_ANYTHING: Final = re.compile(r"[<>=|]?([SUVcmM])(\d+)")


@dataclass(frozen=True)
class Tensor:
    """A tensor of PyTorch, whose numbers lie elsewhere; all counts are of elements."""

    key: str
    kind: str
    """A type of NumPy, or bfloat16."""
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def numbers(self, stored: bytes, order: str = "<") -> NDArray[Any]:
        """ValueError where they are not all there."""
        whole = decoded(stored, self.kind, order)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if 0 in self.shape:
            return np.zeros(self.shape, dtype=np.float32)
        if last >= len(whole) or math.prod(self.shape) > len(whole):
            raise ValueError(f"a tensor of {self.shape} is larger than what is stored of it")
        strides = [step * whole.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(whole[self.offset :], self.shape, strides).copy()


def decoded(data: bytes | bytearray, kind: str, order: str = "<") -> NDArray[Any]:
    """(numbers,); bfloat16 becomes float32."""
    if kind == "bfloat16":
        wide = np.frombuffer(data, dtype=f"{order}u2").astype(np.uint32) << 16
        return wide.view(np.float32)
    return np.frombuffer(data, dtype=order + kind)


def size_of(kind: str) -> int:
    """Bytes of one number."""
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


class Pickled(Meanings):
    """Arrays from pickles of NumPy and streams of joblib; tensors as places in a storage."""

    def __init__(self) -> None:
        self._left = MOST_BYTES
        self.storages: dict[str, str] = {}
        """The kind of number in each storage of PyTorch that was referred to."""

    def name(self, name: Name) -> None:
        if (name.module, name.name) in _KNOWN or (name.module == "torch" and name.name in _STORAGES):
            return
        if any(name.module == package or name.module.startswith(f"{package}.") for package in _PACKAGES):
            return
        if name.name in ("NDArrayWrapper", "ZNDArrayWrapper"):
            raise ConfigError("was written by joblib < 0.10, with its arrays in other files: write it anew.")
        super().name(name)

    def call(self, what: Name, args: tuple[Any, ...]) -> Any:
        match what.name:
            case "encode" if what.module == "_codecs":
                return self._bytes(args[0])
            case "OrderedDict":
                return {}
            case "_reconstructor" if isinstance(args[0], Name):
                return Noted(args[0], args)
            case "_frombuffer":
                data, kind, shape, order = args
                return _array(self._bytes(data), _kind(kind), _counts(shape), order)
            case "_rebuild_tensor" | "_rebuild_tensor_v2":
                return _tensor(*args[:4])
            case "_rebuild_parameter":
                return args[0]
        return Noted(what, args)

    def state(self, value: Noted, data: io.BytesIO) -> Any:
        if value.what.name == "_reconstruct":
            shape, kind, columns, raw = value.state[-4:]
            if isinstance(raw, list):
                raise ConfigError(_OBJECTS)
            return _array(self._bytes(raw), _kind(kind), _counts(shape), "F" if columns else "C")
        if value.what.name == _WRAPPER:
            return self._streamed(value.state, data)
        return value

    def persistent(self, id: Any) -> tuple[str, str]:
        """The key of a storage and the kind of its numbers."""
        what, kind, key, *rest = id
        if what != "storage" or not isinstance(kind, Name) or not isinstance(key, str) or any(rest[2:]):
            raise ValueError("a storage is referred to in an unknown way")
        self.storages[key] = _STORAGES[kind.name]
        return key, _STORAGES[kind.name]

    def _streamed(self, state: Any, data: io.BytesIO) -> NDArray[Any] | None:
        """The numbers that joblib has written behind the wrapper's state, after a count of bytes of padding."""
        kind, shape = _kind(state["dtype"]), _counts(state["shape"])
        if state.get("numpy_array_alignment_bytes") is not None:
            data.read(data.read(1)[0])
        count = math.prod(shape) * kind.itemsize
        raw = data.read(count) if count <= MOST_BYTES else b""
        return _array(raw, kind, shape, state["order"])

    def _bytes(self, raw: Any) -> bytes | bytearray:
        """Protocols below 3 write bytes as text; what is made anew is counted, since it can be asked for again."""
        if isinstance(raw, str):
            self._left -= len(raw)
            if self._left < 0:
                raise ConfigError(f"holds more than {MOST_BYTES} bytes.")
            return raw.encode("latin-1")
        if not isinstance(raw, bytes | bytearray):
            raise ValueError("an array's numbers are no bytes")
        return raw


@dataclass(frozen=True)
class _Kind:
    """A type of NumPy, of which only numbers are read."""

    numbers: str | None
    itemsize: int


_OBJECTS: Final = "holds an array of Python objects, which no codebook needs: nothing of the file was run."


def _kind(noted: Any) -> _Kind:
    """Of what stands for a `numpy.dtype`: its code, and its byte order in its state."""
    if not isinstance(noted, Noted) or (noted.what.module, noted.what.name) != ("numpy", "dtype"):
        raise ValueError("an array has no type")
    code = noted.args[0]
    if re.fullmatch(r"[<>=|]?O\d*", code):
        raise ConfigError(_OBJECTS)
    order = noted.state[1] if isinstance(noted.state, tuple) else "|"
    if found := _NUMBERS.fullmatch(code):
        numbers = (">" if order == ">" else "<") + found[1]
        return _Kind(numbers, np.dtype(numbers).itemsize)
    if found := _ANYTHING.fullmatch(code):
        return _Kind(None, int(found[2]) * (4 if found[1] == "U" else 1))
    raise ValueError("an array is of an unknown type")


def _array(raw: bytes | bytearray, kind: _Kind, shape: tuple[int, ...], order: Any) -> NDArray[Any] | None:
    """None where it does not hold numbers."""
    if len(raw) != math.prod(shape) * kind.itemsize:
        raise ValueError(f"an array of {shape} is not of the {len(raw)} bytes that are there")
    if kind.numbers is None:
        return None
    return np.frombuffer(raw, dtype=kind.numbers).reshape(shape, order="F" if order == "F" else "C")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    key, kind = storage
    return Tensor(key, kind, _counts((offset,))[0], _counts(shape), _counts(strides))


def _counts(values: Any) -> tuple[int, ...]:
    """As shapes are: few whole numbers, none of which is negative or absurd."""
    if isinstance(values, Noted):  # a `torch.Size`
        values = values.args[0]
    counts = tuple(values)
    if len(counts) > 16 or not all(type(count) is int and 0 <= count < 2**48 for count in counts):
        raise ValueError("a shape is not of whole numbers")
    return counts
