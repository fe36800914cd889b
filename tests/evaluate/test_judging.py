"""Which items of a set a model can be asked."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lstdata.errors import ConfigError
from lstdata.evaluate.endings import Coding
from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.judging import judge
from lstdata.model.lst import Model
from lstdata.records import Sample


def spoken_set(samples: dict[str, Sample], *items: tuple[str, str, str]) -> Any:
    """Prompts and two endings, by the names of their recordings."""
    recordings = SimpleNamespace(places=samples, sample=samples.__getitem__)
    parts = [[Part(recording=name) for name in item] for item in items]
    made = [Item(f"i{n}", f"i{n}", first, (one, two), 0) for n, (first, one, two) in enumerate(parts)]
    return SimpleNamespace(items=made, recordings=recordings, name="set", root="set")


def test_patches_by_words_leave_out_speech_without_word_times(
    spoken: Callable[..., Sample], coding: Callable[..., Coding], scorer: Callable[..., Model]
) -> None:
    samples = {name: spoken(2, seed=seed) for seed, name in enumerate("abc")}
    samples["d"] = spoken(2, seed=3, timed=False)
    asked = spoken_set(samples, ("a", "b", "c"), ("a", "b", "d"), ("d", "b", "c"))
    assert [(m.answered.mode, m.left_out) for m in judge(scorer(), coding("static"), asked)] == [("s-s", 0)]
    (judged,) = judge(scorer(), coding("aligned"), asked)
    assert ([item.id for item in judged.answered.items], judged.left_out) == (["i0"], 2)
    with pytest.raises(ConfigError, match="has no item with the parts"):
        judge(scorer(), coding("aligned"), spoken_set(samples, ("a", "b", "d")))
