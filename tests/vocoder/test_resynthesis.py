"""The built-in resynthesiser: lengths, determinism, what it learns, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.errors import ConfigError
from lstdata.vocab import VocabCard
from lstdata.vocoder import open_vocoder
from lstdata.vocoder.contexts import ContextSums, context_keys
from lstdata.vocoder.pitch import track
from lstdata.vocoder.resynthesis import WIDTH, Resynthesiser, describe
from lstdata.vocoder.spectra import (
    BANDS,
    amplitudes,
    bin_hertz,
    log_bands,
    overlap_add,
    step_spectra,
    steps_per_unit,
)

CLUSTERS = 5
RATE = 16_000
CARD = VocabCard(
    text_size=10, tokenizer_sha256="t", tokenizer_bos=None, tokenizer_eos=None, units=CLUSTERS, codebook_sha256="c"
)


def tone(hertz: float, samples: int) -> np.ndarray:
    """A harmonic sound of this pitch."""
    at = np.arange(samples) / RATE
    return sum(np.sin(2 * np.pi * hertz * k * at) / k for k in range(1, 9)) * 0.1


def corpus(hop: int = 640) -> list[tuple[np.ndarray, np.ndarray]]:
    """Units with a sound of their own each: 0 silence, 1 noise, 2… tones of 120, 150, 180 Hz."""
    random = np.random.default_rng(0)
    sounds = [lambda n: np.zeros(n), lambda n: random.standard_normal(n) * 0.1]
    sounds += [lambda n, hertz=hertz: tone(hertz, n) for hertz in (120, 150, 180)]
    pairs = []
    for _ in range(6):
        units = np.repeat(random.integers(0, CLUSTERS, 12), random.integers(2, 6, 12)).astype(np.uint16)
        pairs.append((units, np.concatenate([sounds[unit](hop) for unit in units])))
    return pairs


def fitted(hop: int = 640) -> Resynthesiser:
    pairs = corpus(hop)
    sums = ContextSums((units for units, _ in pairs), CLUSTERS, WIDTH * steps_per_unit(hop))
    for units, audio in pairs:
        sums.add(units, describe(audio, len(units), hop)[0])
    said = {"utterances": len(pairs), "seconds": 12.0, "speakers": 1}
    return Resynthesiser("v.npz", sums.means(), codebook_sha256="c", hop=hop, pitch=150.0, fitted=said)


@pytest.fixture(scope="module")
def voice() -> Resynthesiser:
    return fitted()


@settings(max_examples=20)
@given(units=st.lists(st.integers(0, CLUSTERS - 1), max_size=40))
def test_sound_is_as_long_as_the_units(voice: Resynthesiser, units: list[int]) -> None:
    sound = voice.speak(np.array(units, dtype=np.uint16))
    assert sound.shape == (640 * len(units),) and sound.dtype == np.float32
    assert np.isfinite(sound).all() and np.abs(sound).max(initial=0) <= 1


@given(hop=st.integers(1, 2_000))
def test_units_of_any_hop_are_cut_into_equal_steps(hop: int) -> None:
    steps = steps_per_unit(hop)
    assert steps >= 1 and hop % steps == 0


@pytest.mark.parametrize("hop", [320, 480, 640])
def test_hops_of_other_tokenizers(hop: int) -> None:
    assert len(fitted(hop).speak(np.array([1, 2, 2]))) == 3 * hop


def test_units_sound_like_what_they_stood_for(voice: Resynthesiser) -> None:
    def heard(unit: int) -> np.ndarray:
        return voice.speak(np.full(10, unit))[1600:-1600].astype(np.float64)

    silent, noise, low, high = (heard(unit) for unit in (0, 1, 2, 4))
    assert np.abs(silent).max() < 0.01 < np.abs(noise).max()
    (hertz, voicing), (higher, _) = (track(sound, 20, 160) for sound in (low, high))
    assert np.median(voicing) > 0.8 > 0.5 > np.median(track(noise, 20, 160)[1])
    assert np.median(higher) / np.median(hertz) == pytest.approx(1.5, abs=0.15)
    energy = np.abs(step_spectra(noise, 20, 160)) ** 2
    assert energy[:, bin_hertz() > 4000].mean() / energy[:, bin_hertz() < 4000].mean() == pytest.approx(1, abs=0.5)


def test_contexts_say_more_than_units_alone() -> None:
    """A unit whose sound depends on its neighbours: with both known it is exact, else the mean."""
    runs = [np.array([0, 1, 2]), np.array([3, 1, 2]), np.array([0, 1, 4]), np.array([3, 1, 4])] * 50
    value = {(0, 2): 1.0, (3, 2): 2.0, (0, 4): 3.0, (3, 4): 8.0}
    sums = ContextSums(runs, CLUSTERS, 1)
    for run in runs:
        sums.add(run, np.array([[0.0], [value[run[0], run[2]]], [0.0]]))
    means = sums.means()
    for (before, after), wanted in value.items():
        assert means.predict(np.array([before, 1, after]))[1, 0] == pytest.approx(wanted, abs=0.2)
    left = means.predict(np.array([0, 1, 0]))[1, 0]
    assert left == pytest.approx(2.0, abs=0.1), "the unit after was never met: the mean by the unit before"
    right = means.predict(np.array([2, 1, 4]))[1, 0]
    assert right == pytest.approx(5.5, abs=0.1), "and so by the unit after alone"
    assert means.predict(np.array([1]))[0, 0] == pytest.approx(3.5, abs=0.1)


def test_contexts_met_once_are_not_kept() -> None:
    runs = [np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([2, 1, 0])]
    sums = ContextSums(runs, CLUSTERS, 1)
    for run in runs:
        sums.add(run, np.ones((3, 1)))
    kept = sums.means().keys["both"].tolist()
    assert kept == sorted(context_keys(runs[0], CLUSTERS)["both"].tolist())


@given(st.lists(st.integers(0, CLUSTERS - 1), min_size=1, max_size=12), st.integers(0, 11))
def test_keys_tell_contexts_apart(units: list[int], number: int) -> None:
    run = np.array(units)
    number %= len(run)
    padded = [CLUSTERS, *units, CLUSTERS]
    key = int(context_keys(run, CLUSTERS)["both"][number])
    base = CLUSTERS + 1
    assert [key // base**2, key // base % base, key % base] == padded[number : number + 3]


def test_a_spectrum_goes_there_and_back() -> None:
    signal = np.random.default_rng(0).standard_normal(1600)
    assert np.allclose(overlap_add(step_spectra(signal, 10, 160), 160), signal)


def test_envelopes_keep_the_level_of_bands() -> None:
    noise = np.random.default_rng(0).standard_normal(160 * 400) * 0.3
    logs = log_bands(noise, 400, 160)
    assert logs.shape == (400, BANDS)
    wanted = np.abs(step_spectra(noise, 400, 160)).mean()
    assert amplitudes(logs).mean() == pytest.approx(wanted, rel=0.1)


def test_long_runs_are_made_in_parts_that_fit(voice: Resynthesiser, monkeypatch: pytest.MonkeyPatch) -> None:
    units = np.random.default_rng(1).integers(0, CLUSTERS, 60)
    whole = voice.speak(units)
    monkeypatch.setattr("lstdata.vocoder.resynthesis._BLOCK", 37)
    assert np.allclose(voice.speak(units), whole, atol=1e-6)


def test_pitch_of_a_tone_and_of_nothing() -> None:
    hertz, voicing = track(tone(125, 16_000), 100, 160)
    assert np.median(hertz) == pytest.approx(125, rel=0.01) and voicing[10:-10].min() > 0.9
    assert not track(np.zeros(16_000), 100, 160)[1].any()


def test_it_comes_back_from_its_file(voice: Resynthesiser, tmp_path: Path) -> None:
    data = voice.to_bytes()
    assert fitted().to_bytes() == data
    (tmp_path / "v.npz").write_bytes(data)
    read = open_vocoder(str(tmp_path / "v.npz"))
    units = np.array([2, 2, 3, 0, 1])
    assert np.array_equal(read.speak(units), voice.speak(units))
    assert read.name == voice.name and "not a neural vocoder" in read.name and "of 1 speaker," in read.name
    with np.load(tmp_path / "v.npz", allow_pickle=False) as arrays:
        assert str(arrays["label"]) == voice.name
        assert json.loads(str(arrays["fitted"]))["utterances"] == 6


def test_units_of_another_codebook_are_refused(voice: Resynthesiser) -> None:
    voice.check(CARD)
    voice.check(CARD.with_pieces(50, "p"))
    with pytest.raises(ConfigError, match="units of the codebook c,"):
        voice.check(replace(CARD, codebook_sha256="d"))
    with pytest.raises(ConfigError, match="of 320 samples each"):
        voice.check(replace(CARD, hop=320))
    with pytest.raises(ConfigError, match="speaks the units 0…4, but not 1…5"):
        voice.speak(np.array([1, 5]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2}, "version 2, but this lstdata reads 1"),
        ({"hop": 480}, "shapes that do not fit"),
        ({"hop": 0}, "shapes that do not fit"),
        ({"both_keys": np.zeros(0)}, "shapes that do not fit"),
        ({"units": np.full((CLUSTERS, 4 * WIDTH), np.nan)}, "not finite"),
        ({"pitch": 1e9}, "`pitch` must be"),
        ({"fitted": "[1"}, "no vocoder"),
        ({"fitted": json.dumps({"seconds": "many"})}, "must have numbers as `seconds` and `speakers`"),
        ({"codebook_sha256": np.array([{}], dtype=object)}, "allow_pickle"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_files_that_are_none_are_refused(
    voice: Resynthesiser, tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    path = tmp_path / "v.npz"
    path.write_bytes(voice.to_bytes())
    with np.load(path) as arrays:
        every = dict(arrays)
    np.savez(path, **(every | changed))
    with pytest.raises(ConfigError, match=said) as refused:
        open_vocoder(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all"])
def test_bytes_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "v.npz").write_bytes(content)
    with pytest.raises(ConfigError, match="no vocoder of `lstdata fit-vocoder`"):
        open_vocoder(str(tmp_path / "v.npz"))
    with pytest.raises(ConfigError, match="must be a readable file"):
        open_vocoder(str(tmp_path / "absent.npz"))


def test_it_has_no_speakers_to_choose(voice: Resynthesiser, tmp_path: Path) -> None:
    (tmp_path / "v.npz").write_bytes(voice.to_bytes())
    with pytest.raises(ConfigError, match="`--speaker` and `--style` cannot be chosen"):
        open_vocoder(str(tmp_path / "v.npz"), speaker="1", style="sad")
