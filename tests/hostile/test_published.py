"""Published recordings that are odd, broken, or in other languages: each file with its outcome."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from lstdata import audio
from lstdata.records import frame_at, frame_count, sample_at
from tests.hostile.conftest import SAMPLE, outcomes

UNDECODABLE = """
    jfk-jfk_441khz-m4a lyra-invalid-wav pocketsphinx-bad-wav pocketsphinx-evil-wav pocketsphinx-goforward-raw
    scipy-test-44100Hz-le-1ch-4bytes-early-eof-no-data scipy-test-44100Hz-le-1ch-4bytes-incomplete-chunk
    scipy-test-8000Hz-le-3ch-5S-36bit scipy-test-8000Hz-le-3ch-5S-45bit scipy-test-8000Hz-le-3ch-5S-53bit
    scipy-test-8000Hz-le-3ch-5S-64bit
""".split()
SHORT = """
    scipy-test-1234Hz-le-1ch-10S-20bit-extra scipy-test-44100Hz-2ch-32bit-float-be
    scipy-test-44100Hz-2ch-32bit-float-le scipy-test-44100Hz-le-1ch-4bytes-early-eof
    scipy-test-48000Hz-2ch-64bit-float-le-wavex scipy-test-8000Hz-be-3ch-5S-24bit
    scipy-test-8000Hz-le-1ch-1byte-ulaw scipy-test-8000Hz-le-3ch-5S-24bit-inconsistent
    scipy-test-8000Hz-le-3ch-5S-24bit-rf64 scipy-test-8000Hz-le-3ch-5S-24bit scipy-test-8000Hz-le-4ch-9S-12bit
    scipy-test-8000Hz-le-5ch-9S-5bit
""".split()
VERDICTS = dict.fromkeys(UNDECODABLE, "undecodable") | dict.fromkeys(SHORT, "shorter_than_a_frame")
VERDICTS |= {"pocketsphinx-awful-wav": "bad_sample_rate", "pocketsphinx-null-wav": "zero_length"}


@pytest.fixture(scope="module")
def odd(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """(run folder, outcomes) of the folder of odd recordings; some have a transcript, most have none."""
    out = tmp_path_factory.mktemp("odd") / "out"
    return out, outcomes(speech / "odd", out, "words.aligner=none")


def test_every_odd_file_ends_as_it_should(speech: Path, odd: tuple[Path, dict[str, str]]) -> None:
    recordings = [path.stem for path in (speech / "odd").iterdir() if path.suffix != ".txt"]
    assert len(recordings) == 49
    assert odd[1] == {id: VERDICTS.get(id, SAMPLE) for id in recordings}


def test_verdicts_name_the_cause(odd: tuple[Path, dict[str, str]]) -> None:
    messages = {r["id"]: r["message"] for r in pq.read_table(odd[0] / "rejects.parquet").to_pylist()}
    assert "1092676 Hz" in messages["pocketsphinx-awful-wav"]
    assert "FFmpeg" in messages["jfk-jfk_441khz-m4a"]


def test_one_utterance_at_three_rates_has_one_length(odd: tuple[Path, dict[str, str]]) -> None:
    rows = pq.read_table(odd[0] / "index.parquet").to_pylist()
    units = {row["id"]: row["units"] for row in rows}
    assert {units[f"lyra-sample1_{rate}-wav"] for rate in ("8kHz", "16kHz", "48kHz")} == {86}


def test_other_languages_are_samples_without_and_declined_with_the_english_aligner(
    speech: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in (speech / "manifest.jsonl").read_text().splitlines()]
    rows = [row | {"audio": str(speech / row["audio"])} for row in rows if row["audio"].startswith("other-languages/")]
    table = tmp_path / "corpus" / "others.jsonl"
    table.parent.mkdir()
    table.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert len(rows) == 13
    aligned = outcomes(table, tmp_path / "aligned")
    assert aligned == {row["id"]: "language_unsupported" for row in rows}
    kept = outcomes(table, tmp_path / "kept", "words.missing=speech")
    assert kept == {row["id"]: SAMPLE for row in rows}
    index = {row["id"]: row for row in pq.read_table(tmp_path / "kept" / "index.parquet").to_pylist()}
    assert {row["id"]: row["language"] for row in rows} == {id: row["language"] for id, row in index.items()}


def test_an_mp3_holds_less_than_its_header_promises(speech: Path) -> None:
    for path in sorted(speech.rglob("*.mp3")):
        got = audio.read(str(path))
        assert got.promised is not None and got.promised == soundfile.info(path).frames
        assert 0 <= got.promised - got.decoded <= 20_925


def test_lossy_peaks_above_full_scale_are_clipped(speech: Path) -> None:
    loudest = 0.0
    for path in [*speech.rglob("*.mp3"), *speech.rglob("*.ogg"), *speech.rglob("*.opus")]:
        raw, rate = soundfile.read(path, dtype="float32", always_2d=True)
        got = audio.read(str(path))
        loudest = max(loudest, float(np.abs(raw).max()))
        assert np.abs(got.samples).max() <= 1.0
        if rate == 16_000 and raw.shape[1] == 1:
            assert np.abs(got.samples - np.clip(raw[:, 0], -1, 1)[: len(got.samples)]).max() < 1e-6
    assert loudest > 0.5


def test_low_thumps_are_not_taken_for_speech(speech: Path) -> None:
    """cold_corpus has thumps below 100 Hz that are louder than its speech: energy is judged above them."""
    from lstdata.activity import activity_mask
    from lstdata.config import ActivityConfig

    samples = audio.read(str(speech / "english" / "cold_corpus_24bit.wav")).samples
    words = json.loads((speech / "words" / "cold_corpus_24bit.json").read_text())["words"]
    spoken = np.zeros(frame_count(len(samples)), dtype=bool)
    for word in words:
        spoken[frame_at(sample_at(word["start"])) : frame_at(sample_at(word["end"]))] = True
    judged = activity_mask(samples, ActivityConfig())[~spoken].mean()
    with_thumps = activity_mask(samples, ActivityConfig(highpass_hz=0.0))[~spoken].mean()
    assert judged < 0.15 < 0.45 < with_thumps
