"""A folder of bad and odd recordings is built, and each becomes just what it should."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.hostile import recordings
from tests.hostile.conftest import SAMPLE, outcomes


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], dict[str, str]]:
    """(run folder, expected, found) of the whole corpus."""
    folder = tmp_path_factory.mktemp("hostile")
    expected = recordings.write(folder / "corpus")
    return folder / "out", expected, outcomes(folder / "corpus", folder / "out", "words.aligner=none")


def test_every_recording_ends_as_it_should(built: tuple[Path, dict[str, str], dict[str, str]]) -> None:
    _, expected, found = built
    assert found == expected


def test_what_needs_ffmpeg_says_so(built: tuple[Path, dict[str, str], dict[str, str]]) -> None:
    out, *_ = built
    messages = {r["id"]: r["message"] for r in pq.read_table(out / "rejects.parquet").to_pylist()}
    for name in ("phone.m4a", "browser", "radio", "phone.amr", "windows", "cut.flac", "flipped.flac"):
        assert "FFmpeg" in messages[name], messages[name]
    assert "Opus" not in messages["random.mp3"]


def test_the_decoded_length_counts(built: tuple[Path, dict[str, str], dict[str, str]]) -> None:
    out, _, found = built
    units = {r["id"]: r["units"] for r in pq.read_table(out / "index.parquet", columns=["id", "units"]).to_pylist()}
    assert units.keys() == {id for id, outcome in found.items() if outcome == SAMPLE}
    assert units["promises an hour"] == units["promises 4 GB"] == 25
    assert (units["640 samples"], units["cut.wav"], units["odd number of bytes"]) == (1, 12, 24)
    assert (units["1000 Hz"], units["11025 Hz"], units["15991 Hz"], units["384000 Hz"]) == (25, 36, 25, 6)
