"""Stretches of one recording: nothing is decoded twice, and nothing is different for that."""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata import audio
from lstdata.audio import cursor, decoding, files
from lstdata.errors import Rejected, Unavailable
from lstdata.records import Waveform

LENGTH = 60_000
LOSSY = ["mp3", "ogg", "opus", "adpcm"]
SUBTYPES = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "flac": ("FLAC", "PCM_16"),
    "wav": ("WAV", "PCM_16"),
}


def write(path: Path, kind: str, seed: int = 0) -> str:
    """Two channels that differ."""
    container, subtype = SUBTYPES[kind]
    signal = np.random.default_rng(seed).standard_normal((LENGTH, 2)) * 0.1
    soundfile.write(path, signal, 16_000, format=container, subtype=subtype)
    return str(path)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("recordings")
    return {kind: write(folder / f"a.{kind}", kind) for kind in SUBTYPES}


@pytest.fixture(scope="module")
def whole(recordings: dict[str, str]) -> dict[str, Waveform]:
    """Both channels, as one read of the library gives them."""
    return {kind: soundfile.SoundFile(path).read(dtype="float32") for kind, path in recordings.items()}


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    cursor.release()
    yield
    cursor.release()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Samples per call of the decoder."""
    counts: list[int] = []
    read = soundfile.SoundFile.read

    def counted(self: Any, *arguments: Any, **options: Any) -> Any:
        block = read(self, *arguments, **options)
        counts.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    return counts


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("kind", SUBTYPES)
def test_stretches_in_order_are_decoded_once(recordings: dict[str, str], decoded: list[int], kind: str) -> None:
    for start, end in ((1_000, 9_000), (9_000, 20_000), (25_000, 26_000), (26_000, 50_000)):
        audio.read(recordings[kind], start=start, end=end)
    assert sum(decoded) == (50_000 if kind in LOSSY else 44_000)


@pytest.mark.parametrize("kind", LOSSY)
def test_stretches_that_overlap_a_little_are_decoded_once(
    recordings: dict[str, str], decoded: list[int], kind: str
) -> None:
    for start, end, channel in ((0, 9_000, 0), (0, 9_000, 1), (8_000, 20_000, 0), (15_000, 22_000, 1)):
        audio.read(recordings[kind], start=start, end=end, channel=channel)
    assert sum(decoded) == 22_000


def test_what_lies_too_far_back_is_decoded_from_the_beginning(
    recordings: dict[str, str], decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_RECENT", 2_000)
    monkeypatch.setattr(decoding, "BLOCK", 500)
    for start, end, sum_so_far in ((0, 9_000, 9_000), (8_000, 9_500, 9_500), (8_000, 9_500, 19_000)):
        audio.read(recordings["mp3"], start=start, end=end)
        assert sum(decoded) == sum_so_far


spans = st.tuples(st.integers(0, LENGTH - 1), st.integers(1, LENGTH), st.sampled_from([None, 0, 1]))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(SUBTYPES)), st.lists(spans, min_size=2, max_size=6), st.booleans(), st.booleans())
def test_no_order_of_stretches_changes_a_sample(
    recordings: dict[str, str],
    whole: dict[str, Waveform],
    kind: str,
    stretches: list[tuple[int, int, int | None]],
    in_order: bool,
    forgetful: bool,
) -> None:
    cursor.release()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "BLOCK", 4_000)
        patch.setattr(decoding, "_RECENT", 100 if forgetful else 40_000)
        for start, count, channel in sorted(stretches, key=lambda s: s[0]) if in_order else stretches:
            got = audio.read(recordings[kind], start=start, end=start + count, channel=channel)
            part = whole[kind][start : start + count]
            expected = (part[:, 0] + part[:, 1]) / 2 if channel is None else part[:, channel]
            assert np.array_equal(got.samples, np.clip(expected, -1, 1))
            assert got.decoded == len(part)


def test_a_stretch_to_the_end_and_one_beyond(recordings: dict[str, str], whole: dict[str, Waveform]) -> None:
    for _ in range(2):
        got = audio.read(recordings["mp3"], start=50_000, channel=0)
        assert np.array_equal(got.samples, whole["mp3"][50_000:, 0])
        with pytest.raises(Rejected, match="holds no samples in"):
            audio.read(recordings["mp3"], start=LENGTH * 2, end=LENGTH * 3)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path, in_place: bool) -> None:
    path = write(tmp_path / "a.mp3", "mp3")
    audio.read(path, start=0, end=10_000)
    other = Path(write(tmp_path / "b.mp3", "mp3", seed=1))
    os.utime(other, ns=(1, 1))
    expected = audio.read(str(other), start=10_000, end=20_000)
    audio.read(path, start=0, end=10_000)
    if in_place:
        Path(path).write_bytes(other.read_bytes())
        os.utime(path, ns=(2, 2))
    else:
        other.replace(path)
    assert np.array_equal(audio.read(path, start=10_000, end=20_000).samples, expected.samples)


def test_two_recordings_in_one_file_are_not_mixed_up(recordings: dict[str, str], tmp_path: Path) -> None:
    first, second = Path(recordings["mp3"]).read_bytes(), Path(write(tmp_path / "b.mp3", "mp3", seed=1)).read_bytes()
    tar = tmp_path / "tar"
    tar.write_bytes(first + second)
    expected = audio.read(str(tmp_path / "b.mp3"), start=10_000, end=20_000)
    audio.read(str(tar), offset=0, size=len(first), start=0, end=10_000)
    got = audio.read(str(tar), offset=len(first), size=len(second), start=10_000, end=20_000)
    assert np.array_equal(got.samples, expected.samples)


def test_a_verdict_in_between_is_of_its_record_alone(recordings: dict[str, str], whole: dict[str, Waveform]) -> None:
    path = recordings["ogg"]
    audio.read(path, start=0, end=10_000)
    for span in ({"channel": 2}, {"rate": 8_000}, {"start": 5, "end": 5}):
        with pytest.raises(Rejected):
            audio.read(path, **{"start": 10_000, "end": 20_000, **span})
        got = audio.read(path, start=10_000, end=20_000, channel=1)
        assert np.array_equal(got.samples, whole["ogg"][10_000:20_000, 1])


def test_where_decoding_fails_does_not_depend_on_what_was_read_before(
    recordings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder that fails at sample 50,000, as damaged files make some do."""
    monkeypatch.setattr(decoding, "BLOCK", 4_000)
    read = soundfile.SoundFile.read
    position: dict[int, int] = {}

    def failing(self: Any, frames: int, **options: Any) -> Any:
        position[id(self)] = position.get(id(self), 0) + frames
        if position[id(self)] > 50_000:
            raise soundfile.LibsndfileError(1)
        return read(self, frames, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", failing)
    messages = []
    for earlier in ((), (0, 10_000), (0, 49_000)):
        position.clear()
        if earlier:
            audio.read(recordings["mp3"], start=earlier[0], end=earlier[1])
        with pytest.raises(Rejected, match="after sample 48000") as caught:
            audio.read(recordings["mp3"], start=49_500, end=60_000)
        messages.append(str(caught.value))
        cursor.release()
    assert len(set(messages)) == 1


def test_a_failing_disk_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.ogg", "ogg")
    expected = audio.read(path, start=30_000, end=50_000)
    cursor.release()
    broken = False

    class Failing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if broken:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size) or b""

    monkeypatch.setattr(files, "open_binary", Failing)
    before = open_files()
    audio.read(path, start=0, end=1_000)
    broken = True
    with pytest.raises(Unavailable, match="Input/output error"):
        audio.read(path, start=30_000, end=50_000)
    assert open_files() == before
    broken = False
    assert np.array_equal(audio.read(path, start=30_000, end=50_000).samples, expected.samples)


