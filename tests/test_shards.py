"""The sample format: round trip, byte reproducibility, plain readers, and damage that is noticed."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import PatchingConfig
from lstdata.errors import CorruptShard
from lstdata.members import from_run_lengths, json_gz, read_json_gz, run_lengths
from lstdata.patching import utterance_patches
from lstdata.records import HOP, Sample
from lstdata.shards import (
    FORMAT,
    StoredSample,
    decode_sample,
    encode_sample,
    iter_samples,
    read_shard,
    sample_in,
    stored_strategies,
    write_members,
    write_shard,
)


def stored(key: str, frames: int = 20, words: bool = True) -> StoredSample:
    rng = np.random.default_rng(frames)
    sample = Sample(
        key=key,
        id=f"Ünï/{key}.x",
        split="train",
        samples=frames * HOP + 17,
        units=rng.integers(0, 500, frames).astype(np.uint16),
        activity=rng.random(frames) < 0.6,
        text='One  "two"\n日本',
        words=("One", '"two"', "日本") if words else None,
        word_frames=np.array([[2, 5], [6, 6], [8, 20]]) if words else None,
        character_frames=((2, 2, 4), None, (8, 9)) if words else None,
        piece_frames=np.array([4, 9]) if words else None,
        aligner="manifest" if words else None,
        align_score=-12.5 if words else None,
        header_seconds=0.815,
        recording="r",
        speaker="s",
        language="en",
        license="CC0",
        custom={"n": 1, "more": {"ä": [None, 0.5]}},
    )
    patches = {name: utterance_patches(name, sample, PatchingConfig()) for name in stored_strategies(sample)}
    return StoredSample(sample, patches, [["t", [1, 2]], ["s", 4, frames]])


def document(key: str, text: str, tokens: Sequence[int] = (7, 0, 65_535), dtype: type = np.uint16) -> StoredSample:
    sample = Sample(
        key=key,
        id=f"Ünï/{key}.x",
        split="train",
        samples=0,
        units=np.zeros(0, np.uint16),
        activity=np.zeros(0, np.bool_),
        text=text,
        words=None,
        word_frames=None,
        language="en",
        license="CC0",
        custom={"url": "https://ä.example"},
        tokens=np.array(tokens, dtype),
    )
    return StoredSample(sample, {}, ())


def shard(*samples: StoredSample) -> bytes:
    buffer = io.BytesIO()
    write_shard(buffer, samples)
    return buffer.getvalue()


@given(
    text=st.text(st.characters(codec="utf-8"), min_size=1),
    tokens=st.lists(st.integers(0, 2**32 - 1)),
    custom=st.dictionaries(
        st.text(st.characters(codec="utf-8")), st.none() | st.integers(-(2**63), 2**64 - 1) | st.booleans()
    ),
)
def test_documents_go_in_and_out_beside_speech(text: str, tokens: list[int], custom: dict[str, object]) -> None:
    one = document("a-1", text, tokens, np.uint32)
    one = replace(one, sample=replace(one.sample, custom=custom))
    (_, end, again), (start, _, speech) = iter_samples(shard(one, stored("b-2", 3, words=False)), "x.tar")
    a, b = one.sample, again.sample
    for name in {f.name for f in fields(Sample)} - {"tokens", "units", "activity"}:
        assert getattr(a, name) == getattr(b, name), name
    assert b.tokens is not None and b.tokens.dtype == np.uint32 and b.tokens.tolist() == tokens
    assert (end, again.patches, again.drawn, b.frames) == (start, {}, (), 0) and speech.sample.tokens is None


def test_members_of_another_kind_are_noticed() -> None:
    text, speech = encode_sample(document("a-1", "It was late.")), encode_sample(stored("a-1"))
    assert [*text] == ["json.gz", "tokens.npy"] and len(text["tokens.npy"]) == 128 + 6
    for members in (
        {**text, "json.gz": speech["json.gz"]},
        {"json.gz": text["json.gz"]},
        {**speech, "json.gz": text["json.gz"]},
    ):
        with pytest.raises(ValueError, match="has the members"):
            decode_sample("a-1", members)


@pytest.mark.parametrize("words", [True, False])
def test_round_trip(words: bool) -> None:
    one = stored("a-1", words=words)
    (offset, end, again), (second, *_) = iter_samples(shard(one, stored("b-2", 3, words=False)), "x.tar")
    assert offset == 0 and end == second and second % 512 == 0
    a, b = one.sample, again.sample
    arrays = ("units", "activity", "word_frames", "piece_frames", "tokens")
    for name in (f.name for f in fields(Sample) if f.name not in arrays):
        assert getattr(a, name) == getattr(b, name), name
    assert (a.units == b.units).all() and b.units.dtype == np.uint16 and (a.activity == b.activity).all()
    assert {k: v.tolist() for k, v in again.patches.items()} == {k: v.tolist() for k, v in one.patches.items()}
    assert again.drawn == [["t", [1, 2]], ["s", 4, 20]]
    if words:
        assert a.word_frames is not None and b.word_frames is not None
        assert (a.word_frames == b.word_frames).all()
        assert a.piece_frames is not None and b.piece_frames is not None
        assert (a.piece_frames == b.piece_frames).all()
    by_words = ["aligned", "aligned-merged", "aligned-bpe"] if words else []
    assert list(again.patches) == ["static", "silence", *by_words]


def test_bytes_depend_on_the_samples_alone() -> None:
    assert shard(stored("a"), stored("b", 7)) == shard(stored("a"), stored("b", 7))


@given(st.lists(st.booleans(), max_size=50))
def test_run_lengths_round_trip(mask: list[bool]) -> None:
    runs = run_lengths(np.array(mask, dtype=np.bool_))
    assert from_run_lengths(runs, len(mask)).tolist() == mask
    assert all(run > 0 for run in runs[1:])


def test_plain_webdataset_reads_it_with_nothing_of_ours(tmp_path: Path) -> None:
    """Two members; `.decode()` understands them; the drawn interleaving trains without this package."""
    path = tmp_path / "train-000000.tar"
    samples = [stored("a-1"), stored("b-2", 30), stored("c-3", 5, words=False)]
    path.write_bytes(shard(*samples))
    code = f"""
