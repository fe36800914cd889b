"""Whatever is killed, and whenever: the same command again leads to what an undisturbed build leaves, byte for byte."""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.chaos.ordeal import carry_out
from tests.chaos.points import CI, draw, is_on_ray, kind_of
from tests.chaos.scenes import Scenes

SEEDS = range(int(os.environ.get("CHAOS_POINTS", "112")))


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(seed, id=f"{seed}-{kind_of(seed)}", marks=[pytest.mark.chaos, *[pytest.mark.slow] * (seed in CI)])
        for seed in SEEDS
    ],
)
def test_a_killed_build_ends_as_an_undisturbed_one(
    seed: int, under_way: dict[int, Future[None]], scenes: Scenes, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    try:
        if is_on_ray(seed):
            carry_out(draw(seed, scenes), scenes, tmp_path, request.getfixturevalue("nodes"))
        else:
            under_way[seed].result()
    except AssertionError as error:
        failure = str(error)
    else:
        return
    pytest.fail(failure, pytrace=False)
