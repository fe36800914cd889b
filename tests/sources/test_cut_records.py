"""What becomes of a cut with several supervisions or channels, and of the names of manifests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from lhotse import CutSet, MonoCut, MultiCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.audio import AudioSource
from lhotse.supervision import AlignmentItem

from lstdata.audio import resample
from lstdata.config import SourceConfig
from lstdata.errors import ConfigError
from lstdata.source_row import SourceRow, TimedWord
from lstdata.sources import Source, open_source

RATE = 8_000


def stereo(*files: list[int], **changes: Any) -> Recording:
    """Ten seconds, with these channels in each of its files."""
    sources = [AudioSource("file", list(on), f"{n}.wav") for n, on in enumerate(files or ([0, 1],))]
    ids = sorted({channel for on in files or ([0, 1],) for channel in on})
    return Recording("rec", sources, RATE, RATE * 10, 10.0, ids, **changes)


def said(text: str, start: float, end: float, channel: int | list[int] = 0, **changes: Any) -> SupervisionSegment:
    fields = {"id": text, "text": text, "speaker": f"who says {text}", **changes}
    return SupervisionSegment(recording_id="rec", start=start, duration=end - start, channel=channel, **fields)


def opened(root: Path, *cuts: Any, **options: Any) -> Source:
    CutSet.from_cuts(cuts).to_file(root / "cuts.jsonl.gz")
    return open_source(str(root), SourceConfig(**options))


def rows(root: Path, *cuts: Any, **options: Any) -> list[SourceRow]:
    return list(opened(root, *cuts, **options).scan())


def reasons(rows: list[SourceRow]) -> list[tuple[str, str | None]]:
    return [(row.id, row.reject and row.reject[0]) for row in rows]


def mono(*supervisions: SupervisionSegment, start: float = 2.0, **changes: Any) -> MonoCut:
    return MonoCut("cut", start, 6.0, 0, supervisions=list(supervisions), recording=stereo([0]), **changes)


def test_each_supervision_is_a_record_of_its_own(tmp_path: Path) -> None:
    words = {"word": [AlignmentItem("b", 4.5, 0.25)]}
    cut = mono(said("b", 2, 4, alignment=words), said("a", 0, 3), said("c", 5, 6), custom={"take": 1})
    first, second, third = rows(tmp_path, cut, supervisions="split")
    assert [(row.id, row.text, row.duration) for row in (first, second, third)] == [
        ("a", "a", 3),
        ("b", "b", 2),
        ("c", "c", 1),
    ]
    assert {row.recording for row in (first, second, third)} == {"rec"}
    assert [(row.locator.start, row.locator.end) for row in (first, second, third)] == [
        (2 * RATE, 5 * RATE),
        (4 * RATE, 6 * RATE),
        (7 * RATE, 8 * RATE),
    ]
    assert second.words == (TimedWord("b", 0.5, 0.75),)
    assert (second.speaker, second.custom) == ("who says b", {"take": 1})
    assert reasons(rows(tmp_path, cut)) == [("cut", "overlapping_supervisions")]


def test_words_counted_from_the_cut_stay_in_their_supervision(tmp_path: Path) -> None:
    def with_word(at: float) -> SupervisionSegment:
        return said("w", 3, 4, alignment={"word": [AlignmentItem("w", at, 0.25)]})

    for at in (5.5, 3.5, 0.5):
        (row,) = rows(tmp_path, mono(with_word(at)), supervisions="split")
        assert row.words == (TimedWord("w", 0.5, 0.75),)
    (row,) = rows(tmp_path, mono(with_word(9.0)), supervisions="split")
    assert reasons([row]) == [("w", "bad_word_times")]


def test_ids_of_supervisions(tmp_path: Path) -> None:
    """The same in whatever order they are written; those that name several things are numbered in time."""
    parts = [said("x", 0, 1, id="same"), said("y", 1, 2, id="own"), said("z", 2, 3, id="same"), said("v", 3, 4, id="")]
    found = rows(tmp_path, mono(*parts), supervisions="split")
    assert [(row.id, row.text) for row in found] == [("cut-0", "x"), ("own", "y"), ("cut-2", "z"), ("cut-3", "v")]
    assert rows(tmp_path, mono(*parts[::-1]), supervisions="split") == found


def test_a_bad_supervision_costs_itself(tmp_path: Path) -> None:
    parts = [said("good", 0, 1), said("long", 1, 9), said("empty", 2, 2), said("early", -2, 1)]
    text = said("text", 3, 4)
    text.text = 5
    found = rows(tmp_path, mono(*parts, text), supervisions="split")
    assert sorted(reasons(found)) == [
        ("early", "bad_row"),
        ("empty", "bad_row"),
        ("good", None),
        ("long", "unsupported_cut"),
        ("text", "bad_row"),
    ]


def test_without_supervisions_a_cut_is_one_record_either_way(tmp_path: Path) -> None:
    assert reasons(rows(tmp_path, mono(), supervisions="split")) == [("cut", None)]


def multi(
    *supervisions: SupervisionSegment, recording: Recording | None = None, on: tuple[int, ...] = (0, 1)
) -> MultiCut:
    return MultiCut("m", 1.0, 8.0, list(on), list(supervisions), recording=recording or stereo())


def test_what_all_channels_hear_is_mixed_down(tmp_path: Path) -> None:
    noise = (np.random.default_rng(0).standard_normal((RATE * 10, 2)) * 0.1).astype(np.float32)
    soundfile.write(tmp_path / "0.wav", noise, RATE, subtype="FLOAT")
    source = opened(tmp_path, multi(said("a", 0, 2, [0, 1]), said("b", 3, 4, [1, 0])))
    (row,) = source.scan()
    assert (row.id, row.text, row.locator.channel) == ("m", "a b", None)
    heard = source.open(row.locator)
    assert np.allclose(heard.samples, resample(noise[RATE : 9 * RATE].mean(axis=1), RATE), atol=1e-6)
    assert reasons(rows(tmp_path, multi())) == [("m", None)]


def test_each_channel_with_its_own_speaker_is_a_record(tmp_path: Path) -> None:
    left, right, later = said("hello", 0, 4), said("hi", 1, 3, 1), said("bye", 5, 6, [1])
    found = rows(tmp_path, multi(left, right, later))
    assert [(row.id, row.text, row.speaker, row.locator.channel) for row in found] == [
        ("m-0", "hello", "who says hello", 0),
        ("m-1", "hi bye", None, 1),
    ]
    assert [(row.locator.start, row.locator.end) for row in found] == [(RATE, 9 * RATE)] * 2
    assert [row.id for row in rows(tmp_path, multi(right))] == ["m-1"]
    split = rows(tmp_path, multi(left, right, later), supervisions="split")
    assert [(row.id, row.locator.channel) for row in split] == [("hello", 0), ("hi", 1), ("bye", 1)]
    overlapping = said("no", 2, 4, 1)
    assert reasons(rows(tmp_path, multi(left, right, overlapping))) == [
        ("m-0", None),
        ("m-1", "overlapping_supervisions"),
    ]


def test_channels_in_files_of_their_own(tmp_path: Path) -> None:
    """As AMI's headsets have them."""
    headsets = stereo([0], [1])
    found = rows(tmp_path, multi(said("a", 0, 1, 0), said("b", 0, 1, 1), recording=headsets))
    assert [(row.id, row.locator.path, row.locator.channel) for row in found] == [
        ("m-0", "0.wav", None),
        ("m-1", "1.wav", None),
    ]
    assert reasons(rows(tmp_path, multi(said("a", 0, 1, [0, 1]), recording=headsets))) == [("m", "unsupported_cut")]
    assert "2 files" in str(rows(tmp_path, multi(recording=headsets))[0].reject)