import json, sys
import webdataset
rows = []
for s in webdataset.WebDataset({str(path)!r}, shardshuffle=False).decode():
    members = [k for k in s if not k.startswith("__")]
    meta, units = s["json.gz"], s["units.npy"]
    sums = [sum(lengths) for lengths in meta["patches"].values()]
    tokens = []
    for kind, *what in meta["drawn"]:
        tokens += [-1, *units[what[0]:what[1]].tolist()] if kind == "s" else [-2, *what[0]]
    rows.append([s["__key__"], len(members), len(units), sums, tokens])
assert "lstdata" not in sys.modules
print(json.dumps(rows))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert [r[0] for r in rows] == ["a-1", "b-2", "c-3"]
    assert [r[1] for r in rows] == [2, 2, 2]
    assert [r[2] for r in rows] == [20, 30, 5]
    assert [r[3] for r in rows] == [[20] * 5, [30] * 5, [5, 5]]
    assert rows[0][4] == [-2, 1, 2, -1, *samples[0].sample.units[4:].tolist()]


@pytest.mark.parametrize("cut", [1, 511, 512, 700, 2048, 3000, -1025, -1024, -513, -400])
def test_a_truncated_tar_never_reads_as_a_shorter_one(tmp_path: Path, cut: int) -> None:
    buffer = io.BytesIO()
    end = write_shard(buffer, [stored("a-1"), stored("b-2")])[-1]
    path = tmp_path / "train-000000.tar"
    path.write_bytes(buffer.getvalue()[: cut % end])
    with pytest.raises(CorruptShard, match=r"train-000000\.tar"):
        list(read_shard(path))


def _described(stored: StoredSample, **changed: object) -> bytes:
    members = encode_sample(stored)
    return json_gz(read_json_gz(members["json.gz"]) | changed)


def _change(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) >= 1 and len(old) == len(new)
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"samples": 99999}, "99999 samples make 156"),
        ({"patches": {"static": [4, 4, 4, 4, 5]}}, "`static` patches sum to 21, but there are 20 units"),
        ({"patches": {"static": [20, 0]}}, "`static` patches sum"),
        ({"items": [2, 3, 1, 0, 2, 12, 1]}, "its items must be 3 words and the silences around them, 20 frames in all"),
        ({"items": [2, 3, 1, 0, 3, 12, -1]}, "its items must be"),
        ({"items": [2, 18, 0]}, "its items must be"),
        ({"format": 9}, f"format 9 is not {FORMAT}"),
        ({"kind": "song"}, "cannot be decoded"),
        ({"activity": [21]}, "activity must make up 20 frames, but sum to 21"),
        ({"activity": [0, 400_000_000_000]}, "but sum to 400000000000"),
        ({"activity": [25, -5]}, "activity must make up 20 frames"),
    ],
)
def test_members_that_contradict_one_another_are_named(changed: dict[str, object], message: str) -> None:
    one = stored("a-1")
    members = encode_sample(one) | {"json.gz": _described(one, **changed)}
    data = io.BytesIO()
    write_members(data, [("a-1", members)])
    with pytest.raises(CorruptShard, match=f"`x.tar`: sample `a-1`.*{message}"):
        list(iter_samples(data.getvalue(), "x.tar"))


