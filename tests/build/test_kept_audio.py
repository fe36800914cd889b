"""`audio.keep`: the audio is in the shards, and everything that reads them takes it from there."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from lstdata.audio.encoding import decode, encode
from lstdata.cli.verbs import cli
from lstdata.config import InterleaveConfig, PatchingConfig, SourceConfig
from lstdata.errors import ConfigError
from lstdata.inspection.finding import find_place
from lstdata.inspection.hearing import show
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.records import Audio, Codec, KeptAudio
from lstdata.shards import StoredSample, iter_samples, write_shard
from lstdata.sources import open_source
from lstdata.storage import place, sha256_file
from lstdata.verify import verify
from tests.conftest import build


@pytest.fixture(scope="module", params=["flac", "opus"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return request.param


@pytest.fixture(scope="module")
def kept(cuts: Path, codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its audio; leave it as it was."""
    out = tmp_path_factory.mktemp("kept") / codec
    assert build(cuts, out, f"audio.keep={codec}").written == 12
    return out


def samples(run: Path) -> dict[str, StoredSample]:
    found = (s for tar in (run / "shards").glob("*.tar") for *_, s in iter_samples(tar.read_bytes(), str(tar)))
    return {stored.sample.id: stored for stored in found}


def tars(run: Path) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in (run / "shards").glob("*.tar")}


def test_each_sample_holds_its_audio_and_is_else_what_it_would_be(
    kept: Path, built: Path, cuts: Path, codec: Codec
) -> None:
    source = open_source(str(cuts), SourceConfig())
    heard = {row.id: source.open(row.locator) for row in source.scan()}
    without = samples(built)
    for id, stored in samples(kept).items():
        original = heard[id]
        assert stored.audio is not None and isinstance(original, Audio)
        assert stored.audio == encode(original.samples, codec)
        assert len(decode(stored.audio)) == stored.sample.samples
        assert without[id].audio is None and np.array_equal(without[id].sample.units, stored.sample.units)
    assert verify(kept).problems == []


def test_plain_webdataset_finds_it_between_its_other_members(kept: Path, codec: Codec) -> None:
    import webdataset

    for sample in webdataset.WebDataset(sorted(map(str, (kept / "shards").glob("*.tar"))), shardshuffle=False).decode():
        assert [name for name in sample if not name.startswith("__")] == ["json.gz", codec, "units.npy"]
        samples, rate = soundfile.read(io.BytesIO(sample[codec]))
        assert (len(samples), rate) == (sample["json.gz"]["samples"], 16_000)


def test_training_reads_past_it(kept: Path, built: Path) -> None:
    one, other = (
        SplitCorpus(open_run(place(run)), "train", InterleaveConfig(), PatchingConfig()) for run in (kept, built)
    )
    assert one.document(0, 0).tokens.tolist() == other.document(0, 0).tokens.tolist()


def test_it_is_heard_where_the_source_is_gone(kept: Path) -> None:
    shown = show(place(kept), find_place(place(kept), next(iter(samples(kept)))), None)
    assert shown.audio is not None and len(shown.audio) == shown.stored.sample.samples


def test_a_run_of_the_run_has_it_if_it_is_asked_to(kept: Path, codec: Codec, tmp_path: Path) -> None:
    build(kept, tmp_path / "same", f"audio.keep={codec}", f"tokenizer.path={kept}")
    assert tars(tmp_path / "same") == tars(kept)
    build(kept, tmp_path / "anew", f"audio.keep={codec}", f"tokenizer.path={kept}", "patching.patch_size=5")
    assert all(stored.audio is not None for stored in samples(tmp_path / "anew").values())
    build(kept, tmp_path / "less")
    assert all(stored.audio is None for stored in samples(tmp_path / "less").values())
    assert verify(tmp_path / "anew").problems == verify(tmp_path / "less").problems == []


def reshaped(*args: object) -> str:
    done = CliRunner().invoke(cli, [*map(str, args), "--no-report", "--workers", "1"])
    return done.output + str(done.exception or "")


def test_runs_made_of_it_have_it_too(kept: Path, built: Path, codec: Codec, tmp_path: Path) -> None:
    reshaped("reshard", kept, tmp_path / "whole", "--order", "block")
    reshaped("split", kept, tmp_path, "--by", "speaker")
    parts = [tmp_path / name for name in ("s0", "s1", "s2")]
    reshaped("merge", *parts, tmp_path / "merged")
    assert tars(tmp_path / "merged") == tars(tmp_path / "whole")
    reshaped("subset", kept, tmp_path / "some", "--speaker", "s1")
    assert tars(tmp_path / "some") == tars(tmp_path / "s1")
    for run in (tmp_path / "merged", tmp_path / "some"):
        found = samples(run)
        assert {id: stored.audio for id, stored in samples(kept).items() if id in found} == {
            id: stored.audio for id, stored in found.items()
        }
        assert verify(run).problems == []


def test_runs_with_and_without_it_are_not_one(kept: Path, built: Path, codec: Codec, tmp_path: Path) -> None:
    build(kept, tmp_path / "less", f"tokenizer.path={kept}")
    said = reshaped("merge", kept, tmp_path / "less", tmp_path / "out")
    assert "than `" in said and "`audio.keep` " in said
    assert f"without its audio: `lstdata build-shards {kept} NEW`" in said and not (tmp_path / "out").exists()


def test_asked_for_later_it_is_another_option(kept: Path, cuts: Path) -> None:
    with pytest.raises(ConfigError, match=r"`audio\.keep` .* from the stage sample on"):
        build(cuts, kept, "audio.keep=null")


def test_where_there_is_none_it_cannot_be_kept(kept: Path, built: Path, codec: Codec, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"`audio.keep` must not be {codec}: `{built}` brings units, no audio."):
        build(built, tmp_path / "out", f"audio.keep={codec}")
    other = "opus" if codec == "flac" else "flac"
    with pytest.raises(ConfigError, match=f"must not be {other}: `{kept}` brings units, and audio as {codec}."):
        build(kept, tmp_path / "out", f"audio.keep={other}")


def test_verify_finds_audio_that_is_not_the_samples(kept: Path, codec: Codec, tmp_path: Path) -> None:
    out = Path(shutil.copytree(kept, tmp_path / "run"))
    tar = out / "shards" / "train-000000.tar"
    first, *others = [stored for *_, stored in iter_samples(tar.read_bytes(), str(tar))]
    said = {
        encode(np.zeros(400, np.float32), codec): f"its {codec} has 400 samples, but it says {first.sample.samples}.",
        None: f"its audio is kept as None, but that of the run as {codec}.",
        KeptAudio(codec, b"nothing"): f"its {codec} cannot be decoded",
    }
    for audio, message in said.items():
        with open(tar, "wb") as file:
            write_shard(file, [replace(first, audio=audio), *others])
        problems = "\n".join(verify(out).problems)
        assert f"shard train-000000: sample `{first.sample.id}`: {message}" in problems


def test_the_option_of_the_command_line(cuts: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["build-shards", str(cuts), str(tmp_path / "out"), "--keep-audio", "ogg"])
    assert done.exit_code == 2 and "'ogg' is not one of 'flac', 'opus'" in done.output
