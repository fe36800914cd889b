"""Builds on Ray with models in actors: the bytes of local ones, whatever dies and however little room."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import ray

from lstdata.errors import ConfigError, Unavailable
from tests.build.test_ray import Noting, sums
from tests.conftest import Quiet, build, write_cuts
from tests.transcribe.conftest import tone_model as tone_model
from tests.units.encoder.checkpoints import random_model, save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _one_cpu() -> Iterator[None]:
    """Ray on this machine, which all of these builds find and leave."""
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_models_in_actors_on_one_cpu_give_the_same_bytes(tone_model: Path, tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "corpus", 6)
    encoder = save(random_model("Hubert", "group"), tmp_path / "hubert")
    options = [f"units.model={encoder}", "units.layer=2", "units.clusters=20", "units.fit_frames=500"]
    options += ["words.aligner=ctc", f"words.model={tone_model}", "words.min_score=null", "words.missing=speech"]
    build(corpus, tmp_path / "local", *options)
    listener = Noting()
    more = ("run.runner=ray", "run.workers=null", "run.model_actors=1")
    build(corpus, tmp_path / "ray", *options, *more, listener=listener)
    assert sums(tmp_path / "ray") == sums(tmp_path / "local")
    assert "ray: 1 CPU; 1 shard task of 0.5 CPU, 1 model actor of 0.5 CPU" in listener.notes


def descendants(pid: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            child, parent = int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                yield child
                yield from descendants(child)


def test_a_model_actor_that_dies_is_started_again(tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "corpus", 6)
    encoder = save(random_model("Hubert", "group"), tmp_path / "hubert")
    options = [f"units.model={encoder}", "units.layer=2", "units.clusters=20", "units.fit_frames=500"]
    build(corpus, tmp_path / "local", *options)
    killed: list[int] = []

    class Killing(Quiet):
        def built(self, *details: Any) -> None:
            super().built(*details)
            if not killed:
                names = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in descendants(os.getpid())}
                killed.extend(pid for pid, name in names.items() if b"SpeechModels" in name)
                os.kill(killed[0], signal.SIGKILL)

    build(corpus, tmp_path / "ray", *options, "run.runner=ray", "run.model_actors=1", listener=Killing())
    assert len(killed) == 1
    assert sums(tmp_path / "ray") == sums(tmp_path / "local")


def test_actors_for_which_there_is_no_room(cuts: Path, tmp_path: Path) -> None:
    """One of two has room, but not always the time to start where the machine is busy."""
    encoder = save(random_model("Hubert", "group"), tmp_path / "hubert")
    options = [f"units.model={encoder}", "units.layer=2", "units.clusters=20", "units.fit_frames=500"]
    asked = ["run.runner=ray", "run.model_actors=2", "run.cpus_per_model=1"]
    said = r"^[01] of 2 model actors of 1 CPU were ready after 10 s; the cluster has 1 CPU"
    with pytest.raises(Unavailable, match=said):
        build(cuts, tmp_path / "out", *options, *asked, "run.model_start_timeout=10")
    with pytest.raises(ConfigError, match="leave no CPU for shard tasks"):
        build(cuts, tmp_path / "out", *options, *asked, "run.model_actors=1")
