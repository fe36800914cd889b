"""sWUGGY and sBLIMP of ZeroSpeech 2021: `lexical/{dev,test}` and `syntactic/{dev,test}`, wavs beside a `gold.csv`.

Columns are those that the official evaluation reads (github.com/zerospeech/benchmarks, `tasks/lm`): lexical `id,
filename, voice, frequency, word, phones, length, correct`, syntactic `id, filename, voice, type, subtype,
transcription, correct`, with `filename` without its suffix. Ids of sBLIMP are unique in a type and subtype only.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

from lstdata.evaluate.layouts.pairing import Half, paired, recordings_in
from lstdata.evaluate.layouts.reading import BAD_ROWS, Problems, Published, Reading, Row, check_columns

if TYPE_CHECKING:
    from upath import UPath

GOLD: Final = "gold.csv"
LEXICAL: Final = ("id", "filename", "voice", "frequency", "correct")
SYNTACTIC: Final = ("id", "filename", "voice", "type", "subtype", "transcription", "correct")

_GOALS: Final = "https://zerospeech.com/tasks/task_4/tasks_goals/"
_IN: Final = "pairs with words of LibriSpeech"
SWUGGY: Final = {"dev": Published(5_000, _IN, _GOALS), "test": Published(20_000, _IN, _GOALS)}
"""By the name of the folder. Of pairs out of vocabulary no number was found."""

_LISTED: Final = "https://github.com/slp-rl/slamkit/issues/17 (half of the wavs in the published folder)"
SBLIMP: Final = {
    "dev": Published(25_200, "pairs of recordings", _LISTED),
    "test": Published(63_000, "pairs of recordings", _LISTED),
}

_BANDS: Final = {0.0: "oov", 1.0: "1-4", 5.0: "5-19", 20.0: "20-99", 100.0: "100 or more"}
"""Of the word's frequency, by their least: those of the official evaluation, which calls them oov, 1-5, 6-20, 21-100
and >100, but leaves out of each its upper end."""

Vocabulary = Literal["all", "in", "out"]
"""Whether the word of a pair is one of LibriSpeech: its `frequency` there is not 0."""


def read_swuggy(folder: UPath, vocabulary: Vocabulary = "all") -> Reading:
    """One item per pair and voice, without texts: a word that is none has no spelling."""
    problems = Problems()
    halves = [
        _half(row, row["id"], None, _kinds(_frequency(row), row.get("length", "").strip()))
        for row in _rows(folder, LEXICAL, problems)
    ]
    found = paired(halves, recordings_in(folder), problems)
    items = [item for item in found if vocabulary == "all" or ("vocabulary", vocabulary) in item.by]
    name = {"all": "swuggy", "in": "swuggy-inter", "out": "swuggy-oov"}[vocabulary]
    counted = len({item.group for item in items if ("vocabulary", "in") in item.by})
    published = None if vocabulary == "out" else SWUGGY.get(folder.name)
    return Reading(name, items, folder, counted, published, problems.found)


def read_sblimp(folder: UPath) -> Reading:
    """One item per pair and voice, with the sentences."""
    problems = Problems()
    halves = [
        _half(
            row,
            f"{row['type']}/{row['subtype']}/{row['id']}",
            row["transcription"].strip() or None,
            (("type", row["type"]), ("subtype", f"{row['type']}/{row['subtype']}")),
        )
        for row in _rows(folder, SYNTACTIC, problems)
    ]
    items = paired(halves, recordings_in(folder), problems)
    return Reading("sblimp", items, folder, len(items), SBLIMP.get(folder.name), problems.found)


def _rows(folder: UPath, columns: tuple[str, ...], problems: Problems) -> Iterator[Row]:
    """Those of `gold.csv` that say whether their recording is right."""
    check_columns(folder / GOLD, columns)
    for number, row in problems.rows(folder / GOLD):
        if row["correct"] in ("0", "1"):
            yield row
        else:
            problems.add(BAD_ROWS, f"row {number} (`correct` must be 0 or 1, but is {row['correct']!r})")


def _frequency(row: Row) -> float:
    """Of the word in LibriSpeech; 0 where none is given."""
    try:
        number = float(row["frequency"])
    except ValueError:
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0


def _kinds(frequency: float, length: str) -> tuple[tuple[str, str], ...]:
    """What the words of a pair are divided by."""
    band = list(_BANDS.values())[bisect_right(list(_BANDS), frequency) - 1]
    kinds = (("vocabulary", "in" if frequency else "out"), ("frequency", band))
    return (*kinds, ("length", length)) if length else kinds


def _half(row: Row, pair: str, text: str | None, by: tuple[tuple[str, str], ...]) -> Half:
    audio = f"{row['filename'].removesuffix('.wav')}.wav"
    return Half(pair, row["voice"], row["correct"] == "1", audio, text, by)
