"""Recordings one after the other: each has its own values, whoever comes with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.units.encoder.encoder import Encoder
from lstdata.units.encoder.libraries import TransformersNetwork
from lstdata.units.encoder.stream import EncoderStream
from tests.units.encoder.checkpoints import random_model

SECOND = 16_000
LENGTHS = [320, 5_000, SECOND, 20_000, 20_100, 20_400, 33_000, 47_999, 3 * SECOND]
WAVES = [(np.random.default_rng(n).standard_normal(n) * 0.1).astype(np.float32) for n in LENGTHS]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(TransformersNetwork(random_model("Hubert", "group"), 2, False))


def ids(hidden: torch.Tensor) -> torch.Tensor:
    """As coarse as cluster ids, and as sharp: bits that differ can show."""
    return (hidden[..., 0] * 1e6).round().long()


def through(encoder: Encoder, order: list[int], batched: bool, windowed: bool = True) -> dict[int, np.ndarray]:
    stream = EncoderStream(encoder, ids, batched, windowed)
    done = [pair for number in order for pair in stream.add(number, WAVES[number])] + stream.finish()
    assert sorted(number for number, _ in done) == sorted(order)
    return dict(done)


@pytest.mark.parametrize("batched", [False, True])
def test_every_recording_has_a_value_for_each_of_its_frames(encoder: Encoder, batched: bool) -> None:
    found = through(encoder, list(range(len(WAVES))), batched)
    assert {number: len(values) for number, values in found.items()} == {i: n // 320 for i, n in enumerate(LENGTHS)}


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(len(WAVES))), count=st.integers(1, len(WAVES)))
def test_in_any_company_and_order_the_same(encoder: Encoder, order: list[int], count: int) -> None:
    some = through(encoder, list(order)[:count], batched=True)
    for number, values in some.items():
        assert np.array_equal(values, through(encoder, [number], batched=True)[number])


def test_a_full_batch_comes_while_others_wait(encoder: Encoder) -> None:
    stream = EncoderStream(encoder, ids, batched=True)
    done = [[n for n, _ in stream.add(number, WAVES[3])] for number in range(5)]
    assert done == [[], [], [], [0, 1], []], "the first two come when the second two go"
    assert [n for n, _ in stream.finish()] == [2, 3, 4]


def test_padding_and_missing_rows_are_counted(encoder: Encoder) -> None:
    stream = EncoderStream(encoder, ids, batched=True)
    stream.add(0, WAVES[2])
    stream.finish()
    assert (stream.wanted, stream.computed) == (50, 2 * 50)
    alone = EncoderStream(encoder, ids, batched=False)
    alone.add(0, WAVES[2])
    assert (alone.wanted, alone.computed) == (50, 50)


@pytest.mark.parametrize("batched", [False, True])
def test_a_long_recording_goes_in_windows_that_fit_together(encoder: Encoder, batched: bool) -> None:
    wave = (np.random.default_rng(1).standard_normal(65 * SECOND + 123) * 0.1).astype(np.float32)
    stream = EncoderStream(encoder, lambda hidden: hidden, batched)
    [(_, values)] = [*stream.add(0, wave), *stream.finish()]
    assert values.shape == (len(wave) // 320, 32)
    assert stream.wanted == (25 + 30 + 30 + 5 + 5) * 50
    [(_, whole)] = EncoderStream(encoder, lambda hidden: hidden, False, windowed=False).add(0, wave)
    inner = np.abs(values - whole).max(axis=1)
    assert np.median(inner) < 0.01, "only what attention hears beyond a window is missing"


def test_after_a_failure_nothing_is_left_behind(encoder: Encoder) -> None:
    def fails(hidden: torch.Tensor) -> torch.Tensor:
        raise ValueError("no head")

    alone = EncoderStream(encoder, fails, batched=False)
    with pytest.raises(ValueError, match="no head"):
        alone.add(0, WAVES[0])
    alone.forget()
    assert alone.finish() == []
    batched = EncoderStream(encoder, ids, batched=True)
    batched.add(0, WAVES[0])
    batched.forget()
    assert batched.finish() == []
