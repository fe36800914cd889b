"""Kaldi data directories: tables read in step, whatever is wrong in one line costs that line."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.source_row import Locator, SourceRow
from lstdata.source_table import ROW_SCHEMA, flat_row
from lstdata.sources import Source, open_source
from lstdata.sources.kaldi_tables import Table
from lstdata.sources.locating import stream_located

RATE = 8_000


def noise(path: Path, seconds: float = 4.0, channels: int = 1) -> None:
    shape = (int(RATE * seconds), channels)
    soundfile.write(path, np.random.default_rng(0).standard_normal(shape) * 0.1, RATE, subtype="PCM_16")


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A data directory of the given files, and beside it a recording of four seconds and one with two channels."""

    def write(**files: str) -> Path:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        noise(folder / "r.wav")
        noise(folder / "s.wav", channels=2)
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
        return folder

    return write


def opened(folder: Path, **options: Any) -> Source:
    source = open_source(str(folder), SourceConfig(**options))
    assert source.kind == "kaldi"
    return source


def rows(folder: Path) -> list[SourceRow]:
    return list(opened(folder).scan())


def row_fits_a_table(row: SourceRow) -> bool:
    """As plans keep rows: with integers of 64 bits at most."""
    return pa.Table.from_pylist([flat_row(row, "")], schema=ROW_SCHEMA).num_rows == 1


def verdicts(folder: Path) -> dict[str, tuple[str, str]]:
    return {row.id: row.reject for row in rows(folder) if row.reject}


def test_utterances_are_stretches_of_recordings(write: Write) -> None:
    folder = write(
        wav_scp="rec1 r.wav\nrec2 cat s.wav |\nrec3 r.wav\n",
        segments="a-1 rec1 0.5 1.25\na-2 rec1 2 -1\nb-1 rec2 0 1.0001 1\n",
        text="a-1 HELLO  WORLD\na-2\nb-1 YES\n",
        utt2spk="a-1 a\na-2 a\nb-1 b\n",
        utt2lang="a-1 en\nb-1 de\n",
        spk2gender="a f\nb m\n",
    )
    source = opened(folder)
    first, second, third, whole = source.scan()
    assert first == SourceRow(
        id="a-1",
        locator=Locator(path="r.wav", start=4_000, end=10_000, rate=RATE),
        recording="rec1",
        duration=0.75,
        text="HELLO WORLD",
        speaker="a",
        language="en",
        custom={"gender": "f"},
    )
    assert (second.locator, second.duration) == (Locator(path="r.wav", start=16_000, rate=RATE), 2.0)
    assert (second.text, second.language) == (None, None)
    assert third.locator == Locator(path="s.wav", start=0, end=8_001, rate=RATE, channel=1)
    assert (whole.id, whole.locator, whole.duration) == ("rec3", Locator(path="r.wav"), 4.0)
    assert [source.open(row.locator).decoded for row in (first, second, third)] == [6_000, 16_000, 8_001]


def test_without_segments_each_recording_is_one(write: Write) -> None:
    folder = write(wav_scp="u1 r.wav\nu2 r.wav\nu3 gone.wav\n", text="u1 one\nu3 three\n", utt2dur="u1 3.5\n")
    found = rows(folder)
    assert [(row.id, row.recording, row.text, row.duration) for row in found] == [
        ("u1", "u1", "one", 3.5),
        ("u2", "u2", None, 4.0),
        ("u3", "u3", "three", None),
    ]
    with pytest.raises(Rejected, match="missing_audio"):
        opened(folder).open(found[2].locator)


def test_durations_that_are_given_need_no_audio(write: Write) -> None:
    given = write(wav_scp="u1 /nowhere/a.wav\nu2 /nowhere/b.wav\n", utt2dur="u1 3.5\n", reco2dur="u2 2.5\n")
    assert [(row.duration, row.reject) for row in rows(given)] == [(3.5, None), (2.5, None)]


