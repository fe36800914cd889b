"""What is said where Ray cannot be had."""

from __future__ import annotations

from typing import Any

import pytest

from lstdata.errors import ConfigError, Unavailable
from lstdata.workers.cluster import connected


@pytest.fixture
def ray_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def init(**_: Any) -> None:
        raise Exception("The current node timed out during startup.\nThe raylet may have died.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)


@pytest.mark.usefixtures("ray_that_fails")
def test_ray_that_does_not_start_is_the_worlds_fault_and_one_line() -> None:
    said = (
        "Ray could not be started on this machine: The current node timed out during startup. The raylet may have died."
    )
    with pytest.raises(Unavailable) as raised, connected(2, None):
        pass
    assert str(raised.value) == said


@pytest.mark.usefixtures("ray_that_fails")
def test_a_cluster_that_cannot_be_joined_is_the_users() -> None:
    said = "`run.address` 'ray://head:10001' is no running Ray cluster: The current node timed out during startup."
    with pytest.raises(ConfigError) as raised, connected(None, "ray://head:10001"):
        pass
    assert str(raised.value).startswith(said)
