"""Randomness as a function of what it is for: no global seeds, nothing to save."""

from __future__ import annotations

import hashlib

import numpy as np


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
    key = np.frombuffer(digest(seed, epoch, id, purpose)[:16], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key))
