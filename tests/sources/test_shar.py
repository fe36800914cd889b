"""Shar, written by lhotse itself, and what is left of it after accidents."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from lhotse import CutSet, MonoCut, MultiCut, Recording, SupervisionSegment
from lhotse.shar import SharWriter
from lhotse.supervision import AlignmentItem

from lstdata.config import SourceConfig
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources import Source, open_source

RATE = 22_050


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Four seconds, left unlike right."""
    noise = np.random.default_rng(0).standard_normal((RATE * 4, 2)) * 0.1
    soundfile.write(tmp_path / "r.wav", noise, RATE, subtype="PCM_16")
    return Recording.from_file(tmp_path / "r.wav")


def said(text: str, start: float = 0.0, duration: float = 1.0, **changes: Any) -> SupervisionSegment:
    return SupervisionSegment(f"s-{text}", "r", start, duration, 0, text=text, **changes)


def cut(recording: Recording, id: str, start: float = 1.0, **changes: Any) -> MonoCut:
    values: dict[str, Any] = {"duration": 1.0, "channel": 0, "supervisions": [said(id)], **changes}
    return MonoCut(id, start, recording=recording, **values)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(*cuts: Any, audio: str = "wav", size: int | None = 2, **fields: str) -> Path:
        folder = tmp_path / "shar"
        folder.mkdir()
        CutSet.from_cuts(cuts).to_shar(folder, {"recording": audio, **fields}, shard_size=size)
        return folder

    return write


def opened(path: Path | str, **options: Any) -> Source:
    source = open_source(str(path), SourceConfig(**options))
    assert source.kind == "lhotse"
    return source


def rows(path: Path, **options: Any) -> dict[str, SourceRow]:
    found = list(opened(path, **options).scan())
    assert len({row.id for row in found}) == len(found)
    return {row.id: row for row in found}


def reasons(path: Path) -> dict[str, str | None]:
    return {id: row.reject and row.reject[0] for id, row in rows(path).items()}


@pytest.mark.parametrize("audio", ["wav", "flac", "opus", "original"])
def test_each_cut_is_the_audio_that_lhotse_reads(recording: Recording, write: Write, audio: str) -> None:
    """Opus is written at 48 kHz, which only the manifests in the tar say."""
    cuts = [cut(recording, "a"), cut(recording, "b.c/d", 2.5, channel=1), cut(recording, "e", 0.0, duration=4.0)]
    source = opened(write(*cuts, audio=audio))
    found = list(source.scan())
    assert [(row.id, row.text, row.duration) for row in found] == [("a", "a", 1), ("b.c/d", "b.c/d", 1), ("e", "e", 4)]
    assert [row.locator.path for row in found] == ["recording.000000.tar"] * 2 + ["recording.000001.tar"]
    for row, read in zip(found, CutSet.from_shar(in_dir=source.root), strict=True):
        samples = read.load_audio()[0]
        at = row.locator
        assert (at.start, at.end, source.open(at).decoded) == (None, None, len(samples))
        with open(Path(source.root) / at.path, "rb") as file:
            file.seek(at.offset or 0)
            stored, rate = soundfile.read(io.BytesIO(file.read(at.size)), dtype="float32")
        assert rate == read.sampling_rate
        assert np.allclose(stored, samples, atol=1e-4)


def test_what_lies_beside_the_audio_does_not_disturb(recording: Recording, write: Write) -> None:
    cuts = [cut(recording, id, custom={"mood": id, "target": recording}) for id in "abc"]
    folder = write(*cuts, mood="jsonl", target="flac")
    assert len(list(folder.iterdir())) == 8
    found = rows(folder)
    assert [row.custom["mood"] for row in found.values()] == ["a", "b", "c"]
    assert not any(row.reject for row in found.values())


def test_one_shard_without_a_number_and_one_file_of_many(recording: Recording, write: Write, tmp_path: Path) -> None:
    folder = write(*(cut(recording, id) for id in "abc"))
    assert list(rows(folder / "cuts.000001.jsonl.gz")) == ["c"]
    with SharWriter(str(tmp_path), {"recording": "wav"}, shard_size=None) as writer:
        writer.write(cut(recording, "only"))
    (row,) = opened(tmp_path).scan()
    assert (row.locator.path, row.reject) == ("recording.tar", None)


