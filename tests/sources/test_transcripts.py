"""Transcripts in whatever encoding people have them, or a refusal that says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstdata.errors import Rejected, Unavailable
from lstdata.sources.transcripts import read_chapter, read_transcript

WORDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="\ufffd"), min_size=1, max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(WORDS, min_size=1, max_size=4),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_language_in_any_unicode_encoding(tmp_path: Path, lines: list[str], encoding: str, end: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((end.join(lines) + end).encode(encoding))
    assert read_transcript(str(tmp_path), "a.txt") == " ".join(lines)
    path.write_bytes("".join(f"id-{n} {line}{end}" for n, line in enumerate(lines)).encode(encoding))
    assert read_chapter(str(tmp_path), "a.txt") == {f"id-{n}": line for n, line in enumerate(lines)}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"one\ntwo\ncaf\xe9 au lait\n", "line 3 .* character 4, byte 0xE9"),
        (b"\xef\xbb\xbfa\xff", "line 1 .* character 2, byte 0xFF"),
        ("text".encode("utf-16-le"), "NUL"),
        (b"\xff\xfea\x00b", "line 1"),
        ("dam\ufffdged".encode(), "decoded wrongly"),
        (b"\x1f\x8b\x08\x00", "damaged"),
    ],
)
def test_what_is_no_unicode_is_refused_with_its_place(tmp_path: Path, content: bytes, where: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(Rejected, match=where) as caught:
        read_transcript(str(tmp_path), "a.txt")
    assert caught.value.reason == "bad_encoding"
    assert "`a.txt`" in caught.value.detail


def test_a_link_to_no_transcript_costs_its_record(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    with pytest.raises(Rejected, match=r"`a\.txt` is damaged, no regular file, or a link that leads nowhere"):
        read_transcript(str(tmp_path), "a.txt")


def test_inner_spaces_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("  東京　タワー \n\n is  tall ", encoding="utf-8")
    assert read_transcript(str(tmp_path), "a.txt") == "東京　タワー is  tall"


def test_a_transcript_that_cannot_be_read_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        read_transcript(str(tmp_path.parent), tmp_path.name)


def test_of_two_transcripts_nobody_knows_which_is_right(tmp_path: Path) -> None:
    (tmp_path / "1.trans.txt").write_text("1-0 tea\n1-1 milk\n1-0 coffee\n1-1  milk\n")
    found = read_chapter(str(tmp_path), "1.trans.txt")
    assert found["1-1"] == "milk"
    assert isinstance(found["1-0"], Rejected)
    assert found["1-0"].detail == "line 3 of `1.trans.txt` gives `1-0` another transcript than an earlier line."
