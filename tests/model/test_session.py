from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lstdata.config import PatchingConfig
from lstdata.model.batch import collate
from lstdata.model.lst import Model
from lstdata.model.patch_session import static_lengths
from lstdata.model.session import open_session
from lstdata.packing import Row
from lstdata.patching import STRATEGIES
from tests.model.conftest import VOCABULARY

FIRST_UNIT = 15
"""Of the vocabulary of 40: ids below are text, markers and what else is a position of its own."""

ARCHITECTURES = pytest.mark.parametrize("architecture", ["lst", "plain"])


def naive_lengths(tokens: list[int], size: int) -> list[int]:
    """Positions by the rule of lst.md §3, one token after the other."""
    lengths: list[int] = []
    in_patch = 0
    for token in tokens:
        if token < FIRST_UNIT or in_patch in (0, size):
            lengths.append(0)
            in_patch = 0
        lengths[-1] += 1
        in_patch = 0 if token < FIRST_UNIT else in_patch + 1
    return lengths


def full_logits(model: Model, tokens: list[int], size: int) -> Tensor:
    """(N, vocabulary) by one forward pass over all of these, as training cuts them."""
    lengths = naive_lengths(tokens, size) if model.config.architecture == "lst" else [1] * len(tokens)
    ends = np.cumsum(lengths) - 1
    late = [length < size and tokens[end] >= FIRST_UNIT for length, end in zip(lengths, ends, strict=True)]
    row = Row(
        np.array(tokens, dtype=np.int32),
        np.array(lengths, dtype=np.int32),
        np.array([len(tokens)], dtype=np.int32),
        late=np.array(late),
    )
    with torch.no_grad():
        logits: Tensor = model.logits(model.states(collate([row])))
    return logits


def documents(least: int, most: int) -> st.SearchStrategy[list[int]]:
    """One that begins with BOS, then runs of units and others."""
    runs = st.lists(
        st.one_of(
            st.lists(st.integers(FIRST_UNIT, VOCABULARY - 1), min_size=1, max_size=11),
            st.lists(st.integers(0, FIRST_UNIT - 1), min_size=1, max_size=4),
        ),
        min_size=least,
        max_size=most,
    )
    return runs.map(lambda parts: [1, *(token for part in parts for token in part)])


