"""A build in two phases ends with the bytes of one: units from one run folder, all else made later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstdata.build import Asked, build_shards
from lstdata.build.phases import first_phase
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.index import read_rejects
from lstdata.storage import commit_json, read_json, sha256_file
from lstdata.verify import verify
from tests.conftest import OPTIONS, Quiet, build


def units_of(source: Path, out: Path, *sets: str) -> Path:
    config = first_phase(load(BuildConfig, None, [*OPTIONS, *sets]))
    build_shards(Asked(str(source), out, config), Quiet())
    return out


def files(out: Path) -> dict[str, str]:
    """All that is a function of input and config."""
    names = ("plan", "index", "shards", "rejects")
    tables = {f"{name}.parquet": sha256_file(out / f"{name}.parquet") for name in names}
    frozen = ("vocab.json", "tokenizer.json", "codebook.npz", "codebook.json")
    shards = {path.name: sha256_file(path) for path in (out / "shards").iterdir()}
    return tables | {name: sha256_file(out / name) for name in frozen} | shards


@pytest.fixture(scope="module")
def phased(cuts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return units_of(cuts, tmp_path_factory.mktemp("units") / "run")


def test_the_first_phase_is_a_run_of_speech_alone(phased: Path) -> None:
    assert verify(phased).problems == []
    assert read_json(phased / "run.json")["totals"]["words"] == 0


def test_two_phases_give_the_bytes_of_one(cuts: Path, built: Path, phased: Path, tmp_path: Path) -> None:
    build(cuts, tmp_path / "out", f"units.taken_from={phased}")
    assert files(tmp_path / "out") == files(built)
    assert verify(tmp_path / "out").problems == []


def test_nothing_is_extracted_in_the_second(
    cuts: Path, phased: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def extracted(*_: Any) -> None:
        raise AssertionError("units were to be taken")

    monkeypatch.setattr("lstdata.build.means.find_features", extracted)
    monkeypatch.setattr("lstdata.build.freeze.fit_on", extracted)
    build(cuts, tmp_path / "out", f"units.taken_from={phased}")


def test_a_rejected_recording_is_rejected_in_both(make_cuts: Callable[[int], Path], tmp_path: Path) -> None:
    corpus = make_cuts(6)
    broken = sorted(corpus.rglob("*.flac"))[2]
    broken.write_bytes(b"fLaC, but no more than that")
    first = units_of(corpus, tmp_path / "units")
    build(corpus, tmp_path / "one")
    build(corpus, tmp_path / "two", f"units.taken_from={first}")
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert [letter.stage for letter in read_rejects(tmp_path / "two" / "rejects.parquet")] == ["decode"]


def test_a_recording_repaired_between_the_phases_waits(make_cuts: Callable[[int], Path], tmp_path: Path) -> None:
    corpus = make_cuts(3)
    broken = sorted(corpus.rglob("*.flac"))[1]
    whole = broken.read_bytes()
    broken.write_bytes(b"fLaC, but no more than that")
    first = units_of(corpus, tmp_path / "units")
    broken.write_bytes(whole)
    with pytest.raises(IncompleteBuild, match=r"`utt-001` has no units in .*: `lstdata retry` it there"):
        build(corpus, tmp_path / "out", f"units.taken_from={first}")


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["units.seed=4"], "built with other options: `units.seed` 0 → 4"),
        (["plan.shard_seconds=30"], "has another plan than this build"),
    ],
)
def test_another_first_phase_is_refused(
    cuts: Path, phased: Path, tmp_path: Path, sets: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build(cuts, tmp_path / "out", f"units.taken_from={phased}", *sets)


def test_what_is_no_first_phase_is_refused(cuts: Path, phased: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must be a run folder, but .* has no run\.json"):
        build(cuts, tmp_path / "out", f"units.taken_from={cuts}")
    with pytest.raises(ConfigError, match="`--units-only` makes units"):
        first_phase(load(BuildConfig, None, [f"units.taken_from={phased}"]))


def test_units_made_on_a_gpu_keep_their_class(cuts: Path, phased: Path, tmp_path: Path) -> None:
    """The class of the bytes is that of the first phase; all but its model must be as it is here."""
    first = _of_class(phased, tmp_path / "gpu", " transformers-4.57.6 NVIDIA H100")
    build(cuts, tmp_path / "out", f"units.taken_from={first}")
    sidecar = next((tmp_path / "out" / "shards").glob("*.json"))
    assert read_json(sidecar)["compute_class"].endswith("NVIDIA H100")
    build(cuts, tmp_path / "out", f"units.taken_from={first}")
    other = _of_class(phased, tmp_path / "other", "-other NVIDIA H100")
    with pytest.raises(ConfigError, match=r"was built on compute class .* but this machine is"):
        build(cuts, tmp_path / "refused", f"units.taken_from={other}")


def _of_class(first: Path, copy: Path, tail: str) -> Path:
    """A first phase as another machine would have left it."""
    import shutil

    from lstdata.run_folder import sealed

    shutil.copytree(first, copy)
    run = read_json(copy / "run.json")
    commit_json(copy / "run.json", sealed(copy, run | {"compute_class": run["compute_class"] + tail}))
    return copy