def test_channels_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    three = stereo([0, 1, 2])
    all_and_one = multi(said("a", 0, 1, [0, 1]), said("b", 2, 3, 0))
    two_of_three = multi(said("a", 0, 1, [0, 1]), recording=three)
    elsewhere = multi(said("a", 0, 1, 5))
    for cut in (all_and_one, two_of_three, elsewhere):
        assert reasons(rows(tmp_path, cut)) == [("m", "unsupported_cut")]
    assert reasons(rows(tmp_path, all_and_one, supervisions="split")) == [("a", None), ("b", None)]
    assert reasons(rows(tmp_path, elsewhere, supervisions="split")) == [("a", "unsupported_cut")]


def test_recordings_of_several_channels(tmp_path: Path) -> None:
    RecordingSet.from_recordings([stereo()]).to_file(tmp_path / "recordings.jsonl")
    SupervisionSet.from_segments([said("both", 0, 1, [0, 1]), said("right", 1, 2, 1)]).to_file(
        tmp_path / "supervisions.jsonl"
    )
    found = list(open_source(str(tmp_path), SourceConfig()).scan())
    assert [(row.id, row.locator.channel) for row in found] == [("both", None), ("right", 1)]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("librispeech_cuts_train-clean-100.jsonl.gz", "train"),
        ("cuts_dev.jsonl", "validation"),
        ("ami-ihm_cuts_test.jsonl", "test"),
        ("train_cuts.jsonl", "train"),
        ("cuts.jsonl", None),
        ("cuts.000003.jsonl", None),
        ("eval92.jsonl", "eval92"),
        ("other.jsonl", None),
    ],
)
def test_the_manifests_name_gives_the_split(tmp_path: Path, name: str, split: str | None) -> None:
    own = mono(said("a", 0, 1, custom={"split": "Special"}), start=0.0)
    own.id = "own"
    CutSet.from_cuts([mono(), own]).to_file(tmp_path / name)
    path = tmp_path if "cuts" in name else tmp_path / name
    found = list(open_source(str(path), SourceConfig()).scan())
    assert [row.split for row in found] == [split, "special"]
    ignored = list(open_source(str(path), SourceConfig(splits="ignore")).scan())
    assert [row.split for row in ignored] == [None, None]
    assert ignored[1].custom == {"split": "Special"}