@pytest.mark.parametrize("kind", SUBTYPES)
def test_no_more_than_one_file_stays_open(recordings: dict[str, str], tmp_path: Path, kind: str) -> None:
    other = write(tmp_path / "other", kind)
    (tmp_path / "text.mp3").write_bytes(b"no audio at all")
    before = open_files()
    for path in (recordings[kind], other, recordings[kind]):
        for start in (0, 5_000, 1_000):
            audio.read(path, start=start, end=start + 1_000)
            assert open_files() == before + (kind in LOSSY)
        with pytest.raises(Rejected):
            audio.read(path, start=LENGTH * 2)
        assert open_files() == before
    for bad in (str(tmp_path / "text.mp3"), str(tmp_path / "gone.mp3")):
        with pytest.raises(Rejected):
            audio.read(bad, start=1)
    audio.header_seconds(recordings[kind])
    assert open_files() == before
    audio.read(other, start=5, end=10)
    audio.read(recordings[kind])
    assert open_files() == before


def test_another_process_or_thread_never_moves_the_position(
    recordings: dict[str, str], decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recordings["mp3"]
    audio.read(path, start=0, end=10_000)
    other = threading.Thread(target=lambda: audio.read(path, start=10_000, end=20_000))
    other.start()
    other.join()
    assert sum(decoded) == 10_000 + 20_000
    audio.read(path, start=10_000, end=20_000)
    assert sum(decoded) == 40_000
    monkeypatch.setattr(cursor.os, "getpid", lambda: -1)
    audio.read(path, start=20_000, end=30_000)
    assert sum(decoded) == 70_000


def test_urls_are_continued_while_they_are_unchanged(recordings: dict[str, str], decoded: list[int]) -> None:
    import fsspec

    def upload(kind: str) -> None:
        with fsspec.open("memory://corpus/a", "wb") as file:
            file.write(Path(recordings[kind]).read_bytes())

    upload("mp3")
    audio.read("memory://corpus/a", start=0, end=10_000)
    audio.read("memory://corpus/a", start=10_000, end=20_000)
    assert sum(decoded) == 20_000
    upload("ogg")
    got = audio.read("memory://corpus/a", start=20_000, end=30_000)
    assert np.array_equal(got.samples, audio.read(recordings["ogg"], start=20_000, end=30_000).samples)
