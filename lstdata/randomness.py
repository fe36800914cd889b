"""Randomness as a function of what it is for: no global seeds, nothing to save."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray


def digest(*parts: object) -> bytes:
    """32 bytes that depend on every part and on where one part ends and the next begins."""
    pieces: list[bytes] = []
    for part in parts:
        encoded = str(part).encode("utf-8", "surrogatepass")
        pieces += (len(encoded).to_bytes(8, "little"), encoded)
    return hashlib.blake2b(b"".join(pieces), digest_size=32).digest()


def fraction(*parts: object) -> float:
    """A uniform number in [0, 1) that depends on `parts` alone."""
    return int.from_bytes(digest(*parts)[:8], "little") / 2.0**64


def rng(seed: int, epoch: int, id: str, purpose: str) -> np.random.Generator:
    """The generator for one purpose on one record: equal arguments, equal draws, on any machine."""
    key: Any = _Key(digest(seed, epoch, id, purpose)[:16])
    return np.random.Generator(np.random.Philox(key))


class _Key(ISeedSequence):
    """Gives Philox its key as it is; with `key=` it would first ask the system for entropy, and not use it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        assert n_words * np.dtype(dtype).itemsize == len(self._key)
        return np.frombuffer(self._key, dtype=dtype)


def hash64(text: str) -> int:
    return int.from_bytes(digest(text)[:8], "little")


def mixed(values: NDArray[np.uint64], seed: int, purpose: str) -> NDArray[np.uint64]:
    """A keyed, well-mixed 64-bit hash of each value (the finaliser of splitmix64)."""
    salt = np.uint64(int.from_bytes(digest(seed, purpose)[:8], "little"))
    with np.errstate(over="ignore"):
        x = (values ^ salt) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
