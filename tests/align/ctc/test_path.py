from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.align.ctc import path as whole
from lstdata.align.ctc.banded import banded_path
from lstdata.align.ctc.path import best_path
from lstdata.records import Ints, Waveform


def random_emissions(seed: int, frames: int, columns: int) -> Waveform:
    rng = np.random.default_rng(seed)
    return np.log(rng.dirichlet(np.ones(columns), frames)).astype(np.float32)


def spoken(frames: int, tokens: int, seed: int) -> tuple[Waveform, Ints, Ints]:
    """Emissions in which each token is heard on one frame, the tokens, and those frames."""
    rng = np.random.default_rng(seed)
    said = rng.integers(1, 29, tokens)
    heard = np.sort(rng.choice(frames // 2, tokens, replace=False)) * 2
    logs = rng.standard_normal((frames, 30), dtype=np.float32) - 9
    logs[:, 0] = -0.1
    logs[heard, 0], logs[heard, said] = -9, -0.1
    return logs, said, heard


@st.composite
def cases(draw: st.DrawFn) -> tuple[Waveform, Ints]:
    tokens = np.array(draw(st.lists(st.integers(1, 3), min_size=1, max_size=12)))
    needed = len(tokens) + int((tokens[1:] == tokens[:-1]).sum())
    frames = needed + draw(st.integers(0, 30))
    return random_emissions(draw(st.integers(0, 2**31)), frames, 4), tokens


@given(cases())
@settings(deadline=None)
def test_a_wide_band_finds_the_path_of_forced_align(case: tuple[Waveform, Ints]) -> None:
    logs, tokens = case
    found = banded_path(logs, tokens)
    assert found is not None
    assert found.tolist() == whole._whole(logs, tokens).tolist()


@given(cases(), st.integers(1, 8))
@settings(deadline=None)
def test_a_narrow_band_finds_a_path_through_all_tokens(case: tuple[Waveform, Ints], width: int) -> None:
    logs, tokens = case
    found = banded_path(logs, tokens, width)
    assert found is not None
    heard = found[found >= 0]
    assert (np.diff(heard) >= 0).all() and (np.diff(heard) <= 1).all()
    assert (heard[0], heard[-1]) == (0, len(tokens) - 1)
    for first, second in pairwise(found.tolist()):
        assert not (0 <= first < second and tokens[first] == tokens[second]), "equal tokens have silence between"


@pytest.mark.parametrize(("tokens", "frames", "there_is"), [([1, 1], 3, True), ([1, 1], 2, False), ([1, 2], 2, True)])
def test_equal_neighbours_need_a_frame_between(tokens: list[int], frames: int, there_is: bool) -> None:
    found = banded_path(random_emissions(0, frames, 3), np.array(tokens))
    assert (found is not None) == there_is


def test_a_band_that_moves_finds_the_exact_path() -> None:
    logs, said, heard = spoken(6000, 1500, 0)
    narrow, wide = banded_path(logs, said, 128), banded_path(logs, said)
    assert narrow is not None and wide is not None
    assert narrow.tolist() == wide.tolist() == whole._whole(logs, said).tolist()
    assert wide[heard].tolist() == list(range(1500))


def test_a_path_at_the_edge_of_its_band_is_looked_for_in_a_wider_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from lstdata.align.ctc import banded

    logs, said, _ = spoken(4000, 1000, 1)
    logs[1000:3000] = random_emissions(1, 2000, 30)
    tried: list[int] = []
    original = banded._Band

    def remembered(logs: Waveform, tokens: Ints, width: int) -> banded._Band:
        tried.append(width)
        return original(logs, tokens, width)

    monkeypatch.setattr(banded, "_Band", remembered)
    found = banded_path(logs, said, 64)
    assert tried == [64, 256, 1000]
    assert found is not None
    assert total(logs, said, found) == pytest.approx(total(logs, said, whole._whole(logs, said)), abs=0.1)


def total(logs: Waveform, tokens: Ints, path: Ints) -> float:
    """Log-probability of a path; of two that differ by the last bits, each is the best."""
    columns = np.where(path >= 0, tokens[path], 0)
    return float(logs[np.arange(len(logs)), columns].sum(dtype=np.float64))


def test_beyond_the_limit_the_band_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    logs, said, _ = spoken(300, 40, 2)
    exact = best_path(logs, said)
    monkeypatch.setattr(whole, "MOST_CELLS", 0)
    monkeypatch.setattr(whole, "_whole", None)
    banded = best_path(logs, said)
    assert exact is not None and banded is not None
    assert banded.tolist() == exact.tolist()


def test_each_token_has_the_frames_it_is_heard_on() -> None:
    logs = np.full((6, 3), -5, dtype=np.float32)
    logs[[0, 1, 2, 3, 4, 5], [0, 1, 1, 0, 1, 2]] = 0
    found = best_path(logs, np.array([1, 1, 2]))
    assert found is not None
    assert found.tolist() == [[1, 3], [4, 5], [5, 6]]


def test_what_is_no_number_has_no_path() -> None:
    logs = random_emissions(0, 20, 3)
    logs[7] = np.nan
    assert best_path(logs, np.array([1, 2])) is None


@pytest.mark.slow
def test_an_hour_is_aligned_in_bounded_memory() -> None:
    import resource

    logs, said, heard = spoken(180_000, 50_000, 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = best_path(logs, said)
    assert found is not None
    assert found[:, 0].tolist() == heard.tolist()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20, "KiB"
