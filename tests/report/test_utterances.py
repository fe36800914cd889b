from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstdata.report import utterances
from lstdata.report.utterances import choose_utterances, encode_mp3
from lstdata.shards import StoredSample


def many(make_stored: Callable[..., StoredSample], words: bool = True) -> dict[str, list[StoredSample]]:
    """Twenty utterances of 10…200 frames in two shards."""
    samples = [make_stored(f"u{n:03}", [0] * n, [("w", 0, n)] if words else None) for n in range(10, 201, 10)]
    return {"train-000000": samples[1::2], "train-000001": samples[::2]}


def test_chosen_at_quantiles_of_length(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    shown = choose_utterances(make_run(tmp_path / "run", many(make_stored)), None)
    assert [s.stored.sample.id for s in shown] == ["u040", "u100", "u160"]


def test_only_those_with_words_where_there_are_any(run: Path) -> None:
    assert [s.stored.sample.id for s in choose_utterances(run, None)] == ["A1", "B2"]


def test_without_words_all_may_be_chosen(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    shown = choose_utterances(make_run(tmp_path / "run", many(make_stored, words=False)), None)
    assert [s.stored.sample.id for s in shown] == ["u040", "u100", "u160"]


def test_long_ones_are_not_drawn(
    tmp_path: Path,
    make_run: Callable[..., Path],
    make_stored: Callable[..., StoredSample],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(utterances, "LONGEST", 2.0)
    shown = choose_utterances(make_run(tmp_path / "run", many(make_stored)), None)
    assert [s.stored.sample.id for s in shown] == ["u010", "u030", "u040"]


def test_an_empty_run_has_none(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    assert choose_utterances(make_run(tmp_path / "run", {}, []), None) == []


def test_audio_is_read_again_or_its_absence_explained(run: Path, tones) -> None:  # type: ignore[no-untyped-def]
    shown = choose_utterances(run, tones)
    assert [len(s.audio) for s in shown if s.audio is not None] == [6400, 12800]
    assert all(s.data_url.startswith("data:audio/mpeg;base64,") for s in shown if s.data_url)
    del tones.lengths["A1.wav"]
    tones.lengths["B2.wav"] -= 1
    assert [s.silent_because for s in choose_utterances(run, tones)] == [
        "missing_audio: `A1.wav` is not there any more.",
        "it has 12799 samples now, but had 12800",
    ]
    (run / "plan.parquet").unlink()
    assert {s.silent_because for s in choose_utterances(run, tones)} == {"the plan does not name it"}


def test_mp3_is_reproducible_and_keeps_its_length() -> None:
    samples = (0.8 * np.sin(np.arange(24_000) / 9)).astype(np.float32)
    data = encode_mp3(samples)
    assert data == encode_mp3(samples)
    assert b"Info" in data[:200], "players trim LAME's delay by this header"
    decoded, rate = soundfile.read(io.BytesIO(data))
    assert (len(decoded), rate) == (24_000, 16_000)
    assert np.corrcoef(decoded, samples)[0, 1] > 0.99
