"""A small Whisper with random weights: what it says is noise, its form is what counts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.source_row import TimedWord
from lstdata.transcribe.checkpoint import find_recogniser
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Recogniser, make_recogniser
from lstdata.transcribe.whisper import timed_words


def recogniser(folder: Path, language: str | None = None) -> Recogniser:
    config = TranscribeConfig(model=str(folder), device="cpu", batch=1, language=language)
    return make_recogniser(find_recogniser(str(folder)), config)


@pytest.fixture(scope="module")
def waves() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal(16_000 * seconds) * 0.1).astype(np.float32) for seconds in (4, 7)]


def test_words_have_times_inside_of_their_record_and_the_language_is_heard(
    whisper_model: Path, waves: list[np.ndarray]
) -> None:
    for wave, heard in zip(waves, recogniser(whisper_model).transcribe(waves), strict=True):
        assert heard.words and heard.language in ("en", "de") and heard.score is None
        cursor = 0.0
        for word in heard.words:
            assert cursor <= word.start <= word.end <= len(wave) / 16_000
            cursor = word.end


def test_a_record_alone_is_heard_the_same_again(whisper_model: Path, waves: list[np.ndarray]) -> None:
    made = recogniser(whisper_model)
    first = [made.transcribe([wave]) for wave in waves]
    assert [made.transcribe([wave]) for wave in reversed(waves)] == first[::-1]


def test_the_model_is_told_the_language(whisper_model: Path, waves: list[np.ndarray]) -> None:
    german, english = (recogniser(whisper_model, tag).transcribe(waves[:1])[0] for tag in ("de", "en-US"))
    assert (german.language, english.language) == ("de", "en")
    assert german.words != english.words


def test_a_language_that_the_model_does_not_know_is_refused(whisper_model: Path) -> None:
    with pytest.raises(ConfigError, match="knows, but is 'tlh'"):
        recogniser(whisper_model, "tlh")


def test_a_model_that_cannot_tell_word_times_is_refused(whisper_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whisper_model, tmp_path / "untimed"))
    path = folder / "generation_config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "alignment_heads"}))
    with pytest.raises(ConfigError, match="must name `alignment_heads`"):
        recogniser(folder)


def test_times_that_are_missing_or_run_back_become_times_in_order() -> None:
    chunks = [(" The", 0.0, 0.4), (" ", 0.4, 0.5), (" old", 0.3, 0.2), (" man", None, 1.0), ("!", 5.0, None)]
    assert timed_words(chunks, 2.0) == [
        TimedWord("The", 0.0, 0.4),
        TimedWord("old", 0.4, 0.4),
        TimedWord("man", 0.4, 1.0),
        TimedWord("!", 2.0, 2.0),
    ]


TIMES = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(st.sampled_from(["a", " b", " "]), TIMES, TIMES)), st.floats(0, 30))
def test_times_are_in_order_and_inside_whatever_the_model_says(
    chunks: list[tuple[str, float | None, float | None]], seconds: float
) -> None:
    cursor = 0.0
    for word in timed_words(chunks, seconds):
        assert cursor <= word.start <= word.end <= seconds
        cursor = word.end