@pytest.mark.parametrize(
    "spoil", [lambda j: j[:-1], lambda j: j + b"\0", lambda j: j * 2, lambda j: b"{}", lambda j: b""]
)
def test_a_json_that_is_not_one_whole_stream_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises((ValueError, zlib.error)):
        read_json_gz(spoil(encode_sample(stored("a-1"))["json.gz"]))


def test_a_renamed_member_is_noticed() -> None:
    with pytest.raises(CorruptShard, match="header"):
        list(iter_samples(_change(shard(stored("a-1")), b"a-1.units.npy", b"a-2.units.npy"), "x.tar"))


def test_a_flipped_bit_is_a_corrupt_shard_or_another_sample_and_never_a_crash() -> None:
    """At every byte; readers with the index notice all of it by the check sums that stand there."""
    data = shard(stored("a-1", 4, words=False))
    rng = np.random.default_rng(0)
    for byte in range(len(data)):
        damaged = bytearray(data)
        damaged[byte] ^= 1 << int(rng.integers(8))
        with contextlib.suppress(CorruptShard):
            list(iter_samples(bytes(damaged), "x.tar"))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(20, dtype=">u2"),
        np.arange(20, dtype=np.int16),
        np.arange(20, dtype=np.uint16).reshape(1, 20),
        np.array(["one"] * 20),
    ],
)
def test_units_of_another_type_or_shape_are_refused(array: np.ndarray) -> None:
    members = encode_sample(stored("a-1"))
    buffer = io.BytesIO()
    np.save(buffer, array)
    with pytest.raises(ValueError, match="no array of uint16 in one dimension"):
        decode_sample("a-1", members | {"units.npy": buffer.getvalue()})


def test_a_header_without_a_size_is_refused() -> None:
    """Also one whose check sum is right: a negative size would be read for ever."""
    header = bytearray(shard(stored("a-1"))[:512])
    header[124:136] = b"-0000001000 "
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    with pytest.raises(CorruptShard, match="gives no size"):
        list(iter_samples(bytes(header) + bytes(1024), "x.tar"))


@pytest.mark.parametrize(
    "order",
    [
        [("a", "json.gz")],
        [("a", "units.npy"), ("a", "json.gz")],
        [("a", "json.gz"), ("b", "json.gz"), ("a", "units.npy"), ("b", "units.npy")],
        [("a", "json.gz"), ("a", "units.npy"), ("a", "units.npy")],
        [("a", "json.gz"), ("a", "x.units.npy")],
    ],
)
def test_members_must_be_those_of_one_sample_one_after_another(order: list[tuple[str, str]]) -> None:
    members = encode_sample(stored("a"))
    data = io.BytesIO()
    write_members(data, [(key, {name: members.get(name, b"")}) for key, name in order])
    with pytest.raises(CorruptShard, match=r"`x\.tar`: (found `[ab]\..*` after|sample `a` ends after)"):
        list(iter_samples(data.getvalue(), "x.tar"))


def test_a_stretch_alone_gives_its_sample() -> None:
    buffer = io.BytesIO()
    both = [stored("a"), stored("b", words=False)]
    offsets = write_shard(buffer, both)
    for at, expected in enumerate(both):
        stretch = buffer.getvalue()[offsets[at] : offsets[at + 1]]
        found = sample_in(stretch, "x.tar")
        assert (found.key, found.id, found.words) == (expected.sample.key, expected.sample.id, expected.sample.words)
        assert np.array_equal(found.units, expected.sample.units)
        assert np.array_equal(found.activity, expected.sample.activity)
        with pytest.raises(CorruptShard, match=r"`x\.tar`"):
            sample_in(stretch[:-512], "x.tar")
    data = io.BytesIO()
    end = write_members(data, [("a", encode_sample(both[0]) | {"json.gz": _described(both[0], format=0)})])[-1]
    with pytest.raises(CorruptShard, match=f"sample `a` cannot be decoded: format 0 is not {FORMAT}"):
        sample_in(data.getvalue()[:end], "x.tar")