@given(st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_step_is_the_full_forward_pass(small_model: Callable[..., Model], data: st.DataObject) -> None:
    """After a prompt of any mix, cut anywhere, also within a patch; window and visible positions are soon exceeded.

    One pass over the whole of it, later runs and their ends too, has the distributions of every step before.
    """
    architecture = data.draw(st.sampled_from(["lst", "lst", "plain"]))
    size = data.draw(st.sampled_from([1, 3, 4]))
    model = small_model(
        architecture,
        window=data.draw(st.sampled_from([3, 6, 512])),
        visible=data.draw(st.sampled_from([1, 2, 3, 512])),
        encoder_layers=data.draw(st.integers(0, 2)),
    )
    tokens = data.draw(documents(1, 8))
    cut = data.draw(st.integers(1, len(tokens)))
    session = open_session(model, [tokens[:cut]], FIRST_UNIT, size)
    got = [session.logits[0], *(session.advance([token], [0])[0] for token in tokens[cut:])]
    torch.testing.assert_close(torch.stack(got), full_logits(model, tokens, size)[cut - 1 :], atol=1e-9, rtol=0)
    lengths = naive_lengths(tokens, size) if architecture == "lst" else [1] * len(tokens)
    is_open = architecture == "lst" and tokens[-1] >= FIRST_UNIT and lengths[-1] < size
    assert (session.tokens.tolist(), session.positions.tolist()) == ([len(tokens)], [len(lengths) - is_open])


@given(st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sequences_of_a_batch_are_as_each_alone(small_model: Callable[..., Model], data: st.DataObject) -> None:
    """Whatever the others are, and whichever of them go on at a step."""
    architecture = data.draw(st.sampled_from(["lst", "plain"]))
    model = small_model(architecture, window=5, visible=2)
    prompts = data.draw(st.lists(documents(0, 3), min_size=2, max_size=4))
    together = open_session(model, prompts, FIRST_UNIT, 4)
    alone = [open_session(model, [prompt], FIRST_UNIT, 4) for prompt in prompts]
    torch.testing.assert_close(together.logits, torch.cat([one.logits for one in alone]), atol=1e-9, rtol=0)
    for _ in range(12):
        which = sorted(data.draw(st.sets(st.integers(0, len(prompts) - 1), min_size=1)))
        tokens = [data.draw(st.integers(0, VOCABULARY - 1)) for _ in which]
        got = together.advance(tokens, which)
        expected = torch.cat([alone[row].advance([token], [0]) for token, row in zip(tokens, which, strict=True)])
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=0)
    assert together.positions.tolist() == [int(one.positions[0]) for one in alone]


@ARCHITECTURES
def test_a_prompt_that_is_read_at_once_leaves_what_reading_it_by_steps_leaves(
    small_model: Callable[..., Model], architecture: str
) -> None:
    model = small_model(architecture, window=4, visible=2)
    tokens = [1, 2, *range(15, 26), 3, 4, *range(20, 27)]
    at_once, by_steps = (open_session(model, [tokens[:end]], FIRST_UNIT, 4) for end in (len(tokens), 1))
    for token in tokens[1:]:
        before = by_steps.advance([token], [0])
    for token in (30, 31, 5, 32):
        torch.testing.assert_close(at_once.logits, before, atol=1e-9, rtol=0)
        at_once.logits, before = at_once.advance([token], [0]), by_steps.advance([token], [0])


@pytest.mark.parametrize("units", [1, 2, 3, 4, 5])
def test_a_short_patch_is_read_once_its_run_has_ended(small_model: Callable[..., Model], units: int) -> None:
    """By steps as in training, also at its last unit; the tokens after it do read it, at any number of positions."""
    for visible in (1, 2, 512):
        model = small_model(window=2, visible=visible)
        tokens = [1, 2, *range(15, 15 + units), 3, 7]
        session = open_session(model, [tokens[:1]], FIRST_UNIT, 4)
        got = torch.cat([session.logits, *(session.advance([token], [0]) for token in tokens[1:])])
        expected = full_logits(model, tokens, 4)
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=0)
        went_on = full_logits(model, [*tokens[: 2 + units], 39, 39], 4)
        torch.testing.assert_close(expected[: 2 + units], went_on[: 2 + units], atol=1e-9, rtol=0)
    tokens[-3] += 1
    assert not torch.allclose(full_logits(model, tokens, 4)[-1], expected[-1], atol=1e-9), "it is read in the end"


@given(documents(0, 8), st.integers(1, 5))
def test_positions_are_static_patches(tokens: list[int], size: int) -> None:
    assert static_lengths(tokens, FIRST_UNIT, size).tolist() == naive_lengths(tokens, size)


def test_a_run_is_cut_as_the_data_cuts_it() -> None:
    cut = STRATEGIES["static"]
    for frames in range(1, 12):
        lengths = cut(None, 0, frames, PatchingConfig(patch_size=4))  # type: ignore[arg-type]
        tokens = [1, 2, *[FIRST_UNIT] * frames, 3]
        assert static_lengths(tokens, FIRST_UNIT, 4).tolist() == [1, 1, *lengths.tolist(), 1]


@pytest.mark.parametrize("prompt", [[], [FIRST_UNIT, 1]])
def test_a_prompt_begins_with_a_token_that_is_no_unit(small_model: Callable[..., Model], prompt: list[int]) -> None:
    with pytest.raises(ValueError, match="must begin"):
        open_session(small_model(), [[1], prompt], FIRST_UNIT, 4)
