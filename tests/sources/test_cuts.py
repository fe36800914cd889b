"""lhotse manifests, written by lhotse itself."""

from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lhotse import CutSet, MonoCut, MultiCut, Recording, RecordingSet, SupervisionSegment, SupervisionSet
from lhotse.audio import AudioSource
from lhotse.supervision import AlignmentItem

from lstdata.audio import resample
from lstdata.config import SourceConfig
from lstdata.errors import DamagedSource, Rejected
from lstdata.source_row import SourceRow, TimedWord
from lstdata.sources import Source, open_source

RATE = 22_050


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "wav").mkdir()
    noise = (np.random.default_rng(0).standard_normal((RATE * 4, 2)) * 0.1).astype(np.float32)
    soundfile.write(tmp_path / "wav" / "mono.wav", noise[:, 0], RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "wav" / "stereo.wav", noise, RATE, subtype="FLOAT")
    return tmp_path


def recording(name: str = "mono", channels: int = 1, **changes: Any) -> Recording:
    values: dict[str, Any] = {
        "id": f"rec-{name}",
        "sources": [AudioSource("file", list(range(channels)), f"wav/{name}.wav")],
        "sampling_rate": RATE,
        "num_samples": RATE * 4,
        "duration": 4.0,
        "channel_ids": list(range(channels)),
    }
    return Recording(**{**values, **changes})


def supervision(start: float = 0.0, duration: float = 4.0, **changes: Any) -> SupervisionSegment:
    values = {"id": f"sup-{start}", "recording_id": "rec-mono", "text": f"words {start}", "speaker": "ann"}
    return SupervisionSegment(start=start, duration=duration, **{**values, **changes})


def cut(**changes: Any) -> MonoCut:
    values = {"id": "c", "start": 0, "duration": 4.0, "channel": 0, "recording": recording(), "supervisions": []}
    return MonoCut(**{**values, **changes})


def opened(root: Path, *cuts: Any) -> Source:
    CutSet.from_cuts(cuts).to_file(root / "cuts.jsonl.gz")
    return open_source(str(root), SourceConfig())


def rows(root: Path, *cuts: Any) -> list[SourceRow]:
    return list(opened(root, *cuts).scan())


def reason(row: SourceRow) -> str | None:
    return row.reject[0] if row.reject else None


def test_a_whole_recording(root: Path) -> None:
    words = {"word": [AlignmentItem("hello", 0.5, 0.25), AlignmentItem("", 0.75, 0.25), AlignmentItem("you", 1.0, 0.5)]}
    said = supervision(text="Hello, you!", language="en", alignment=words, custom={"split": "train", "take": 2})
    (row,) = rows(root, cut(supervisions=[said], custom={"license": "CC0", "take": 3, "mark": "x"}))
    assert row.locator.path == "wav/mono.wav"
    assert (row.locator.start, row.locator.end, row.locator.channel) == (None, None, None)
    assert (row.id, row.recording, row.duration, row.text) == ("c", "rec-mono", 4.0, "Hello, you!")
    assert row.words == (TimedWord("hello", 0.5, 0.75), TimedWord("you", 1.0, 1.5))
    assert (row.speaker, row.language, row.license, row.split) == ("ann", "en", "CC0", "train")
    assert row.custom == {"take": 3, "mark": "x"}


