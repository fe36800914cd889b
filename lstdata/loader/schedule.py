"""Which source gives row g, and which of its rows that is: a pure function of g, with random access.

Sources are taken in turns, each time the one whose expected raw tokens fall furthest short of its share. With E_k
tokens expected in a row of source k, its share p_k, and T tokens in all rows so far, n_k of them its own, its deficit
is D_k = p_k·T − n_k·E_k. The deficits sum to 0, so the largest is ≥ 0, and only the source that is taken loses,
(1 − p_k)·E_k:

    −(1 − p_k)·E_k ≤ D_k ≤ Σ_{i≠k} (1 − p_i)·E_i        at every turn.

The first `PERIOD` turns are repeated for ever, so the measured shares differ from the given ones by less than
Σ E_i / T(PERIOD) in the end.

Within a step of R rows the order means nothing to training, and is chosen such that ranks read few lanes: row i of the
first source is at place i mod R of its step and, where there are two sources, row j of the second at place −1 − j mod
R: one fills the step from where it left off upwards, the other downwards. So with W processes, a divisor of R, the
number of such a row alone says whose it is (`residue`). Rows of further sources lie between, and go to every rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from lstdata.errors import ConfigError
from lstdata.records import Ints

PERIOD: Final = 16_384
"""Turns after which the order of the sources begins anew (chosen here)."""

LEAST: Final = 1024
"""One row in so many a source has at least: fewer could not have their share within a period."""

_PARTS: Final = 1 << 20
"""Shares and tokens are counted in whole parts of this size, so that every machine has the same order."""


class Schedule:
    """The order of rows of sources with these shares of all raw tokens, by the tokens expected in a row of each."""

    def __init__(self, shares: Sequence[float], tokens_per_row: Sequence[float], per_step: int) -> None:
        """Shares may have any sum; ConfigError where one is too small."""
        self.per_step = per_step
        self.sources = len(shares)
        self.shares = tuple(share / sum(shares) for share in shares)
        self._tokens = tuple(tokens_per_row)
        rows = [share / tokens for share, tokens in zip(self.shares, tokens_per_row, strict=True)]
        for source, count in enumerate(rows):
            if count < sum(rows) / LEAST:
                raise ConfigError(
                    f"`share` must give each source one row in {LEAST:,} or more, but {shares[source]:g} of "
                    f"{sum(shares):g} gives source {source + 1} one in {sum(rows) / count:,.0f}."
                )
        turns = _turns(tuple(map(_parts, self.shares)), tuple(map(_parts, tokens_per_row)))
        taken = turns[:, None] == np.arange(self.sources)
        self._before = np.concatenate([np.zeros((1, self.sources), np.int64), np.cumsum(taken, axis=0)])
        """(PERIOD + 1, sources) rows of each source in the first turns."""
        self._turn = [np.flatnonzero(taken[:, source]) for source in range(self.sources)]

    @property
    def row_shares(self) -> tuple[float, ...]:
        """The share of all rows that are of each source: its weight, where a sampler would draw rows."""
        return tuple(len(turns) / PERIOD for turns in self._turn)

    @property
    def tokens_per_row(self) -> float:
        """Raw tokens expected in a row, the mean over all sources."""
        return sum(share * tokens for share, tokens in zip(self.row_shares, self._tokens, strict=True))

    def place(self, row: int) -> tuple[int, int]:
        """(source, number among its rows) of a global row."""
        step, slot = divmod(row, self.per_step)
        first, counts = self._step(step)
        offset = (slot - first[0]) % self.per_step
        for source, (before, count) in enumerate(zip(first, counts, strict=True)):
            if offset < count:
                return source, before + (count - 1 - offset if source == 1 else offset)
            offset -= count
        raise AssertionError("the rows of a step are those of its sources")

    def row(self, source: int, number: int) -> int:
        """The global row that is this row of a source: the inverse of `place`."""
        period, turn = divmod(number, len(self._turn[source]))
        step = (period * PERIOD + int(self._turn[source][turn])) // self.per_step
        first, counts = self._step(step)
        offset = number - first[source]
        if source == 1:
            offset = counts[source] - 1 - offset
        slot = (first[0] + sum(counts[:source]) + offset) % self.per_step
        return step * self.per_step + slot

    def residue(self, source: int, rank: int, world: int) -> int | None:
        """The r for which a rank's rows of a source are those numbered ≡ r mod world; None where they are mixed."""
        if source == 0:
            return rank
        return world - 1 - rank if self.sources == 2 else None

    def _step(self, step: int) -> tuple[list[int], list[int]]:
        """Rows of each source before a step, and in it."""
        before, after = (self._rows(turns) for turns in (step * self.per_step, (step + 1) * self.per_step))
        return before.tolist(), (after - before).tolist()

    def _rows(self, turns: int) -> Ints:
        periods, rest = divmod(turns, PERIOD)
        rows: Ints = periods * self._before[-1] + self._before[rest]
        return rows


def _parts(value: float) -> int:
    return max(1, round(value * _PARTS))


@cache
def _turns(shares: tuple[int, ...], tokens: tuple[int, ...]) -> Ints:
    """(PERIOD,) the source of each turn; of equal deficits the first."""
    whole = sum(shares)
    deficits = [0] * len(shares)
    turns = np.zeros(PERIOD, dtype=np.int64)
    for turn in range(PERIOD):
        chosen = deficits.index(max(deficits))
        turns[turn] = chosen
        deficits = [deficit + share * tokens[chosen] for deficit, share in zip(deficits, shares, strict=True)]
        deficits[chosen] -= whole * tokens[chosen]
    return turns