def test_recordings_in_an_archive(write: Write) -> None:
    """As `wav-copy` writes them: an id, a space, and the bytes of a WAV."""
    folder = write(wav_scp="u1 all.ark:3\n", segments="u1-a u1 0.5 1\nu1-b u1 0 -1\n")
    one = (folder / "r.wav").read_bytes()
    (folder / "all.ark").write_bytes(b"u1 " + one + b"u2 " + (folder / "s.wav").read_bytes())
    source = opened(folder)
    part, whole = source.scan()
    assert part.locator == Locator(path="all.ark", offset=3, start=4_000, end=8_000, rate=RATE)
    assert (whole.locator, whole.duration) == (Locator(path="all.ark", offset=3), 4.0)
    assert [source.open(row.locator).decoded for row in (part, whole)] == [4_000, 32_000]


def test_the_channel_of_a_segment_is_one_of_what_its_command_hands_on(write: Write) -> None:
    folder = write(
        wav_scp="both cat s.wav |\none sph2pipe -f wav -p -c 2 s.wav |\nmix sox s.wav -c 1 -t wav - |\n",
        segments="a both 1 2 1\nb one 1 2 0\nc one 1 2 1\nd mix 1 2 0\ne mix 1 2 1\n",
    )
    found = {row.id: row for row in rows(folder)}
    assert {id: found[id].locator.channel for id in ("a", "b", "d")} == {"a": 1, "b": 1, "d": None}
    for id in ("c", "e"):
        reject = found[id].reject
        assert reject is not None
        assert reject[0] == "bad_channel"
        assert "hands on one channel; channel 1 is not" in reject[1]


def test_a_segment_far_beyond_its_recording_is_refused(write: Write) -> None:
    source = opened(write(wav_scp="r r.wav\n", segments="u r 1 4.9\nv r 1 5.1\nw r 10 11\nx r 4 4.5\ny r 9 -1\n"))
    rounded, beyond, behind, just_behind, start = source.scan()
    assert source.open(rounded.locator).decoded == 3 * RATE
    with pytest.raises(Rejected, match=r"beyond_recording: .* after the end of `r\.wav`"):
        source.open(beyond.locator)
    blocks, heard = stream_located(source.root, beyond.locator)
    with pytest.raises(Rejected, match="beyond_recording"):
        list(blocks)
    assert heard.decoded == 3 * RATE
    with pytest.raises(Rejected, match=r"beyond_recording: .*, 10\.00–11\.00 s, is after the end of `r\.wav`"):
        source.open(behind.locator)
    with pytest.raises(Rejected, match="beyond_recording"):
        list(stream_located(source.root, behind.locator)[0])
    with pytest.raises(Rejected, match="zero_length"):
        source.open(just_behind.locator)
    with pytest.raises(Rejected, match=r"beyond_recording: its start, at 9\.00 s,"):
        source.open(start.locator)


def test_a_byte_of_an_archive_that_no_file_has_is_missing_audio(write: Write) -> None:
    source = opened(write(wav_scp=f"u all.ark:{10**20}\n", utt2dur="u 1\n"))
    (row,) = source.scan()
    assert row_fits_a_table(row)
    with pytest.raises(Rejected, match="missing_audio"):
        source.open(row.locator)


