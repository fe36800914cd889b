"""Folders of recordings: every file that looks like audio is accounted for, whatever lies beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.source_row import Locator, SourceRow
from lstdata.sources import open_source
from lstdata.sources.folder import FolderSource

Layout = Callable[..., Path]


@pytest.fixture
def corpus(tmp_path: Path) -> Layout:
    """Write files by relative path: text as it is, bytes as they are, None a second of noise."""

    def write(**files: str | bytes | None) -> Path:
        root = tmp_path / "corpus"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                noise = np.random.default_rng(0).standard_normal(16_000) * 0.1
                soundfile.write(path, noise, 16_000, format="WAV")
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


def rows(root: Path) -> list[SourceRow]:
    return list(FolderSource(root=str(root)).scan())


def by_id(root: Path) -> dict[str, SourceRow]:
    found = rows(root)
    assert len({row.id for row in found}) == len(found)
    return {row.id: row for row in found}


def test_librispeech_layout(corpus: Layout) -> None:
    root = corpus(
        **{
            "dev/84/121/84-121-0000.flac": None,
            "dev/84/121/84-121-0001.flac": None,
            "dev/84/121/84-121.trans.txt": "84-121-0000 HELLO WORLD\r\n84-121-0001\n84-121-0002 NO AUDIO\n\n",
            "SPEAKERS.TXT": "84 | F",
        }
    )
    first, second, third = rows(root)
    assert (first.id, first.text, first.speaker) == ("dev/84/121/84-121-0000", "HELLO WORLD", "84")
    assert first.locator == Locator(path="dev/84/121/84-121-0000.flac")
    assert first.recording == "dev/84/121/84-121-0000.flac"
    assert first.duration == 1.0
    assert (second.text, second.reject) == (None, None)
    assert third.id == "dev/84/121/84-121-0002"
    assert third.reject is not None
    assert third.reject[0] == "missing_audio"


def test_the_two_folders_nearest_to_the_root_name_splits(corpus: Layout) -> None:
    names = ("train-clean-100/1/a.wav", "dev-clean/b.wav", "test-other/test-clean/c.wav", "d/train/d.wav", "train.wav")
    names += ("LS/dev-clean/7/e.wav", "LS/7/test/f.wav")
    root = corpus(**dict.fromkeys(names))
    splits = {id: row.split for id, row in by_id(root).items()}
    assert splits == {
        "train-clean-100/1/a": "train",
        "dev-clean/b": "validation",
        "test-other/test-clean/c": "test-other",
        "d/train/d": "train",
        "LS/dev-clean/7/e": "validation",
        "LS/7/test/f": None,
        "train": None,
    }
    ignored = open_source(str(root), SourceConfig(splits="ignore"))
    assert {row.split for row in ignored.scan()} == {None}


def test_a_real_librispeech_tree(speech: Path) -> None:
    source = open_source(str(speech / "layouts" / "LibriSpeech"), SourceConfig())
    found = list(source.scan())
    assert source.kind == "folder"
    assert [row.id.rpartition("/")[2] for row in found] == [
        "1089-134686-0000",
        "1089-134686-0001",
        "1089-134691-0000",
        "1089-134691-0001",
    ]
    assert {(row.split, row.speaker, row.reject) for row in found} == {("test-clean", "1089", None)}
    assert found[0].id == "test-clean/1089/134686/1089-134686-0000"
    for row in found:
        audio = source.open(row.locator)
        assert audio.decoded == round((row.duration or 0) * audio.rate)
        assert row.text
        assert 1 < len(row.text.split()) / (row.duration or 1) < 4


def test_one_transcript_beside_each_recording(corpus: Layout) -> None:
    root = corpus(
        **{
            "a.wav": None,
            "a.txt": "one\r\n two \n",
            "b.WAV": None,
            "b.lab": "\ufeffthree",
            "c.wav": None,
            "c.txt": "txt",
            "c.lab": "lab",
            "d.wav": None,
            "e.wav": None,
            "e.txt": " \n",
        }
    )
    texts = {id: row.text for id, row in by_id(root).items()}
    assert texts == {"a": "one two", "b": "three", "c": "txt", "d": None, "e": None}


def test_a_transcript_without_a_recording_is_a_row_and_a_document_is_none(corpus: Layout) -> None:
    files = {"a.wav": None, "lost.txt": "x", "README.txt": "about", "docs/notes.txt": "no recordings here"}
    found = by_id(corpus(**files))
    assert set(found) == {"a", "lost"}
    assert found["lost"].reject is not None
    assert "lost.txt" in found["lost"].reject[1]


def test_recordings_with_one_stem_keep_their_suffix(corpus: Layout) -> None:
    files = {"x/a.wav": None, "x/a.flac": None, "x/a.wav.ogg": None, "x/a.txt": "both", "x/a.flac.txt": "its own"}
    found = by_id(corpus(**files))
    assert set(found) == {"x/a.wav", "x/a.flac", "x/a.wav.ogg"}
    assert (found["x/a.wav"].text, found["x/a.flac"].text) == ("both", "its own")


def test_what_looks_like_audio_is_never_left_out(corpus: Layout) -> None:
    root = corpus(**{"a.m4a": b"\0\0\0\x20ftypM4A ", "b.wav": b"", "c.mp3": b"no", "d.pdf": b"", ".hidden.wav": b""})
    found = by_id(root)
    assert set(found) == {"a", "b", "c"}
    assert all(row.reject is None and row.duration is None for row in found.values())
    source = FolderSource(root=str(root))
    for id, reason in (("a", "undecodable"), ("b", "empty_file"), ("c", "undecodable")):
        with pytest.raises(Rejected) as caught:
            source.open(found[id].locator)
        assert caught.value.reason == reason


def test_the_order_is_that_of_the_names(corpus: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    root = corpus(**dict.fromkeys(("b/z.wav", "b/a/y.wav", "a.wav", "c/x.wav", "B.wav")))
    expected = ["B", "a", "b/z", "b/a/y", "c/x"]
    assert [row.id for row in rows(root)] == expected
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: str) -> None:
            self.entries = sorted(scandir(path), key=lambda e: e.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert [row.id for row in rows(root)] == expected


def test_links_neither_loop_nor_escape(corpus: Layout, tmp_path: Path) -> None:
    root = corpus(**{"sub/a.wav": None, "outside.wav": None})
    (root / "outside.wav").rename(tmp_path / "outside.wav")
    (tmp_path / "elsewhere").mkdir()
    (root / "sub" / "loop").symlink_to(root)
    (root / "inside.wav").symlink_to(root / "sub" / "a.wav")
    (root / "escape.wav").symlink_to(tmp_path / "outside.wav")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "broken.wav").symlink_to(root / "gone.wav")
    found = by_id(root)
    assert {id for id, row in found.items() if row.reject is None} == {"sub/a", "inside", "broken"}
    assert {id: row.reject[0] for id, row in found.items() if row.reject} == {
        "escape.wav": "path_escapes",
        "linked": "path_escapes",
    }
    with pytest.raises(Rejected, match="missing_audio"):
        FolderSource(root=str(root)).open(found["broken"].locator)


def test_a_transcript_that_leads_out_of_the_folder_is_never_read(corpus: Layout, tmp_path: Path) -> None:
    root = corpus(**{"a.wav": None, "b.wav": None, "b.inside": "b", "s/1-0.wav": None})
    (tmp_path / "secret").write_text("1-0 secret")
    (root / "a.txt").symlink_to(tmp_path / "secret")
    (root / "b.txt").symlink_to(root / "b.inside")
    (root / "s" / "1.trans.txt").symlink_to(tmp_path / "secret")
    found = by_id(root)
    assert {id: row.text for id, row in found.items()} == {"a": None, "b": "b", "s/1-0": None, "s/1.trans.txt": None}
    for id, name in (("a", "a.txt"), ("s/1.trans.txt", "s/1.trans.txt")):
        assert found[id].reject == ("path_escapes", f"`{name}` is a link that leads out of the source's folder.")


def test_a_transcript_that_is_no_file_is_never_waited_for(corpus: Layout) -> None:
    """Opening a pipe that nobody writes to would never return."""
    root = corpus(**{"a.wav": None})
    os.mkfifo(root / "a.txt")
    (row,) = rows(root)
    assert row.reject is not None
    assert row.reject[0] == "bad_encoding"
    os.mkfifo(root / "a.trans.txt")
    with pytest.raises(ConfigError, match=r"a\.trans\.txt` is not a regular file"):
        rows(root)


def test_a_transcript_that_is_no_text_costs_its_own_record(corpus: Layout) -> None:
    found = by_id(
        corpus(
            **{
                "a.wav": None,
                "a.txt": "caf\xe9".encode("latin-1"),
                "b.wav": None,
                "b.txt": "naïve".encode("utf-16"),
                "c.wav": None,
                "c.txt": "plain".encode("utf-16-le"),
                "s/1-0.wav": None,
                "s/1-1.wav": None,
                "s/1.trans.txt": b"1-0 caf\xe9\n1-1 tea\n",
            }
        )
    )
    assert found["b"].text == "naïve"
    assert found["s/1-1"].text == "tea"
    for id, detail in (("a", "line 1"), ("c", "UTF-16"), ("s/1-0", "0xE9")):
        reject = found[id].reject
        assert reject is not None
        assert reject[0] == "bad_encoding"
        assert detail in reject[1]


def test_a_name_that_is_no_text_is_a_row_that_can_be_written(corpus: Layout, tmp_path: Path) -> None:
    root = corpus(**{"a.wav": None})
    os.rename(os.fsencode(root / "a.wav"), os.fsencode(root) + b"/caf\xe9.wav")
    (row,) = rows(root)
    row.id.encode()
    row.locator.path.encode()
    assert row.reject == ("bad_name", "the file name `caf\\udce9.wav` is not UTF-8; rename the file.")
    (root / "a.trans.txt").write_text("lost A TRANSCRIPT")
    os.rename(os.fsencode(root / "a.trans.txt"), os.fsencode(root) + b"/\xff.trans.txt")
    os.symlink(tmp_path / "outside.wav", os.fsencode(root) + b"/\xfe.wav")
    os.rename(os.fsencode(root), os.fsencode(root) + b"\xe9")
    verdicts = {
        row.reject[0]: row for row in FolderSource(root=os.fsdecode(os.fsencode(root) + b"\xe9")).scan() if row.reject
    }
    assert set(verdicts) == {"bad_name", "missing_audio", "path_escapes"}
    for verdict in verdicts.values():
        assert verdict.reject is not None
        "".join((verdict.id, verdict.locator.path, verdict.recording, *verdict.reject)).encode()


def test_a_folder_that_cannot_be_listed_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be listed"):
        rows(tmp_path / "unmounted")


def test_a_missing_file_is_rejected_only_while_the_root_is_there(corpus: Layout, tmp_path: Path) -> None:
    root = corpus(**{"a.wav": None})
    with pytest.raises(Rejected, match="missing_audio"):
        FolderSource(root=str(root)).open(Locator(path="no/such/file.wav"))
    with pytest.raises(Unavailable):
        FolderSource(root=str(tmp_path / "unmounted")).open(Locator(path="a.wav"))


def test_real_folders(speech: Path) -> None:
    english = rows(speech / "english")
    assert len({row.id for row in english}) == 67
    assert all(row.text and row.duration and row.reject is None for row in english)
    libri = rows(speech / "layouts" / "LibriSpeech")
    assert [row.speaker for row in libri] == ["1089"] * 4
    assert all(row.text for row in libri)
    assert len(rows(speech / "odd")) == 49
    assert len(rows(speech / "other-languages")) == 13