def test_a_cut_is_exactly_the_samples_that_lhotse_loads(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for number, (start, duration) in enumerate([(0.5, 1.0), (1.00003, 0.77777), (3.5, 0.5), (0.0, 0.1)]):
        part = cut(id=f"c{number}", start=start, duration=duration)
        source = opened(root, part)
        (row,) = source.scan()
        expected = part.load_audio()[0]
        assert source.open(row.locator).decoded == len(expected)
        native, _ = soundfile.read(root / "wav" / "mono.wav", dtype="float32")
        assert np.array_equal(native[row.locator.start : row.locator.end], expected)


def test_word_times_are_counted_from_the_cut(root: Path) -> None:
    """lhotse counts alignments from the recording's start; manifests that do not are understood where they must be."""
    from_recording = [AlignmentItem("a", 2.1, 0.2), AlignmentItem("b", 2.5, 0.4)]
    from_cut = [AlignmentItem("a", 0.1, 0.2), AlignmentItem("b", 0.5, 0.4)]
    outside = [AlignmentItem("a", 0.1, 0.2), AlignmentItem("b", 3.5, 0.4)]
    found = rows(
        root,
        *(
            cut(id=str(n), start=2.0, duration=1.0, supervisions=[supervision(0, 1.0, alignment={"word": items})])
            for n, items in enumerate((from_recording, from_cut, outside))
        ),
    )
    for row in found[:2]:
        assert row.words is not None
        assert [w.text for w in row.words] == ["a", "b"]
        assert np.allclose([(w.start, w.end) for w in row.words], [(0.1, 0.3), (0.5, 0.9)])
    assert reason(found[2]) == "bad_word_times"


def test_lhotses_own_trimming_keeps_words_in_place(root: Path) -> None:
    items = [AlignmentItem("a", 2.1, 0.2), AlignmentItem("b", 2.5, 0.4)]
    whole = cut(supervisions=[supervision(2.0, 1.0, alignment={"word": items})])
    (row,) = rows(root, *whole.trim_to_supervisions())
    assert (row.locator.start, row.locator.end) == (RATE * 2, RATE * 3)
    assert row.words is not None
    assert np.allclose([w.start for w in row.words], [0.1, 0.5])


def test_several_supervisions_are_joined_in_time(root: Path) -> None:
    later, earlier = supervision(2.0, 1.0), supervision(0.5, 1.0, speaker="bob")
    (row,) = rows(root, cut(supervisions=[later, earlier]))
    assert (row.text, row.speaker, row.words) == ("words 0.5 words 2.0", None, None)
    (row,) = rows(root, cut(supervisions=[supervision(0, 2.5), supervision(2.0, 1.0)]))
    assert reason(row) == "overlapping_supervisions"


def test_without_a_transcript_there_is_still_a_record(root: Path) -> None:
    blank = rows(root, cut(), cut(id="blank", supervisions=[supervision(text=" ")]))
    assert [(row.text, row.words, row.reject) for row in blank] == [(None, None, None)] * 2


def test_one_channel_of_several_is_chosen(root: Path) -> None:
    stereo = recording("stereo", channels=2)
    second = cut(recording=stereo, channel=1)
    source = opened(root, second, MultiCut("m", 0, 4.0, [0], recording=stereo))
    chosen, single = source.scan()
    assert (chosen.locator.channel, single.locator.channel) == (1, 0)
    native, _ = soundfile.read(root / "wav" / "stereo.wav", dtype="float32")
    assert source.open(chosen.locator).channels == 2
    assert np.allclose(source.open(chosen.locator).samples, np.clip(resample(native[:, 1], RATE), -1, 1))


def test_a_channel_in_a_file_of_its_own(root: Path) -> None:
    files = [AudioSource("file", [0], "wav/mono.wav"), AudioSource("file", [1], "wav/other.wav")]
    (row,) = rows(root, cut(recording=recording(sources=files, channel_ids=[0, 1]), channel=1))
    assert (row.locator.path, row.locator.channel) == ("wav/other.wav", None)


def test_what_is_not_a_stretch_of_a_file_is_rejected(root: Path) -> None:
    command = recording(sources=[AudioSource("command", [0], "touch owned")])
    mixed = cut(id="pad").pad(duration=5.0)
    fast = cut(id="fast").perturb_speed(1.1)
    excess = cut(id="excess", duration=1.0, supervisions=[supervision(0, 4.0)])
    found = rows(root, cut(id="cmd", recording=command), mixed, fast, excess)
    assert [reason(row) for row in found] == ["unsupported_command"] + ["unsupported_cut"] * 3
    assert found[0].id == "cmd"
    assert not (root / "owned").exists()


def test_a_cut_far_beyond_its_recording_is_refused(root: Path) -> None:
    times = {"rounded": (1.0, 3.9), "beyond": (1.0, 4.1), "all and more": (0.0, 14.0), "behind": (10.0, 1.0)}
    source = opened(root, *(cut(id=id, start=start, duration=duration) for id, (start, duration) in times.items()))
    rounded, *beyond = source.scan()
    assert source.open(rounded.locator).decoded == 3 * RATE
    for row in beyond:
        with pytest.raises(Rejected, match=r"beyond_recording: .* after the end of `wav/mono\.wav`"):
            source.open(row.locator)


def test_a_supervision_far_beyond_its_recording_is_refused(root: Path) -> None:
    RecordingSet.from_recordings([recording()]).to_file(root / "recordings.jsonl")
    said = [supervision(1.0, 3.1), supervision(2.0, 15.0), supervision(20.0, 1.0)]
    SupervisionSet.from_segments(said).to_file(root / "supervisions.jsonl")
    found = list(open_source(str(root), SourceConfig()).scan())
    assert [reason(row) for row in found] == [None, "beyond_recording", "beyond_recording"]
    assert found[1].reject is not None
    assert found[1].reject[1].endswith("it ends 13.00 s after the end of its recording `rec-mono`.")


def test_malformed_lines_cost_themselves(root: Path) -> None:
    good = json.dumps(cut().to_dict())
    zero = json.dumps({**cut(id="zero").to_dict(), "duration": 0})
    with gzip.open(root / "cuts.jsonl.gz", "wb") as file:
        file.write(f'{good}\n{{"id": "x", "type": "MonoCut"}}\n{good[:50]}\n{zero}\n'.encode() + b'{"id": "\xe9"}\n')
    found = list(open_source(str(root), SourceConfig()).scan())
    assert [reason(row) for row in found] == [None, "bad_row", "bad_row", "bad_row", "bad_encoding"]
    assert [row.id for row in found] == ["c", "x", "row-3", "zero", "row-5"]


def test_paths_are_sought_beside_the_manifest_then_where_lhotse_would(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "working folder"
    (there / "data").mkdir(parents=True)
    (root / "wav" / "mono.wav").rename(there / "data" / "mono.wav")
    shutil.copytree(there / "data", there / "wav")  # of the same name as the folder that lies beside the manifest
    moved = recording(sources=[AudioSource("file", [0], "data/mono.wav")])
    escaping = recording(sources=[AudioSource("file", [0], "../mono.wav")])
    monkeypatch.chdir(there)
    found = rows(root, cut(recording=moved), cut(id="gone"), cut(id="escaping", recording=escaping))
    assert found[0].locator.path == str(there / "data" / "mono.wav")
    assert found[1].locator.path == "wav/mono.wav"
    assert reason(found[2]) == "path_escapes"
    with pytest.raises(Rejected, match="missing_audio"):
        opened(root, cut(id="gone")).open(found[1].locator)


def test_recordings_and_supervisions_give_a_row_per_supervision(root: Path) -> None:
    first = [AlignmentItem("a", 0.6, 0.2)]
    second = [AlignmentItem("b", 2.1, 0.2)]
    RecordingSet.from_recordings([recording("stereo", 2), recording(), recording("silent")]).to_file(
        root / "demo_recordings_dev.jsonl.gz"
    )
    SupervisionSet.from_segments(
        [
            supervision(2.0, 1.0, alignment={"word": second}, custom={"split": "test"}),
            supervision(0.5, 1.0, alignment={"word": first}),
            supervision(1.0, 1.0, id="right", recording_id="rec-stereo", channel=1),
            supervision(0, 4.0, id="lost", recording_id="rec-none"),
        ]
    ).to_file(root / "demo_supervisions_dev.jsonl.gz")
    found = {row.id: row for row in open_source(str(root), SourceConfig()).scan()}
    assert list(found) == ["sup-2.0", "sup-0.5", "right", "lost", "rec-silent"]
    late, right = found["sup-2.0"], found["right"]
    assert (late.locator.start, late.locator.end, late.split) == (RATE * 2, RATE * 3, "test")
    assert late.words == (TimedWord("b", pytest.approx(0.1), pytest.approx(0.3)),)
    assert (right.locator.path, right.locator.channel, right.recording) == ("wav/stereo.wav", 1, "rec-stereo")
    assert reason(found["lost"]) == "missing_audio"
    assert (found["rec-silent"].text, found["rec-silent"].reject) == (None, None)


def test_of_two_recordings_with_one_id_the_first_is_taken(root: Path) -> None:
    """Wherever in the stream a supervision asks for it."""
    both = [recording("mono", id="r").to_dict(), recording("stereo", id="r").to_dict(), recording(id="q").to_dict()]
    (root / "recordings.jsonl").write_text("".join(json.dumps(value) + "\n" for value in both))
    said = [supervision(n, 1, recording_id=id) for n, id in enumerate("rqr")]
    SupervisionSet.from_segments(said).to_file(root / "supervisions.jsonl")
    found = list(open_source(str(root), SourceConfig()).scan())
    assert [(row.id, row.locator.path) for row in found[:3]] == [(s.id, "wav/mono.wav") for s in said]
    assert [(row.id, row.reject) for row in found[3:]] == [
        ("row-2", ("duplicate_id", "row 2 of `recordings.jsonl`: an earlier recording has the id `r`."))
    ]


def test_cuts_win_and_subfolders_are_not_part_of_it(root: Path) -> None:
    RecordingSet.from_recordings([recording()]).to_file(root / "recordings.jsonl.gz")
    SupervisionSet.from_segments([supervision()]).to_file(root / "supervisions.jsonl.gz")
    for sub in ("completion", "text"):
        (root / sub).mkdir()
        CutSet.from_cuts([cut(id=sub)]).to_file(root / sub / "cuts.jsonl.gz")
    CutSet.from_cuts([cut(id="one")]).to_file(root / "cuts_a.jsonl")
    CutSet.from_cuts([cut(id="two")]).to_file(root / "cuts_b.jsonl.gz")
    assert [row.id for row in open_source(str(root), SourceConfig()).scan()] == ["one", "two"]
    by_file = open_source(str(root / "supervisions.jsonl.gz"), SourceConfig())
    assert (by_file.kind, [row.id for row in by_file.scan()]) == ("lhotse", ["sup-0.0"])
    by_file = open_source(str(root / "recordings.jsonl.gz"), SourceConfig())
    assert [row.id for row in by_file.scan()] == ["sup-0.0"]


def test_a_damaged_manifest_is_the_datas_fault(root: Path) -> None:
    CutSet.from_cuts([cut(id=str(n)) for n in range(200)]).to_file(root / "cuts.jsonl.gz")
    (root / "cuts.jsonl.gz").write_bytes((root / "cuts.jsonl.gz").read_bytes()[:-30])
    with pytest.raises(DamagedSource, match="damaged"):
        list(open_source(str(root), SourceConfig()).scan())


def test_large_manifests_are_read_as_a_stream(root: Path) -> None:
    line = json.dumps(cut().to_dict())
    (root / "cuts.jsonl").write_text(f"{line}\n" * 2_000 + "not JSON", encoding="utf-8")
    found = open_source(str(root), SourceConfig()).scan()
    assert next(found).reject is None
    assert reason(list(found)[-1]) == "bad_row"


def test_a_command_stands_for_the_file_that_it_hands_on(root: Path) -> None:
    """Cut at the file's own rate, where the command changes it."""
    commands = ["cat wav/mono.wav ", "sox wav/stereo.wav -r 16000 -t wav - ", "sox wav/stereo.wav -t wav - remix 2 "]
    source = opened(
        root,
        *(
            cut(
                id=command,
                start=1.0,
                duration=0.5,
                recording=recording(
                    sources=[AudioSource("command", [0], command)],
                    sampling_rate=16_000 if "16000" in command else RATE,
                ),
            )
            for command in commands
        ),
    )
    found = [row.locator for row in source.scan()]
    assert [(at.path, at.channel) for at in found] == [
        ("wav/mono.wav", None),
        ("wav/stereo.wav", None),
        ("wav/stereo.wav", 1),
    ]
    assert [(at.start, at.end, at.rate) for at in found] == [(RATE, RATE * 3 // 2, RATE)] * 3
    assert [source.open(at).decoded for at in found] == [RATE // 2] * 3


@pytest.mark.parametrize("folder", ["lhotse", "lhotse-b"])
def test_real_manifests(speech: Path, folder: str) -> None:
    """Their audio is synthesised by a command: each recording has a verdict, which names it.

    In `lhotse-b` the supervisions have ids of their own, and so have the speakers.
    """
    source = open_source(str(speech / "layouts" / "kaldi-mini-librispeech" / folder), SourceConfig())
    found = list(source.scan())
    assert (source.kind, len(found)) == ("lhotse", 38)
    assert {reason(row) for row in found} == {"unsupported_command"}
    prefix = "lbi" if folder == "lhotse" else "l_i"
    assert found[0].id == f"{prefix}-1272-135031-0000"
    assert found[0].reject is not None
    assert "`sox -r 16000 -b16 -c 1 --null -t wav - synth 174160s sine 300-3300`" in found[0].reject[1]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_manifest_raises_anything_but_verdicts(root: Path, data: st.DataObject) -> None:
    """A field of any depth replaced by any JSON value, or left out, gives a row all the same."""
    words = {"word": [AlignmentItem("a", 0.1, 0.2)]}
    value = json.loads(json.dumps(cut(supervisions=[supervision(alignment=words, custom={"split": "x"})]).to_dict()))
    place: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    simple = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    place[key] = data.draw(st.recursive(simple, lambda s: st.lists(s, max_size=2) | st.dictionaries(st.text(), s)))
    (root / "cuts.jsonl").write_text(json.dumps(value) + "\n", encoding="utf-8")
    (row,) = open_source(str(root), SourceConfig()).scan()
    json.dumps(dataclasses.asdict(row), allow_nan=False).encode()
    for name in ("id", "recording", "text", "speaker", "language", "license", "split"):
        assert isinstance(getattr(row, name), str | None)
