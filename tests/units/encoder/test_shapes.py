"""The arithmetic of frames, windows and batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.units.encoder.shapes import row_frames, windows

AT_50_HZ = ConvStack((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2))
AT_25_HZ = ConvStack((*AT_50_HZ.kernels, 2), (*AT_50_HZ.strides, 2))
HOPS = st.sampled_from([320, 640])


def test_hubert_looks_at_25_ms_every_20_and_with_one_more_convolution_at_45_every_40() -> None:
    assert (AT_50_HZ.hop, AT_50_HZ.field, AT_50_HZ.margin) == (320, 400, 40)
    assert (AT_25_HZ.hop, AT_25_HZ.field, AT_25_HZ.margin) == (640, 720, 40)


@pytest.mark.parametrize("stack", [AT_50_HZ, AT_25_HZ], ids=["50 Hz", "25 Hz"])
def test_with_its_margins_a_recording_has_a_frame_for_each_whole_hop(stack: ConvStack) -> None:
    assert all(stack.frames(n + 2 * stack.margin) == n // stack.hop for n in range(stack.hop, 40_000))


@pytest.mark.parametrize("stack", [AT_50_HZ, AT_25_HZ], ids=["50 Hz", "25 Hz"])
@given(frames=st.integers(1, 2000))
def test_a_row_holds_just_the_recordings_of_so_many_frames(stack: ConvStack, frames: int) -> None:
    samples = stack.samples(frames)
    assert stack.frames(samples) == frames
    assert (samples - 2 * stack.margin) // stack.hop == frames
    assert (samples + 1 - 2 * stack.margin) // stack.hop == frames + 1


def test_a_stack_that_cannot_be_centred_is_known() -> None:
    assert not ConvStack((4,), (5,)).fits_the_grid()
    assert not ConvStack((10,), (5,)).fits_the_grid()
    assert ConvStack((11,), (5,)).fits_the_grid()


@given(frames=st.integers(1, 100_000), hop=HOPS)
def test_what_windows_keep_is_a_partition_and_each_hears_more_than_it_keeps(frames: int, hop: int) -> None:
    cuts = windows(frames, hop)
    assert [cuts[0].first, *(w.last for w in cuts)] == [*(w.first for w in cuts), frames]
    context, longest = 5 * 16_000 // hop, 30 * 16_000 // hop
    for window in cuts:
        assert 0 <= window.start <= window.first < window.last <= window.end <= frames
        assert window.end - window.start <= longest
        assert window.first - window.start == (0 if window.first == 0 else context)
        assert window.end - window.last == min(context, frames - window.last)


@given(frames=st.integers(800, 50_000), more=st.integers(1, 5_000), hop=HOPS)
def test_a_window_is_where_it_is_whatever_comes_after_it(frames: int, more: int, hop: int) -> None:
    shorter, longer = windows(frames, hop), windows(frames + more, hop)
    if len(shorter) > 2:
        assert shorter[:-2] == longer[: len(shorter) - 2]


def test_a_recording_of_half_a_minute_goes_through_whole() -> None:
    assert len(windows(750, 640)) == 1
    assert [w.last - w.first for w in windows(751, 640)] == [500, 251]


@given(frames=st.integers(1, 750), hop=HOPS)
def test_a_rows_length_is_a_function_of_its_own_and_little_more(frames: int, hop: int) -> None:
    length = row_frames(frames, hop)
    assert length >= frames
    assert row_frames(length, hop) == length
    assert length <= max(16_000 // hop, frames * 1.05 + 1)
