"""Fitting to a run, and the two verbs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.run_folder import read_card
from lstdata.vocoder import open_vocoder
from lstdata.vocoder.fitting import fit_vocoder
from lstdata.vocoder.recordings import Choice, Recordings
from lstdata.vocoder.resynthesis import WIDTH, Resynthesiser
from lstdata.vocoder.spectra import log_bands
from tests.conftest import build, write_cuts


def run(*arguments: object, fails: int = 0) -> Any:
    """The JSON that is said, or, where it is to fail, the error."""
    done = CliRunner().invoke(cli, [*map(str, arguments), "--json"], standalone_mode=False)
    if fails:
        assert done.exception is not None and getattr(done.exception, "exit_code", 1) == fails
        return str(done.exception)
    assert done.exception is None, done.exception
    return json.loads(done.output)


@pytest.fixture(scope="module")
def fitted(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vocoder") / "v.npz"
    fit_vocoder(UPath(built), UPath(out), Choice(), lambda *_: None)
    return out


def test_what_is_fitted_is_nearer_than_the_mean(built: Path, fitted: Path) -> None:
    voice = Resynthesiser.read(str(fitted))
    spectra, means = [], []
    for units, audio in Recordings(UPath(built), Choice(split="train")):
        assert audio is not None
        heard = log_bands(audio, 4 * len(units), 160)
        said = log_bands(voice.speak(units), 4 * len(units), 160)
        spectra.append(np.abs(said - heard).mean())
        means.append(np.abs(heard - heard.mean(0)).mean())
    assert np.mean(spectra) < 0.5 * np.mean(means)


def test_equal_runs_give_equal_bytes_and_the_run_is_known(built: Path, fitted: Path, tmp_path: Path) -> None:
    said = run("fit-vocoder", built, tmp_path / "v.npz")
    assert (tmp_path / "v.npz").read_bytes() == fitted.read_bytes()
    card = read_card(UPath(built))
    assert card is not None
    voice = open_vocoder(str(fitted))
    voice.check(card)
    assert said["name"] == voice.name and said["left_out"] == 0 and said["units"] == card.units
    assert 0 < said["units_met"] <= said["units"]


def test_choices(built: Path, tmp_path: Path) -> None:
    root = UPath(built)
    every = Recordings(root, Choice())
    assert len(Recordings(root, Choice(utterances=3))) == 3
    assert len(Recordings(root, Choice(seconds=0.1))) == 1
    few = [len(Recordings(root, Choice(seconds=limit))) for limit in (5.0, 20.0, 1e6)]
    assert few == sorted(few) and few[-1] == len(every)
    one = Recordings(root, Choice(speaker="s1"))
    assert one.speakers == 1 and len(one) < len(every)
    drawn = {
        tuple(tuple(units.tolist()) for units in Recordings(root, Choice(utterances=2, seed=s)).units()) for s in (0, 1)
    }
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split", "test"], "`--split` must be one of train, validation, but is 'test'"),
        (["--speaker", "nobody"], "`--speaker` must be one of s0, s1, s2, but is 'nobody'"),
        (["--limit-seconds", 0], "`--limit-seconds` must be > 0, but is 0"),
        (["--utterances", 0], "`--utterances` must be ≥ 1, but is 0"),
    ],
)
def test_choices_that_are_none_are_refused(built: Path, tmp_path: Path, options: list[object], said: str) -> None:
    assert said in run("fit-vocoder", built, tmp_path / "v.npz", *options, fails=2)
    assert not list(tmp_path.iterdir())


def test_runs_without_audio_are_refused(built: Path, text_run: Path, tmp_path: Path) -> None:
    assert "has no units of speech" in run("fit-vocoder", text_run, tmp_path / "v.npz", fails=2)
    assert "must end in .npz" in run("fit-vocoder", built, tmp_path / "v.bin", fails=2)
    build(built, tmp_path / "packed")
    said = run("fit-vocoder", tmp_path / "packed", tmp_path / "v.npz", fails=2)
    assert "keeps none (`audio.keep`)" in said and "brings units without audio" in said


def test_audio_that_is_gone_is_left_out_and_said(tmp_path: Path) -> None:
    cuts = write_cuts(tmp_path / "corpus", 4)
    build(cuts, tmp_path / "out")
    gone = sorted((cuts / "audio").iterdir())
    gone[0].unlink()
    samples, rate = soundfile.read(gone[1])
    soundfile.write(gone[1], samples[:-4000], rate)
    heard = [audio is not None for _, audio in Recordings(UPath(tmp_path / "out"), Choice())]
    said = run("fit-vocoder", tmp_path / "out", tmp_path / "v.npz")
    assert said["left_out"] == heard.count(False) > 0 and said["utterances"] == heard.count(True) > 0
    shutil.rmtree(cuts / "audio")
    assert "is there" in run("fit-vocoder", tmp_path / "out", tmp_path / "v.npz", "--force", fails=2)


def test_audio_kept_in_the_shards_is_enough(tmp_path: Path) -> None:
    cuts = write_cuts(tmp_path / "corpus", 3)
    build(cuts, tmp_path / "out", "audio.keep=flac")
    expected = [units.tolist() for units, _ in Recordings(UPath(tmp_path / "out"), Choice())]
    shutil.rmtree(cuts)
    found = list(Recordings(UPath(tmp_path / "out"), Choice()))
    assert [units.tolist() for units, _ in found] == expected
    assert all(audio is not None and len(audio) // 640 == len(units) for units, audio in found)


def test_a_file_is_replaced_only_when_asked(built: Path, fitted: Path, tmp_path: Path) -> None:
    shutil.copy(fitted, tmp_path / "v.npz")
    assert "exists already" in run("fit-vocoder", built, tmp_path / "v.npz", fails=2)
    run("fit-vocoder", built, tmp_path / "v.npz", "--force", "--utterances", 1)
    (tmp_path / "w.npz").write_bytes(b"mine")
    assert "does not replace it" in run("fit-vocoder", built, tmp_path / "w.npz", "--force", fails=2)


def test_units_are_spoken_into_a_file(fitted: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([1, 2, 2, 3]))
    said = run("vocode", fitted, tmp_path / "a.npy", tmp_path / "a.wav")
    [one] = said["written"]
    assert (one["count"], one["seconds"], said["rate"]) == (4, 0.16, 16_000)
    assert said["vocoder"] == open_vocoder(str(fitted)).name
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert (len(samples), rate) == (4 * 640, 16_000)
    again = tmp_path / "again"
    np.save(tmp_path / "b.npy", np.array([5], dtype=np.uint16))
    run("vocode", fitted, tmp_path / "a.npy", tmp_path / "b.npy", again)
    assert (again / "a.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert sorted(path.name for path in again.iterdir()) == ["a.wav", "b.wav"]


def test_people_are_told_what_they_hear(fitted: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([1]))
    done = CliRunner().invoke(cli, ["vocode", str(fitted), str(tmp_path / "a.npy"), str(tmp_path / "a.wav")])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].endswith("a.wav: 0.04 s of 1 units")
    assert "not a neural vocoder" in done.output


def test_what_cannot_be_spoken_is_refused(fitted: Path, tmp_path: Path) -> None:
    good, bad, high = (tmp_path / name for name in ("good.npy", "bad.npy", "high.npy"))
    np.save(good, np.array([1]))
    np.save(bad, np.array([0.5]))
    np.save(high, np.array([60_000]))
    wav = tmp_path / "x.wav"
    assert "must hold one row of unit ids" in run("vocode", fitted, bad, wav, fails=2)
    assert "but not 60000…60000" in run("vocode", fitted, high, wav, fails=2)
    assert "goes into a .wav" in run("vocode", fitted, good, tmp_path / "x.flac", fails=2)
    (tmp_path / "y.wav").mkdir()
    assert "OUT must be a file, but" in run("vocode", fitted, good, tmp_path / "y.wav", fails=2)
    (tmp_path / "y.wav").rmdir()
    assert "go into a folder" in run("vocode", fitted, good, high, wav, fails=2)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(good, other)
    assert "would be one file" in run("vocode", fitted, good, other / "good.npy", tmp_path / "out", fails=2)
    assert not list(tmp_path.glob("*.wav"))


def test_features_are_as_wide_as_the_file_says(fitted: Path) -> None:
    assert Resynthesiser.read(str(fitted)).means.units.shape[1] == 4 * WIDTH


def test_folders_that_are_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run folder"):
        Recordings(UPath(tmp_path), Choice())