@pytest.mark.parametrize(
    ("segments", "reason", "said"),
    [
        ("u rec 1", "bad_row", "line 1 of `segments`: it needs .* has 3 fields"),
        ("u rec 1 2 3 4", "bad_row", "has 6 fields"),
        ("u rec 2 1", "bad_row", "line 1 of `segments`: it must end after it starts.* 2.0 and 1.0"),
        ("u rec 1 1", "bad_row", "must end after"),
        ("u rec -1 1", "bad_row", "must end after"),
        ("u rec nan 1", "bad_row", "must end after"),
        ("u rec 1 1e99", "bad_row", "must end after"),
        ("u rec 0:01 1", "bad_row", "`0:01` is no number of seconds"),
        ("u rec 1 2 B", "bad_row", "its channel must be a number"),
        ("u other 1 2", "missing_audio", "line 1 of `segments`: recording `other` is not in `wav.scp`"),
        ("u gone 1 2", "missing_audio", "there is no file `gone.wav`"),
        ("u piped 1 2", "unsupported_command", "line 4 of `wav.scp`: commands from data are never run"),
        ("u out 1 2", "path_escapes", "line 3 of `wav.scp`"),
        ("u bare 1 2", "bad_row", "line 1 of `wav.scp`: there is nothing behind the id"),
        ("u text 1 2", "undecodable", "`text`"),
    ],
)
def test_a_bad_line_costs_its_utterance(write: Write, segments: str, reason: str, said: str) -> None:
    scp = "bare\ngone gone.wav\nout ../x.wav\npiped touch owned |\nrec r.wav\ntext text\n"
    folder = write(wav_scp=scp, segments=f"{segments}\nv rec 0 1\n", text="u hello\nv you\n")
    found = {row.id: row for row in rows(folder)}
    assert found["u"].reject is not None
    assert found["u"].reject[0] == reason
    assert re.search(said, found["u"].reject[1])
    assert (found["v"].reject, found["v"].text) == (None, "you")
    assert str(folder) not in repr(found)
    assert not (folder / "owned").exists()


def test_what_is_said_of_an_utterance_must_make_sense(write: Write) -> None:
    folder = write(
        wav_scp="".join(f"u{n} r.wav\n" for n in range(6)),
        text="u0 a\n",
        utt2spk="u1\nu5 s\n",
        utt2dur="u2 long\nu3 -1\n",
        spk2gender="s\n",
    )
    (folder / "utt2lang").write_bytes(b"u4 caf\xe9\n")
    found = verdicts(folder)
    assert {id: verdict[0] for id, verdict in found.items()} == {
        "u1": "bad_row",
        "u2": "bad_row",
        "u3": "bad_row",
        "u4": "bad_encoding",
        "u5": "bad_row",
    }
    assert found["u2"][1] == "line 1 of `utt2dur`: `long` is no number of seconds."
    assert "line 1 of `utt2spk`" in found["u1"][1]


def test_nothing_is_lost(write: Write) -> None:
    folder = write(
        wav_scp="a r.wav\na s.wav\nb r.wav\n",
        segments="x a 0 1\n",
        text="lost nobody says this\nx one\nx two\n",
    )
    found = rows(folder)
    assert [(row.id, row.reject and row.reject[0]) for row in found] == [
        ("x", None),
        ("b", None),
        ("wav.scp-2", "duplicate_id"),
        ("lost", "missing_audio"),
        ("text-3", "duplicate_id"),
    ]
    assert found[0].text == "one"
    assert found[4].reject == ("duplicate_id", "line 3 of `text`: an earlier line has the id `x`.")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), other=st.permutations(range(6)))
def test_the_order_of_the_files_does_not_matter(write: Write, order: list[int], other: list[int]) -> None:
    folder = write(
        wav_scp="".join(f"r{n} r.wav\n" for n in other),
        segments="".join(f"u{n} r{n % 3} {n} {n + 1}\n" for n in order),
        text="".join(f"u{n} said {n}\n" for n in other if n != 4),
        utt2spk="".join(f"u{n} s{n}\n" for n in reversed(order)),
    )
    found = {row.id: row for row in rows(folder)}
    for n in range(6):
        row = found[f"u{n}"]
        assert (row.text, row.speaker, row.recording) == (None if n == 4 else f"said {n}", f"s{n}", f"r{n % 3}")
    assert [id for id in found if id[0] == "u"] == [f"u{n}" for n in order]
    assert {id for id in found if id[0] == "r"} == {"r3", "r4", "r5"}