def test_a_pair_of_manifests_is_one_part(tmp_path: Path) -> None:
    for part in ("dev-clean", "train-clean-5"):
        RecordingSet.from_recordings([stereo([0])]).to_file(tmp_path / f"mini_recordings_{part}.jsonl.gz")
        SupervisionSet.from_segments([said(part, 0, 1)]).to_file(tmp_path / f"mini_supervisions_{part}.jsonl.gz")
    found = list(open_source(str(tmp_path), SourceConfig()).scan())
    assert [(row.id, row.split) for row in found] == [("dev-clean", "validation"), ("train-clean-5", "train")]


def test_supervisions_whose_recordings_are_not_there_are_never_passed_over(tmp_path: Path) -> None:
    RecordingSet.from_recordings([stereo([0])]).to_file(tmp_path / "recordings_train.jsonl.gz")
    for part in ("train", "dev"):
        SupervisionSet.from_segments([said(part, 0, 1)]).to_file(tmp_path / f"supervisions_{part}.jsonl.gz")
    with pytest.raises(ConfigError, match=r"supervisions_dev\.jsonl\.gz` .* no `recordings_dev\.jsonl` beside it"):
        open_source(str(tmp_path), SourceConfig())


@pytest.mark.parametrize("suffix", [".json", ".json.gz", ".yaml"])
def test_a_manifest_in_one_piece_names_the_way_out(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cuts{suffix}"
    CutSet.from_cuts([mono()]).to_file(path)
    for source in (tmp_path, path):
        with pytest.raises(ConfigError, match=r"lhotse copy .*cuts\.(json|yaml).* .*cuts\.jsonl\.gz"):
            open_source(str(source), SourceConfig())


def test_other_json_is_not_lhotses(tmp_path: Path) -> None:
    (tmp_path / "haircuts.json").write_text(json.dumps([{"name": "bob"}]))
    with pytest.raises(ConfigError, match="nothing to build from"):
        open_source(str(tmp_path), SourceConfig())
