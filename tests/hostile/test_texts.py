"""Transcripts as people have them: every encoding and script, and what is no transcript at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lstdata.shards import read_shard
from tests.hostile.conftest import SAMPLE, outcomes
from tests.hostile.recordings import WAV

KEPT = {
    "utf8": (b"the old mill", "the old mill"),
    "marked": ("\ufeffthe old mill".encode(), "the old mill"),
    "utf16": ("the old mill".encode("utf-16"), "the old mill"),
    "utf16be": (b"\xfe\xff" + "naïve café".encode("utf-16-be"), "naïve café"),
    "utf32": ("the old mill 🎙".encode("utf-32"), "the old mill 🎙"),
    "windows": (b"the old\r\nmill\r\n", "the old mill"),
    "old mac": (b"the old\rmill\r", "the old mill"),
    "mandarin": ("广州市房地产中介协会分析".encode(), "广州市房地产中介协会分析"),
    "japanese": ("真っ昼間なのに".encode(), "真っ昼間なのに"),
    "arabic": ("السلام عليكم".encode(), "السلام عليكم"),
    "decomposed": ("cafe\u0301".encode(), "cafe\u0301"),
    "joined emoji": ("👩\u200d👩\u200d👧 walk".encode(), "👩\u200d👩\u200d👧 walk"),
    "tags": (b"<VOCNOISE> so [laughter] yes", "<VOCNOISE> so [laughter] yes"),
    "markup": (b"<script>alert('x')</script>", "<script>alert('x')</script>"),
    "control": (b"the \x07 old", "the \x07 old"),
}
"""Bytes of the transcript, and the text that the sample must have."""

REFUSED = {
    "latin1": ("na\u00efve caf\u00e9".encode("latin-1"), "bad_encoding"),
    "utf16 unmarked": ("the old mill".encode("utf-16-le"), "bad_encoding"),
    "nul": (b"the\0old", "bad_encoding"),
    "half a character": ("the café".encode()[:-1], "bad_encoding"),
    "surrogate": (b"the \xed\xa0\x80 old", "bad_encoding"),
    "decoded wrongly": ("the \ufffd old".encode(), "bad_encoding"),
}

UNALIGNED = {
    "blank": (b"", "missing_transcript"),
    "spaces": (b" \t\r\n ", "missing_transcript"),
    "only a mark": ("\ufeff".encode(), "missing_transcript"),
    "punctuation": (b"... --- !?", "no_speakable_words"),
    "emoji": ("🎙 🎧".encode(), "no_speakable_words"),
    "a novel": (b"the old mill " * 10_000, "transcript_too_long"),
    "one long word": (b"a" * 50_000, "low_score"),
    "mandarin": (KEPT["mandarin"][0], "language_unsupported"),
    "arabic": (KEPT["arabic"][0], "language_unsupported"),
}


def write(folder: Path, texts: dict[str, tuple[bytes, str]]) -> Path:
    folder.mkdir(parents=True)
    for name, (data, _) in texts.items():
        (folder / f"{name}.wav").write_bytes(WAV)
        (folder / f"{name}.txt").write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def unaligned_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("texts")
    corpus = write(folder / "corpus", KEPT | REFUSED)
    return folder / "out", outcomes(corpus, folder / "out", "words.aligner=none")


def test_every_encoding_is_read_or_refused(unaligned_run: tuple[Path, dict[str, str]]) -> None:
    assert unaligned_run[1] == dict.fromkeys(KEPT, SAMPLE) | {id: reason for id, (_, reason) in REFUSED.items()}


def test_texts_are_kept_as_they_were_written(unaligned_run: tuple[Path, dict[str, str]]) -> None:
    samples = [sample for tar in (unaligned_run[0] / "shards").glob("*.tar") for sample in read_shard(tar)]
    assert {sample.id: sample.text for sample in samples} == {id: text for id, (_, text) in KEPT.items()}


def test_refusals_name_the_line(unaligned_run: tuple[Path, dict[str, str]]) -> None:
    for letter in pq.read_table(unaligned_run[0] / "rejects.parquet").to_pylist():
        assert f"line 1 of `{letter['id']}.txt`" in letter["message"]


def test_what_cannot_be_aligned_says_why(tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", UNALIGNED)
    assert outcomes(corpus, tmp_path / "out") == {id: reason for id, (_, reason) in UNALIGNED.items()}
