"""`retry`: repaired recordings become samples, nothing else is touched, and the bytes are those of a whole corpus."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.build import Asked, retry
from lstdata.build.retry import Retry
from lstdata.cli.verbs import cli
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.index import read_rejects
from lstdata.storage import sha256_file
from lstdata.verify import verify
from tests.conftest import OPTIONS, Quiet, build


def tars(out: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in (out / "shards").glob("*.tar")}


@pytest.fixture
def damaged(make_cuts: Callable[[int], Path], tmp_path: Path) -> tuple[Path, Path, Path, bytes]:
    """(corpus, run folder, the recording that was broken while it was built, what it holds when repaired)."""
    corpus = make_cuts(8)
    broken = sorted(corpus.rglob("*.flac"))[2]
    whole = broken.read_bytes()
    broken.write_bytes(b"RIFF, but no more than that")
    build(corpus, tmp_path / "out")
    return corpus, tmp_path / "out", broken, whole


def test_a_repaired_recording_becomes_a_sample(damaged: tuple[Path, Path, Path, bytes], tmp_path: Path) -> None:
    corpus, out, broken, whole = damaged
    assert [letter.reason for letter in read_rejects(out / "rejects.parquet")] == ["undecodable"]
    broken.write_bytes(whole)
    listener = Quiet()
    asked = Asked(str(corpus), out, load(BuildConfig, None, OPTIONS))
    totals, retried = retry(asked, Retry(), listener)
    assert (totals.written, totals.rejected) == (8, 0)
    assert listener.names == list(retried.shards) and len(retried.shards) == 1
    assert retried.outcome([]) == {"retried": 1, "samples": 1, "rejected": {}, "shards": list(retried.shards)}
    assert verify(out).problems == []
    build(corpus, tmp_path / "whole", f"units.codebook={out / 'codebook.npz'}")
    assert tars(tmp_path / "whole") == tars(out)


def test_what_is_still_broken_is_rejected_again(damaged: tuple[Path, Path, Path, bytes]) -> None:
    _, out, _, _ = damaged
    before = tars(out)
    said = CliRunner().invoke(cli, ["retry", str(out), "--json", "--workers", "1"], catch_exceptions=False)
    found = json.loads(said.stdout)
    assert (found["retried"], found["samples"], found["rejected"]) == (1, 0, {"undecodable": 1})
    assert tars(out) == before and verify(out).problems == []


def test_only_shards_with_letters_of_a_reason_are_built_anew(damaged: tuple[Path, Path, Path, bytes]) -> None:
    corpus, out, _, _ = damaged
    asked = Asked(str(corpus), out, load(BuildConfig, None, OPTIONS))
    with pytest.raises(ConfigError, match=r"`--reason` bad_sample_rate: no record .* Dead letters: undecodable 1"):
        retry(asked, Retry(("bad_sample_rate",)), Quiet())
    listener = Quiet()
    _, retried = retry(asked, Retry(("undecodable",)), listener)
    assert len(listener.names) == len(retried.letters) == 1


def test_without_dead_letters_nothing_is_done(built: Path, cuts: Path) -> None:
    listener = Quiet()
    _, retried = retry(Asked(str(cuts), built, load(BuildConfig, None, OPTIONS)), Retry(), listener)
    assert listener.names == [] and retried.letters == () and "nothing to do" in retried.describe()


def test_options_of_the_run_are_kept(damaged: tuple[Path, Path, Path, bytes]) -> None:
    _, out, _, _ = damaged
    said = CliRunner().invoke(cli, ["retry", str(out), "--set", "units.seed=3"])
    assert isinstance(said.exception, ConfigError) and "`--set units.seed=3` must be one of `run.`" in str(
        said.exception
    )


def test_an_interrupted_retry_leaves_what_was_complete(
    damaged: tuple[Path, Path, Path, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, out, _, _ = damaged
    before = sorted(path.name for path in (out / "shards").iterdir())

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lstdata.build.drive.work_off", interrupted)
    with pytest.raises(KeyboardInterrupt):
        retry(Asked(str(corpus), out, load(BuildConfig, None, OPTIONS)), Retry(), Quiet())
    assert sorted(path.name for path in (out / "shards").iterdir()) == before


def test_more_failures_than_may_be_end_it_as_a_build(damaged: tuple[Path, Path, Path, bytes]) -> None:
    _, out, _, _ = damaged
    arguments = ["retry", str(out), "--workers", "1"]
    assert CliRunner().invoke(cli, [*arguments, "--max-reject-rate", "0.1"]).exit_code == 1
    assert CliRunner().invoke(cli, [*arguments, "--max-reject-rate", "0.2"]).exit_code == 0
