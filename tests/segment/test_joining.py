"""Joined neighbours: only what belongs together, nothing lost, words on the common clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import SegmentConfig
from lstdata.segment.joining import joined
from lstdata.source_row import Locator, SourceRow, TimedWord

CONFIG = SegmentConfig(join=True, target_seconds=10, join_gap=1)
RATE = 8_000


def part(id: str, start: float, end: float, **fields: Any) -> SourceRow:
    place = Locator(path="a.wav", start=round(start * RATE), end=round(end * RATE), rate=RATE)
    values: dict[str, Any] = {"text": id.upper(), "speaker": "s", "language": "en"} | fields
    return SourceRow(id=id, recording="a", locator=place, duration=end - start, **values)


def ids(*rows: SourceRow, config: SegmentConfig = CONFIG) -> list[str]:
    return [row.id for row in joined([(row, True) for row in rows], config)]


def test_neighbours_become_one_record() -> None:
    words = (TimedWord("A", 0.5, 1.0),)
    first, second = part("a", 1, 3, words=words, score=-1.0), part("b", 3.5, 6, words=words, score=-2.0)
    (row,) = joined([(first, True), (second, True)], CONFIG)
    assert (row.id, row.text, row.duration, row.score) == ("a+1", "A B", 5.0, -2.0)
    assert row.locator == Locator(path="a.wav", start=8_000, end=48_000, rate=RATE)
    assert row.words == (TimedWord("A", 0.5, 1.0), TimedWord("A", 3.0, 3.5))
    assert row.custom == {"joined": ["a", "b"]}


def test_words_and_scores_need_all() -> None:
    (row,) = joined(
        [(part("a", 1, 3, words=(TimedWord("A", 0, 1),), score=-1.0), True), (part("b", 3, 4), True)], CONFIG
    )
    assert row.words is None and row.score is None and row.text == "A B"


def test_custom_values_that_all_share_are_kept() -> None:
    rows = [part("a", 0, 1, custom={"book": 1, "page": 1}), part("b", 1, 2, custom={"book": 1, "page": 2})]
    (row,) = joined([(r, True) for r in rows], CONFIG)
    assert row.custom == {"book": 1, "joined": ["a", "b"]}


@pytest.mark.parametrize(
    "other",
    [
        {"speaker": "t"},
        {"language": "de"},
        {"license": "CC0"},
        {"split": "validation"},
        {"text": None},
        {"reject": ("bad_row", "x")},
        {"locator": Locator(path="b.wav", start=16_000, end=24_000, rate=RATE)},
        {"locator": Locator(path="a.wav", start=16_000, end=24_000, rate=16_000)},
        {"locator": Locator(path="a.wav", start=16_000, end=24_000, rate=RATE, channel=1)},
        {"locator": Locator(path="a.wav", start=16_000, rate=RATE)},
        {"locator": Locator(path="a.wav", start=15_999, end=24_000, rate=RATE)},
        {"locator": Locator(path="a.wav", start=24_001, end=30_000, rate=RATE)},
        {"locator": Locator(path="a.wav", start=16_000, end=80_001, rate=RATE)},
    ],
)
def test_what_does_not_belong_together_stays_apart(other: dict[str, Any]) -> None:
    second = part("b", 2, 3)
    assert ids(part("a", 0, 2), second) == ["a+1"]
    assert ids(part("a", 0, 2), replace(second, **other)) == ["a", "b"]


def test_records_that_are_not_short_part_their_neighbours() -> None:
    rows = [(part("a", 0, 1), True), (part("b", 1, 2), False), (part("c", 2, 3), True)]
    assert [row.id for row in joined(rows, CONFIG)] == ["a", "b", "c"]


def test_joining_is_off_unless_asked_for() -> None:
    assert ids(part("a", 0, 1), part("b", 1, 2), config=SegmentConfig()) == ["a", "b"]


@given(st.lists(st.tuples(st.integers(0, 3 * RATE), st.integers(1, 6 * RATE), st.booleans()), max_size=30))
def test_every_record_is_in_one_row_in_order_and_none_is_too_long(pieces: list[tuple[int, int, bool]]) -> None:
    rows, cursor = [], 0
    for number, (gap, length, same) in enumerate(pieces):
        start, cursor = cursor + gap, cursor + gap + length
        row = part(f"r{number}", start / RATE, cursor / RATE, speaker="s" if same else "t")
        rows.append(replace(row, locator=replace(row.locator, start=start, end=cursor)))
    found = list(joined([(row, True) for row in rows], CONFIG))
    assert [id for row in found for id in row.custom.get("joined", [row.id])] == [row.id for row in rows]
    assert " ".join(row.text or "" for row in found).split() == [row.text for row in rows]
    assert all(row.duration is not None and row.duration <= 10 for row in found)
