"""What every format is to whoever exports: shards that are written, each with the samples that it cannot carry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from lstdata.export.samples import Run, Shard, read_samples
from lstdata.shards import StoredSample

LeftOut = tuple[str, str]
"""The id of a sample that a format cannot carry, and the reason (`[a-z0-9_]+`)."""


class Writer(Protocol):
    """One format."""

    def written(self, run: Run) -> Iterator[tuple[Shard, Sequence[LeftOut]]]:
        """Write every shard; each with what of it is left out, in the order of the plan."""

    def close(self) -> dict[str, Any]:
        """Complete all files; what `export.json` says of them beside what it says of every format."""


class InOrder(ABC):
    """A format whose files take the samples of a run one after another."""

    def written(self, run: Run) -> Iterator[tuple[Shard, Sequence[LeftOut]]]:
        for shard, samples in read_samples(run):
            yield shard, self.write(shard, samples)

    @abstractmethod
    def write(self, shard: Shard, samples: Iterable[StoredSample]) -> Sequence[LeftOut]:
        """Write all samples of a shard but those that the format cannot carry."""
