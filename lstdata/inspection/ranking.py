"""The samples of a run folder that are the worst by a measure of the index: to look at first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from lstdata.index import INDEX_SCHEMA, read_table
from lstdata.inspection.finding import Place, read_sample
from lstdata.records import SAMPLE_RATE
from lstdata.shards import StoredSample


@dataclass(frozen=True)
class Measure:
    """What samples are ranked by, the greatest or the least first; those for which it is not known are left out."""

    column: str
    """The name of the value in a listing."""
    first: str
    """`ascending` or `descending`, as pyarrow has it."""
    none: str
    """What is said where it is known of no sample."""
    of: Callable[[pa.Table], Any]


def _rate(table: pa.Table) -> Any:
    return pc.divide(pc.cast(table["words"], pa.float64()), _seconds(table))


def _guessed(table: pa.Table) -> Any:
    guessed = pc.if_else(pc.greater(table["interpolated"], 0), table["interpolated"], None)
    return pc.divide(pc.cast(guessed, pa.float64()), table["words"])


def _seconds(table: pa.Table) -> Any:
    return pc.if_else(pc.greater(table["seconds"], 0), table["seconds"], None)


MEASURES: Final = {
    "align": Measure("score", "ascending", "no sample has an alignment score", lambda table: table["align_score"]),
    "interpolated": Measure("interpolated", "descending", "no word is interpolated", _guessed),
    "fast": Measure("rate", "descending", "no sample has word times", _rate),
    "slow": Measure("rate", "ascending", "no sample has word times", _rate),
    "long": Measure("duration", "descending", "there is no speech", _seconds),
    "short": Measure("duration", "ascending", "there is no speech", _seconds),
}
"""By the name of a `--worst`."""


@dataclass(frozen=True)
class WeakWord:
    """The word of a sample that fits worst, by its aligner's own score."""

    word: str
    score: float
    start: float
    """Seconds."""


@dataclass(frozen=True)
class Ranked:
    key: str
    id: str
    value: float
    seconds: float
    words: int | None
    weakest: WeakWord | None = None
    """Under `align`, where words have scores."""


def worst(out: UPath, measure: str, count: int) -> list[Ranked]:
    """The `count` worst samples, the worst first, equals by their keys; under `align` each is read for its words."""
    rule = MEASURES[measure]
    columns = (*Place.COLUMNS, "seconds", "words", "interpolated", "align_score")
    table = read_table(out / "index.parquet", INDEX_SCHEMA, columns)
    table = table.append_column("value", pa.chunked_array([pc.cast(rule.of(table), pa.float64()).combine_chunks()]))
    known = table.filter(pc.field("value").is_valid())
    order = pc.sort_indices(known, sort_keys=[("value", rule.first), ("key", "ascending")])
    rows = known.take(order[:count]).to_pylist()
    return [
        Ranked(
            **{name: row[name] for name in ("key", "id", "value", "seconds", "words")},
            weakest=weakest_word(read_sample(out, Place.of(row))) if measure == "align" else None,
        )
        for row in rows
    ]


def weakest_word(stored: StoredSample) -> WeakWord | None:
    """None where no word has a score."""
    sample = stored.sample
    if sample.words is None or sample.word_frames is None:
        return None
    scores = [(score, number) for number, score in enumerate(sample.word_scores or ()) if score is not None]
    if not scores:
        return None
    score, number = min(scores)
    return WeakWord(sample.words[number], score, int(sample.word_frames[number, 0]) * sample.hop / SAMPLE_RATE)