def test_sorted_files_are_read_in_step(tmp_path: Path) -> None:
    """Nothing is kept of what was asked for, nor is the rest read for what is not there."""
    (tmp_path / "text").write_text("".join(f"u{n:03} text {n}\n" for n in range(0, 1000, 2)))
    table = Table(str(tmp_path / "text"))
    for n in range(1000):
        line = table.find(f"u{n:03}")
        assert (line is None) == (n % 2 == 1)
        assert len(table._passed) <= 1
    assert list(table.unused()) == []


def test_relative_paths_start_in_the_audio_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(wav_scp="u corpus/a.wav\n")
    (tmp_path / "recipe" / "corpus").mkdir(parents=True)
    noise(tmp_path / "recipe" / "corpus" / "a.wav")
    for place in ("../recipe", str(tmp_path / "recipe")):
        source = opened(folder, audio_folder=place)
        (row,) = source.scan()
        assert (row.locator.path, row.duration, source.root) == ("corpus/a.wav", 4.0, str(tmp_path / "recipe"))
    with pytest.raises(ConfigError, match=r"`source\.audio_folder`"):
        opened(folder, audio_folder="nowhere")
    monkeypatch.chdir(tmp_path / "recipe")
    assert rows(folder)[0].locator.path == str(tmp_path / "recipe" / "corpus" / "a.wav")


def test_a_folder_without_wav_scp_is_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("u hello\n")
    with pytest.raises(ConfigError, match=r"wav\.scp"):
        open_source(str(tmp_path), SourceConfig(kind="kaldi"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_directory_raises_anything_but_verdicts(write: Write, data: st.DataObject) -> None:
    tokens = st.sampled_from(
        ["u", "r", "r.wav", "s.wav", "0", "1", "-1", "3e5", "|", "cat", "é", "\t", "\n", "x.ark:0"]
    )
    names = ("wav_scp", "segments", "text", "utt2spk", "utt2dur", "reco2dur", "spk2gender", "utt2lang")
    files = {name: " ".join(data.draw(st.lists(tokens, max_size=12))) for name in names}
    for row in rows(write(**files)):
        json.dumps(dataclasses.asdict(row), allow_nan=False).encode()
        assert row.id


def test_a_real_directory(speech: Path) -> None:
    """Mini LibriSpeech with its audio synthesised by a command: each utterance has a verdict, which names it."""
    source = open_source(str(speech / "layouts" / "kaldi-mini-librispeech"), SourceConfig())
    found = list(source.scan())
    assert (source.kind, len(found)) == ("kaldi", 38)
    assert {row.reject and row.reject[0] for row in found} == {"unsupported_command"}
    assert found[0].reject is not None
    assert found[0].reject[1].startswith("line 1 of `wav.scp`: commands from data are never run, and `sox -r 16000 ")


def test_a_real_directory_with_audio(speech: Path, tmp_path: Path) -> None:
    """The same tables, its commands replaced by a file."""
    layout = speech / "layouts" / "kaldi-mini-librispeech"
    noise(tmp_path / "all.wav", seconds=40)
    scp = re.sub(r"(?m)^(\S+) .*$", r"\1 all.wav", (layout / "wav.scp").read_text())
    (tmp_path / "wav.scp").write_text(scp)
    for name in ("segments", "text", "utt2spk", "spk2gender", "reco2dur", "utt2dur"):
        (tmp_path / name).write_bytes((layout / name).read_bytes())
    found = rows(tmp_path)
    assert len(found) == 38
    assert not any(row.reject for row in found)
    first = found[0]
    assert (first.id, first.speaker, first.custom) == ("lbi-1272-135031-0000", "lbi-1272-135031", {"gender": "m"})
    assert (first.duration, first.locator.end) == (10.885, 87_080)
    assert first.text is not None
    assert first.text.startswith("BECAUSE YOU WERE SLEEPING")
