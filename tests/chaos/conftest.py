"""What all kill points share, and what became of them by kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.nodes import Nodes
from tests.chaos.ordeal import carry_out
from tests.chaos.points import draw, is_on_ray
from tests.chaos.scenes import Scenes


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    made = Scenes(tmp_path_factory.mktemp("scenes"))
    assert made.build.contents
    return made


@pytest.fixture(scope="session")
def under_way(
    request: pytest.FixtureRequest, scenes: Scenes, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Future[None]]]:
    """The chosen points of this machine alone, by seed, one after another in a thread: beside those on Ray."""
    folder = tmp_path_factory.mktemp("chaos")
    chosen = [item.callspec.params["seed"] for item in request.session.items if "under_way" in _fixtures(item)]
    with ThreadPoolExecutor(1) as thread:
        yield {seed: thread.submit(_try, seed, scenes, folder) for seed in chosen if not is_on_ray(seed)}
        thread.shutdown(cancel_futures=True)


def _try(seed: int, scenes: Scenes, folder: Path) -> None:
    carry_out(draw(seed, scenes), scenes, folder, None)


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """A Ray cluster, whose processes end with this one; for the main thread alone."""
    cluster = Nodes()
    yield cluster
    cluster.close()


def _fixtures(item: pytest.Item) -> list[str]:
    return list(getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """kind × count × ok."""
    counts = {
        outcome: Counter(
            m[1] for report in terminalreporter.stats.get(outcome, ()) if (m := _KIND.search(report.nodeid))
        )
        for outcome in ("passed", "failed", "error")
    }
    kinds = sorted(set().union(*counts.values()))
    if not kinds:
        return
    terminalreporter.section("kill points")
    for kind in [*kinds, None]:
        passed, *others = (c.total() if kind is None else c[kind] for c in counts.values())
        terminalreporter.write_line(f"{kind or 'all':<14}{passed + sum(others):>5}{passed:>5} ok")


_KIND = re.compile(r"/chaos/test_kill_points\.py::.*\[\d+-([a-z-]+)\]")
