"""Ids that several runs have."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.randomness import hash64
from lstdata.reshape.carrying import Parent


def check_ids(parents: Sequence[Parent]) -> None:
    """ConfigError with an example where two runs have samples of the same id; hashes only find candidates."""
    hashes = [np.fromiter(map(hash64, _ids(parent)), np.uint64, parent.samples) for parent in parents]
    repeated = _repeated(np.concatenate(hashes))
    if not len(repeated):
        return
    owner: dict[str, Parent] = {}
    shared: list[tuple[str, Parent, Parent]] = []
    for parent, hashed in zip(parents, hashes, strict=True):
        candidates = np.isin(hashed, repeated)
        for id in (id for id, may in zip(_ids(parent), candidates.tolist(), strict=True) if may):
            if owner.setdefault(id, parent) is not parent:
                shared.append((id, owner[id], parent))
    if shared:
        id, first, second = shared[0]
        raise ConfigError(
            f"{len(shared):,} ids are in more than one run, e.g. `{id}` in `{first.root}` and `{second.root}`: give "
            "--prefix-ids to keep both."
        )


def prefixes_of(parents: Sequence[Parent]) -> tuple[str, ...]:
    """The name of each folder and a slash; where names are equal, with the least number that makes it another."""
    names = [os.path.basename(parent.root) for parent in parents]
    return tuple(f"{name}/" for name in distinct(names))


def distinct(names: Sequence[str]) -> list[str]:
    """Names that stand once as they are; of the others each as `NAME-NUMBER`, its place or the next that is free."""
    taken = {name for name in names if names.count(name) == 1}
    found: list[str] = []
    for place, name in enumerate(names, 1):
        if names.count(name) > 1:
            name = next(each for n in count(place) if (each := f"{name}-{n}") not in taken)
            taken.add(name)
        found.append(name)
    return found


def _ids(parent: Parent) -> Iterator[str]:
    for table in parent.source.index(("id",)):
        yield from table["id"].to_pylist()


def _repeated(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    kinds, counts = np.unique(hashes, return_counts=True)
    return kinds[counts > 1]
