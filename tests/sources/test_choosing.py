"""Rules that choose samples: what they leave is what satisfies them, one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import SelectConfig
from lstdata.errors import ConfigError
from lstdata.filters import has_tag
from lstdata.randomness import hash64
from lstdata.sources.candidates import Candidates, Named
from lstdata.sources.choosing import choose, part_name, values_of

SAMPLE = st.fixed_dictionaries(
    {
        "seconds": st.integers(1, 40).map(float),
        "score": st.none() | st.integers(-5, 5).map(float),
        "split": st.sampled_from(["train", "validation"]),
        "speaker": st.none() | st.sampled_from(["a", "b", "c"]),
        "language": st.none() | st.sampled_from(["en", "en-US", "German", "de"]),
    }
)


def named(values: Sequence[str | None]) -> Named:
    names = sorted({value for value in values if value is not None})
    return Named(np.array([-1 if v is None else names.index(v) for v in values], dtype=np.int32), names)


def candidates(samples: Sequence[dict[str, Any]]) -> Candidates:
    count = len(samples)
    return Candidates(
        ids=np.array([hash64(str(n)) for n in range(count)], dtype=np.uint64),
        seconds=np.array([s["seconds"] for s in samples]),
        sizes=np.array([s["seconds"] for s in samples]),
        scores=np.array([np.nan if s.get("score") is None else s["score"] for s in samples]),
        splits=named([s.get("split", "train") for s in samples]),
        speakers=named([s.get("speaker") for s in samples]),
        recordings=np.arange(1, count + 1, dtype=np.uint64),
        languages=named([s.get("language") for s in samples]),
        listed=np.array([s.get("listed", True) for s in samples]),
    )


def allowed(sample: dict[str, Any], rules: dict[str, Any]) -> bool:
    """The same rules, for people."""
    checks = {
        "min_seconds": lambda limit: sample["seconds"] >= limit,
        "max_seconds": lambda limit: sample["seconds"] <= limit,
        "min_score": lambda limit: sample["score"] is not None and sample["score"] >= limit,
        "max_score": lambda limit: sample["score"] is not None and sample["score"] <= limit,
        "splits": lambda wanted: sample["split"] in wanted,
        "speakers": lambda wanted: sample["speaker"] in wanted,
        "languages": lambda tags: sample["language"] is not None and any(has_tag(sample["language"], t) for t in tags),
    }
    return all(checks[name](limit) for name, limit in rules.items())


@given(
    st.lists(SAMPLE, min_size=1, max_size=30),
    st.fixed_dictionaries(
        {},
        optional={
            "min_seconds": st.floats(0, 20),
            "max_seconds": st.floats(20, 40),
            "min_score": st.floats(-5, 0),
            "max_score": st.floats(0, 5),
            "splits": st.sampled_from([("train",), ("train", "validation"), ("test",)]),
            "speakers": st.sampled_from([("a",), ("a", "c"), ("nobody",)]),
            "languages": st.sampled_from([("en",), ("EN-us", "de"), ("fr",)]),
        },
    ),
)
def test_the_chosen_are_those_that_satisfy_every_rule(samples: list[dict[str, Any]], rules: dict[str, Any]) -> None:
    chosen, said = choose(candidates(samples), SelectConfig(**rules))
    expected = [allowed(sample, rules) for sample in samples]
    assert chosen.tolist() == expected
    assert len(said) == len(rules)
    left = [sum(expected), sum(s["seconds"] for s, is_left in zip(samples, expected, strict=True) if is_left)]
    assert not said or [said[-1].samples, said[-1].size] == left


@given(st.lists(SAMPLE, min_size=1, max_size=60), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 3))
def test_a_smaller_share_is_within_a_larger_one(
    samples: list[dict[str, Any]], one: float, two: float, seed: int
) -> None:
    found = candidates(samples)
    small, large = (choose(found, SelectConfig(share=share, seed=seed))[0] for share in sorted((one, two)))
    assert not (small & ~large).any()
    for split in {sample["split"] for sample in samples}:
        of_split = np.array([sample["split"] == split for sample in samples])
        total = found.seconds[of_split].sum()
        taken = found.seconds[of_split & large]
        assert taken.sum() >= max(one, two) * total - 0.001
        assert taken.sum() - taken.max() < max(one, two) * total + 0.001, "not one sample more than needed"


def test_the_whole_share_is_all() -> None:
    assert choose(candidates([{"seconds": 1.5}] * 9), SelectConfig(share=1.0))[0].all()


def test_hours_are_a_share_of_all_and_no_more() -> None:
    found = candidates([{"seconds": 36.0}] * 200)
    chosen, said = choose(found, SelectConfig(hours=0.5))
    assert chosen.sum() == 50 and (said[0].rule, said[0].size) == ("0.5 h, seed 0", 1800.0)
    with pytest.raises(ConfigError, match=r"`hours` must be ≤ 2\.00, which is all there is, but is 3"):
        choose(found, SelectConfig(hours=3))


def test_a_share_is_taken_of_what_the_rules_leave() -> None:
    samples = [{"seconds": float(n % 2 + 1)} for n in range(40)]
    _, said = choose(candidates(samples), SelectConfig(min_seconds=2, share=0.5))
    assert [(left.samples, left.size) for left in said] == [(20, 40.0), (10, 20.0)]


@given(st.lists(SAMPLE, min_size=1, max_size=40), st.sampled_from(["split", "speaker", "language"]))
def test_parts_by_values_hold_every_sample_once(samples: list[dict[str, Any]], by: Any) -> None:
    found = candidates(samples)
    names = values_of({"split": found.splits, "speaker": found.speakers, "language": found.languages}[by])
    parts = [choose(found, SelectConfig(by=by, part=name))[0] for name in names]
    assert (np.sum(parts, axis=0) == 1).all() and all(part.any() for part in parts)


def test_a_name_is_made_a_part_once(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    monkeypatch.setattr("lstdata.sources.candidates.part_name", lambda name: named.append(name) or name)
    found = candidates([{"seconds": 1.0, "speaker": speaker} for speaker in "abcabc"])
    parts = [choose(found, SelectConfig(by="speaker", part=name))[0] for name in values_of(found.speakers)]
    assert named == ["a", "b", "c"] and [part.sum() for part in parts] == [2, 2, 2]


@pytest.mark.parametrize(
    ("value", "name"),
    [("en-US", "en-US"), ("s_1.b", "s_1.b"), ("../up", r"up-\w{8}"), ("a b", r"a-b-\w{8}"), ("..", r"\w{8}")],
)
def test_a_value_becomes_the_name_of_a_folder(value: str, name: str) -> None:
    assert re.fullmatch(name, part_name(value))


@given(st.text())
def test_no_value_leaves_the_folder(value: str) -> None:
    name = part_name(value)
    assert name and "/" not in name and not name.startswith(".") and len(name) < 80
