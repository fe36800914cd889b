"""`lstdata generate` from end to end, on a model of a few steps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.generation.prompts import PromptOptions, prompt_ids
from lstdata.inspection.finding import find_place, read_sample
from lstdata.loader.unit_pieces import fit_run_pieces
from lstdata.train.trained import Trained, open_trained
from lstdata.vocoder.fitting import fit_vocoder
from lstdata.vocoder.recordings import Choice
from lstdata.vocoder.resynthesis import Resynthesiser
from tests.test_documentation import block
from tests.train.test_train import run as trained_on

Generate = Callable[..., Any]


@pytest.fixture(scope="module")
def lst_run(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("generate") / "lst"
    trained_on(built, out, "steps=2", "patching.strategy=curriculum", "patching.patch_size=5")
    return out


@pytest.fixture(scope="module")
def trained(lst_run: Path) -> Trained:
    return open_trained(lst_run)


@pytest.fixture
def key(built: Path) -> str:
    return "utt-003"


def generate(*arguments: object, fails: int = 0) -> Any:
    """The JSON that is said, or, where it is to fail, the error."""
    done = CliRunner().invoke(cli, ["generate", *map(str, arguments), "--json"], standalone_mode=False)
    if fails:
        assert done.exception is not None and getattr(done.exception, "exit_code", 1) == fails
        return str(done.exception)
    assert done.exception is None, done.exception
    return json.loads(done.output)


def test_speech_and_text_follow_a_prompt_of_a_sample(lst_run: Path, built: Path, tmp_path: Path, key: str) -> None:
    out = tmp_path / "units.npy"
    said = generate(
        lst_run,
        "--to",
        "speech",
        "--prompt",
        key,
        "--data",
        built,
        "--prompt-seconds",
        0.4,
        "--tokens",
        23,
        "--out",
        out,
    )
    [sample] = said["samples"]
    assert (said["step"], said["prompt_tokens"]) == (2, 12)
    assert sample["end"] in ("tokens", "eos")
    units = np.load(out)
    assert units.dtype == np.uint16
    assert units.tolist() == [unit for span in sample["spans"] for unit in span["units"]]
    if sample["end"] == "tokens":
        assert (sample["tokens"], sample["local_steps"], sample["global_steps"]) == (23, 22, 4)
        assert said["saved"] == pytest.approx(1 - 4 / 22)
    text = generate(lst_run, "--to", "text", "--prompt", key, "--data", built, "--tokens", 8, "--temperature", 0)
    assert [span["kind"] for span in text["samples"][0]["spans"]] in ([], ["text"])
    assert text["saved"] == 0


def test_samples_of_one_prompt_differ_and_come_again(lst_run: Path, tmp_path: Path) -> None:
    arguments = (lst_run, "--prompt-text", "the old miller", "--to", "speech", "--tokens", 12, "--top-p", 0.95)
    said = generate(*arguments, "--samples", 3, "--out", tmp_path / "x.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x-0.npy", "x-1.npy", "x-2.npy"]
    spans = [sample["spans"] for sample in said["samples"]]
    assert spans[0] != spans[1]
    again = generate(*arguments, "--samples", 2)
    assert [sample["spans"] for sample in again["samples"]] == spans[:2]
    assert generate(*arguments, "--seed", 1)["samples"][0]["spans"] != spans[0]


def test_speech_is_heard(lst_run: Path, built: Path, tmp_path: Path) -> None:
    fit_vocoder(UPath(built), UPath(tmp_path / "v.npz"), Choice(utterances=2), lambda *_: None)
    arguments = [lst_run, "--to", "speech", "--tokens", 12, "--seconds", 1, "--samples", 2, "--seed", 3]
    arguments += ["--vocoder", tmp_path / "v.npz", "--wav", tmp_path / "x.wav"]
    said = generate(*arguments, "--out", tmp_path / "x.npy")
    assert "not a neural vocoder" in said["vocoder"]
    for number, sample in enumerate(said["samples"]):
        assert sample["wav"] == str(tmp_path / f"x-{number}.wav")
        samples, rate = soundfile.read(sample["wav"])
        assert (len(samples), rate) == (640 * len(np.load(sample["out"])), 16_000)
    done = CliRunner().invoke(cli, ["generate", *map(str, arguments)])
    assert "x-1.wav" in done.output and done.output.splitlines()[-1].startswith("sound by the built-in resynthesiser")
    silent = [lst_run, "--to", "text", "--tokens", 4, *arguments[-4:-1], tmp_path / "silent.wav"]
    assert generate(*silent)["samples"][0]["wav"] is None and not (tmp_path / "silent.wav").exists()
    assert "none, as there is no speech" in CliRunner().invoke(cli, ["generate", *map(str, silent)]).output
    assert "are given together" in generate(lst_run, "--wav", tmp_path / "y.wav", fails=2)
    assert "must end in .wav" in generate(lst_run, *arguments[-4:-1], tmp_path / "y.mp3", fails=2)
    assert "are of a `vocoder`" in generate(lst_run, "--speaker", "1", fails=2)


def test_a_vocoder_of_other_units_is_refused(lst_run: Path, built: Path, tmp_path: Path) -> None:
    fit_vocoder(UPath(built), UPath(tmp_path / "v.npz"), Choice(utterances=1), lambda *_: None)
    other = replace(Resynthesiser.read(str(tmp_path / "v.npz")), codebook_sha256="another")
    (tmp_path / "other.npz").write_bytes(other.to_bytes())
    said = generate(lst_run, "--vocoder", tmp_path / "other.npz", "--wav", tmp_path / "x.wav", fails=2)
    assert "units of the codebook another" in said and not (tmp_path / "x.wav").exists()


def test_what_people_read(lst_run: Path) -> None:
    done = CliRunner().invoke(cli, ["generate", str(lst_run), "--tokens", "30", "--seed", "2"])
    assert done.exit_code == 0, done.output
    first, *_, last = done.output.splitlines()
    assert first.startswith("sample 0 · ")
    assert "global steps for" in last and "fewer than the baseline" in last


def test_a_prompt_is_given_in_every_way(trained: Trained, built: Path, tmp_path: Path, key: str) -> None:
    vocab, sample = trained.vocab, read_sample(UPath(built), find_place(UPath(built), key)).sample
    spoken = [vocab.bos, vocab.speech_marker, *(int(unit) + vocab.first_unit for unit in sample.units)]
    data = UPath(built)
    assert prompt_ids(PromptOptions(), trained) == [vocab.bos]
    assert prompt_ids(PromptOptions(sample=key, data=data), trained) == spoken
    np.save(tmp_path / "units.npy", sample.units.astype(np.int64))
    assert prompt_ids(PromptOptions(units=str(tmp_path / "units.npy")), trained) == spoken
    assert prompt_ids(PromptOptions(units=str(tmp_path / "units.npy"), seconds=0.2), trained) == spoken[:7]
    written = [vocab.bos, vocab.text_marker, *trained.tokenizer.encode(" ".join(sample.words or ()))]
    assert prompt_ids(PromptOptions(sample=key, data=data, sample_as="text"), trained) == written
    assert prompt_ids(PromptOptions(text=" ".join(sample.words or ())), trained) == written


def test_a_recording_is_coded_as_the_build_coded_it(trained: Trained, built: Path, cuts: Path, key: str) -> None:
    by_sample = prompt_ids(PromptOptions(sample=key, data=UPath(built)), trained)
    audio = cuts / "audio" / f"{key}.flac"
    assert prompt_ids(PromptOptions(audio=str(audio), data=UPath(built)), trained) == by_sample


@pytest.mark.slow
def test_units_that_are_pieces_are_given_and_come_as_units(built: Path, tmp_path: Path, key: str) -> None:
    model = tmp_path / "units.model"
    fit_run_pieces(UPath(built), UPath(model), 300, lambda *_: None)
    trained_on(built, tmp_path / "run", "steps=2", "patching.strategy=unit-bpe", f"patching.unit_bpe={model}")
    model.unlink()
    trained = open_trained(tmp_path / "run")
    units = read_sample(UPath(built), find_place(UPath(built), key)).sample.units
    assert trained.pieces is not None
    prompt = prompt_ids(PromptOptions(sample=key, data=UPath(built)), trained)
    assert trained.units([token - trained.vocab.first_unit for token in prompt[2:]]).tolist() == units.tolist()
    said = generate(tmp_path / "run", "--to", "speech", "--tokens", 9, "--seconds", 4)
    spoken = [unit for span in said["samples"][0]["spans"] for unit in span["units"]]
    assert said["samples"][0]["seconds"] == pytest.approx(len(spoken) / 25)
    assert said["saved"] == 0


def test_the_program_on_the_page_runs(lst_run: Path) -> None:
    said: dict[str, Any] = {}
    exec(block("generating.md", "python").replace('"RUN"', repr(str(lst_run))), said)
    assert all(one.ended in ("seconds", "eos", "tokens") for one in said["made"])
    assert all(units.dtype == np.uint16 for units in said["units"])


def test_the_weights_are_those_of_the_checkpoint(trained: Trained, lst_run: Path) -> None:
    from lstdata.train.checkpoint import read_weights

    _, weights = read_weights(lst_run)
    assert not trained.model.training
    for name, parameter in trained.model.named_parameters():
        assert torch.equal(parameter.cpu(), weights[name])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text": "a", "units": "b"}, "in one way, but is as text, units"),
        ({"audio": "a.wav"}, "of `audio` needs `data`"),
        ({"seconds": 0.0}, "must be > 0, but is 0.0"),
    ],
)
def test_prompts_that_are_none_are_refused(trained: Trained, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        prompt_ids(PromptOptions(**options), trained)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.array([[1, 2]]), "one row"),
        (np.array([0.5]), "one row"),
        (np.zeros(0, dtype=np.int64), "at least one"),
        (np.array([5, 500]), "0…206, but has 5…500"),
        (np.array([-1]), "has -1"),
        (np.array([{}]), "no array of numpy, or a damaged or a pickled one.$"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_units_that_are_none_are_refused(trained: Trained, tmp_path: Path, array: Any, said: str) -> None:
    np.save(tmp_path / "units.npy", array)
    with pytest.raises(ConfigError, match=said):
        prompt_ids(PromptOptions(units=str(tmp_path / "units.npy")), trained)


def test_all_mistakes_are_said_at_once(lst_run: Path, tmp_path: Path) -> None:
    said = generate(
        lst_run, "--tokens", 0, "--temperature", -1, "--samples", 0, "--out", tmp_path / "units.txt", fails=2
    ).splitlines()
    assert len(said) == 4


def test_folders_that_are_no_runs_are_refused(built: Path, text_run: Path, lst_run: Path, tmp_path: Path) -> None:
    assert "with a checkpoint, but has none" in generate(built, fails=2)
    assert "no sample of the key" in generate(lst_run, "--prompt", "nobody", "--data", built, fails=2)
    assert "vocab cards differ" in generate(lst_run, "--prompt", "utt-000", "--data", text_run, fails=2)


def test_generation_needs_no_fairseq2(lst_run: Path) -> None:
    code = (
        "import sys\nsys.modules['fairseq2'] = None\nfrom lstdata.cli import main\n"
        f"sys.argv = ['lstdata', 'generate', {str(lst_run)!r}, '--tokens', '3']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sample 0")


def test_sound_that_is_none_is_refused(trained: Trained, built: Path, tmp_path: Path) -> None:
    from lstdata.errors import Rejected

    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16_000)
    with pytest.raises(Rejected, match="shorter_than_a_frame"):
        prompt_ids(PromptOptions(audio=str(tmp_path / "short.wav"), data=UPath(built)), trained)
