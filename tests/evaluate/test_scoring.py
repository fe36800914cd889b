from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from torch.nn.functional import log_softmax

from lstdata.evaluate.endings import Coding
from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.results import Answered, credits_of
from lstdata.evaluate.scoring import Scores, score
from lstdata.model.lst import Model
from lstdata.packing import join
from lstdata.records import Sample
from tests.model.reference import naive_logits


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_scores_are_sums_of_log_probabilities_whatever_the_batch(
    spoken: Callable[..., Sample], coding: Callable[..., Coding], scorer: Callable[..., Model], architecture: str
) -> None:
    """From the model written out, token by token."""
    model, code = scorer(architecture), coding("static" if architecture == "lst" else "none")
    sides = [
        (spoken(2, seed=1), spoken(3, seed=2)),
        (spoken(2, seed=1), "the small boat"),
        ("one day", spoken(1, seed=3)),
        ("one day the keeper", "saw a boat"),
        (None, spoken(2, seed=4)),
    ]
    endings = [code.ending(*pair) for pair in sides]
    expected = []
    for ending in endings:
        tokens = ending.document.tokens
        row = join([ending.document])
        likely = log_softmax(naive_logits(model, [row]), dim=-1)
        places = range(len(tokens) - ending.tokens, len(tokens))
        expected.append(-sum(likely[place - 1, tokens[place]].item() for place in places))
    seen: list[tuple[int, int]] = []
    model.train()
    for tokens_at_once in (1, 60, 10_000):
        found = score(model, endings, tokens=tokens_at_once, progress=lambda done, of: seen.append((done, of)))
        assert found.nll == pytest.approx(expected, rel=1e-6)
        assert found.tokens.tolist() == [ending.tokens for ending in endings]
    assert model.training
    assert seen[-1] == (5, 5) and len(seen) > 6


def items_of(*answers: int) -> list[Item]:
    parts = (Part(text="a"), Part(text="b"))
    return [Item(f"i{n}", f"g{n // 2}", Part(text="p"), parts, answer) for n, answer in enumerate(answers)]


def test_an_ending_is_the_best_by_its_sum_or_by_its_mean() -> None:
    """Endings of 2 and 4 tokens: −Σ log p of 3 and 4 nats are 1.5 and 1 nats a token."""
    scores = Scores(np.array([3.0, 4.0, 3.0, 4.0]), np.array([2, 4, 2, 4]))
    alone = Scores(np.array([1.0, 2.0, 1.0, 2.0]), np.array([2, 4, 2, 4]))
    answered = Answered("story", "s-s", items_of(0, 1), scores, alone)
    assert answered.credit("raw").tolist() == [1.0, 0.0]
    assert answered.credit("per_token").tolist() == [0.0, 1.0]
    assert answered.credit("per_token", control=True).tolist() == [0.5, 0.5]
    summary = answered.summary()
    assert (summary["items"], summary["chance"]) == (2, 0.5)
    assert summary["raw"]["accuracy"] == {"mean": 0.5, "low": 0.5, "high": 0.5}
    assert summary["raw"]["no_prompt"]["mean"] == 0.5
    rows = list(answered.rows())
    assert [row["right"] for row in rows] == [True, False, False, True]
    for convention in ("raw", "per_token"):
        names, groups, credit = credits_of(rows, convention)
        assert (names, groups) == (["i0", "i1"], ["g0", "g0"])
        assert credit.tolist() == answered.credit(convention).tolist()


def test_a_kind_s_accuracy_is_the_mean_over_its_pairs() -> None:
    """Three items of one pair, two of them right, and one of another, wrong: a half of (2/3 + 0)."""
    parts = (Part(text="a"), Part(text="b"))
    kinds = [("g0", "5-19", 0), ("g0", "5-19", 0), ("g0", "5-19", 1), ("g1", "5-19", 1), ("g2", "20-99", 0)]
    items = [
        Item(f"i{number}", group, None, parts, answer, (("frequency", kind),))
        for number, (group, kind, answer) in enumerate(kinds)
    ]
    scores = Scores(np.array([1.0, 2.0] * 5), np.ones(10, dtype=np.int64))
    answered = Answered("swuggy", "s-s", items, scores)
    found = answered.summary()["by"]["frequency"]
    assert list(found) == ["5-19", "20-99"]
    assert (found["5-19"]["items"], found["5-19"]["pairs"]) == (4, 2)
    assert found["5-19"]["raw"] == {"mean": 0.333333, "low": 0.0, "high": 0.986667}
    assert found["20-99"]["per_token"]["mean"] == 1.0
    assert "by" not in Answered("story", "t-t", items_of(0), Scores(np.ones(2), np.ones(2, dtype=np.int64))).summary()


def test_equal_endings_share_the_credit() -> None:
    scores = Scores(np.array([2.0, 2.0, 5.0]), np.array([1, 1, 1]))
    item = Item("i", "i", None, (Part(text="a"), Part(text="b"), Part(text="c")), 1)
    answered = Answered("story", "t-t", [item], scores)
    assert answered.credit("raw").tolist() == [0.5]
    assert "no_prompt" not in answered.summary()["raw"]