def test_over_a_url(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"))
    for path in (folder.as_uri(), f"{folder.as_uri()}/", (folder / "cuts.000000.jsonl.gz").as_uri()):
        source = opened(path)
        found = list(source.scan())
        assert found == list(opened(folder).scan())[: len(found)]
        assert len(found) >= 2
        assert source.open(found[1].locator).decoded == RATE


@pytest.mark.parametrize(("audio", "rate"), [("wav", RATE), ("opus", 48_000)])
def test_a_cut_shortened_since_is_a_stretch_of_its_member(
    recording: Recording, write: Write, audio: str, rate: int
) -> None:
    """Counted at the rate that the manifest in the tar gives."""
    folder = write(cut(recording, "a", duration=2.0), audio=audio)
    manifest = folder / "cuts.000000.jsonl.gz"
    value = json.loads(gzip.decompress(manifest.read_bytes()))
    shortened = {**value, "start": 0.5, "duration": 0.25, "supervisions": []}
    manifest.write_bytes(gzip.compress(json.dumps(shortened).encode()))
    source = opened(folder)
    (row,) = source.scan()
    assert (row.locator.start, row.locator.rate) == (rate // 2, rate)
    (read,) = CutSet.from_shar(in_dir=folder)
    assert source.open(row.locator).decoded == read.load_audio().shape[1]


def test_channels_and_supervisions_of_archived_cuts(recording: Recording, write: Write) -> None:
    both = MultiCut("both", 0.0, 1.0, [0, 1], recording=recording)
    two = [said("x"), said("y", 0.5, 0.5)]
    two[1].channel = 1
    each = MultiCut("each", 0.0, 1.0, [0, 1], two, recording=recording)
    folder = write(both, each, cut(recording, "one", supervisions=[said("p", 0, 0.5), said("q", 0.5, 0.5)]))
    joined = rows(folder)
    assert list(joined) == ["both", "each-0", "each-1", "one"]
    assert [row.locator.channel for row in joined.values()] == [None, 0, 1, None]
    parts = rows(folder, supervisions="split")
    assert list(parts) == ["both", "s-x", "s-y", "s-p", "s-q"]
    assert (parts["s-q"].locator.start, parts["s-q"].locator.end) == (RATE // 2, RATE)
    assert parts["s-q"].locator.offset == joined["one"].locator.offset


def test_word_times_that_lost_their_origin_are_left_to_an_aligner(recording: Recording, write: Write) -> None:
    """`to_shar` sets a cut's start to 0, but leaves its words counted from the start of the recording."""

    def words(at: float) -> dict[str, list[AlignmentItem]]:
        return {"word": [AlignmentItem("a", at + 0.1, 0.3), AlignmentItem("b", at + 0.5, 0.4)]}

    from_start = cut(recording, "from-start", 0.0, supervisions=[said("a b", alignment=words(0.0))])
    later = cut(recording, "later", 2.0, supervisions=[said("a b", alignment=words(2.0))])
    found = rows(write(from_start, later))
    assert found["from-start"].words == (TimedWord("a", 0.1, 0.4), TimedWord("b", 0.5, 0.9))
    assert (found["later"].words, found["later"].text, found["later"].reject) == (None, "a b", None)


def test_a_placeholder_is_missing_audio(recording: Recording, tmp_path: Path) -> None:
    with SharWriter(str(tmp_path), {"recording": "wav"}, shard_size=5) as writer:
        for item in (cut(recording, "a"), MonoCut("bare", 0, 1.0, 0), cut(recording, "b")):
            writer.write(item)
    assert reasons(tmp_path) == {"a": None, "bare": "missing_audio", "b": None}


def edit_lines(manifest: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = gzip.decompress(manifest.read_bytes()).splitlines(keepends=True)
    manifest.write_bytes(gzip.compress(b"".join(change(lines))))


def test_audio_is_found_by_name_where_lines_are_missing_or_moved(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abcd"), size=4)
    before = rows(folder)
    edit_lines(folder / "cuts.000000.jsonl.gz", lambda lines: [lines[3], b"{broken\n", lines[2], lines[0]])
    after = rows(folder)
    assert [row.reject and row.reject[0] for row in after.values()] == [None, "bad_row", None, None, "bad_row"]
    assert list(after) == ["d", "row-2", "c", "a", "b"]
    for id in "dca":
        assert after[id].locator == before[id].locator


def test_a_member_twice_is_a_row_of_its_own(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"), size=3)
    tar = folder / "recording.000000.tar"
    with tarfile.open(tar) as file:
        members = [(member, file.extractfile(member).read()) for member in file]  # type: ignore[union-attr]
    with tarfile.open(tar, "w") as file:
        for member, data in members[2:4] * 2 + members[:2] + members[4:]:
            file.addfile(member, io.BytesIO(data))
    found = [(row.id, row.reject and row.reject[0]) for row in opened(folder).scan()]
    assert found == [("a", None), ("b", None), ("c", None), ("b", "bad_row")]


def rewrite(path: Path, keep: Callable[[str], bool]) -> None:
    with tarfile.open(path) as tar:
        members = [(m, tar.extractfile(m).read()) for m in tar if keep(m.name)]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))


def test_a_missing_member_costs_its_own_cut(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"), size=3)
    rewrite(folder / "recording.000000.tar", lambda name: not name.startswith("b."))
    assert reasons(folder) == {"a": None, "b": "missing_audio", "c": None}


def test_a_missing_manifest_in_the_tar_costs_its_own_cut(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"), size=3)
    rewrite(folder / "recording.000000.tar", lambda name: name != "b.json")
    assert reasons(folder) == {"a": None, "b": "damaged_archive", "c": None}


def test_a_tar_cut_short_costs_what_it_lost_wherever_it_was_cut(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"), size=3)
    path = folder / "recording.000000.tar"
    whole, before = path.read_bytes(), rows(folder)
    ends = [row.locator.offset + row.locator.size for row in before.values() if row.locator.offset and row.locator.size]
    for length in (0, 100, 512, 600, 20_000, *(end + 10 for end in ends), 46_080, 46_592, 46_600, len(whole) - 9_800):
        path.write_bytes(whole[:length])
        found = rows(folder)
        assert list(found) == ["a", "b", "c"]
        for row, end in zip(found.values(), ends, strict=True):
            if row.reject:
                assert row.reject[0] == "damaged_archive"
                assert "`recording.000000.tar`" in row.reject[1]
            else:
                assert row == before[row.id]
                assert end < length
        lost = [row.reject is not None for row in found.values()]
        assert lost == sorted(lost)
        assert length > 20_000 or all(lost)


def test_a_tar_that_is_none(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abc"))
    path = folder / "recording.000000.tar"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert reasons(folder) == {"a": "damaged_archive", "b": "damaged_archive", "c": None}


def test_a_lost_tar_and_lost_cuts(recording: Recording, write: Write) -> None:
    folder = write(*(cut(recording, id) for id in "abcd"))
    (folder / "recording.000000.tar").unlink()
    (folder / "cuts.000001.jsonl.gz").unlink()
    assert reasons(folder) == {"a": "missing_audio", "b": "missing_audio", "c": "bad_row", "d": "bad_row"}
    assert reasons(folder / "cuts.000000.jsonl.gz") == {"a": "missing_audio", "b": "missing_audio"}


def test_memory_does_not_grow_with_a_shard_in_step(recording: Recording, write: Write) -> None:
    from lstdata.sources.shar import Archive

    folder = write(*(cut(recording, str(n)) for n in range(20)), size=20)
    archive = Archive(str(folder / "recording.000000.tar"))
    for n in range(20):
        assert archive.take(str(n)).member.size > RATE
        assert not archive._passed
    assert list(archive.rest()) == []


def test_the_locator_alone_suffices(recording: Recording, write: Write) -> None:
    source = opened(write(*(cut(recording, id) for id in "ab")))
    at = list(source.scan())[1].locator
    assert isinstance(at, Locator)
    alone = Locator(path=at.path, offset=at.offset, size=at.size)
    assert source.open(alone).decoded == RATE


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cuts of a hundredth of a second, so that much of the tar is headers."""
    root = tmp_path_factory.mktemp("shard")
    soundfile.write(root / "r.wav", np.random.default_rng(0).standard_normal(1_000) * 0.1, 16_000)
    whole = Recording.from_file(root / "r.wav")
    with SharWriter(str(root), {"recording": "wav"}, shard_size=None) as writer:
        for id in "abc":
            writer.write(MonoCut(id, 0, 0.01, 0, recording=whole))
    return root


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, 6_000), value=st.binary(min_size=1, max_size=12))
def test_whatever_a_tar_holds_each_cut_has_a_row(shard: Path, at: int, value: bytes) -> None:
    path = shard / "recording.tar"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:at] + value + whole[at + len(value) :])
        source = opened(shard / "cuts.jsonl.gz")
        found = list(source.scan())
    finally:
        path.write_bytes(whole)
    assert [row.id for row in found if row.locator.path != "recording.tar" or not row.reject] == list("abc")
    for row in found:
        json.dumps(dataclasses.asdict(row), allow_nan=False).encode()
        assert (row.locator.offset or 0) + (row.locator.size or 0) <= len(whole)
