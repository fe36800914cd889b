"""All that the rows of a training depend on, as plain values: any process can open the same rows again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.loader.mixture import Mixture, Source
from lstdata.packing import RowBudget
from lstdata.storage import place


@dataclass(frozen=True, kw_only=True)
class SourceSpec:
    """The training split of one run folder, and its part of the rows."""

    name: str
    path: str
    share: float
    """Of all raw tokens, beside the shares of the others."""
    tokens_per_row: float
    """That are expected in a row of it."""
    interleave: InterleaveConfig
    patching: PatchingConfig

    def open(self) -> SplitCorpus:
        """ConfigError where the folder is no finished run, or has no such split."""
        return self.of(open_run(place(self.path)))

    def of(self, run: RunFolder) -> SplitCorpus:
        return SplitCorpus(run, "train", self.interleave, self.patching)


@dataclass(frozen=True, kw_only=True)
class MixtureSpec:
    """The rows of several sources."""

    sources: tuple[SourceSpec, ...]
    positions: int
    tokens: int
    """Of a row."""
    per_step: int
    rows: int
    """Of the whole training."""
    lanes: int | None
    seed: int

    def open(self) -> Mixture:
        """The rows, of run folders that are opened for it."""
        return self.of([source.open() for source in self.sources])

    def of(self, corpora: Sequence[SplitCorpus]) -> Mixture:
        """The rows of these corpora, which are open already."""
        return Mixture(
            [
                Source(
                    name=source.name,
                    corpus=corpus,
                    share=source.share,
                    tokens_per_row=source.tokens_per_row,
                    lanes=self.lanes,
                )
                for source, corpus in zip(self.sources, corpora, strict=True)
            ],
            RowBudget(positions=self.positions, tokens=self.tokens),
            seed=self.seed,
            per_step=self.per_step,
            rows=self.rows,
        )
