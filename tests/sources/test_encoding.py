"""Text as people have it: what is read, what is refused and where, and that no character changes on the way."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Unavailable
from lstdata.source_row import SourceRow
from lstdata.sources import open_source
from lstdata.sources.transcripts import read_transcript

LINES = ["id,audio,text", "a,a.wav,naïve café", "b,b.wav,plain"]


def scan(path: Path, content: bytes | None = None, **columns: Any) -> list[SourceRow]:
    if content is not None:
        path.write_bytes(content)
    return list(open_source(str(path), SourceConfig(**columns)).scan())


def reasons(rows: list[SourceRow]) -> list[str | None]:
    return [row.reject and row.reject[0] for row in rows]


def objects(texts: list[str]) -> str:
    rows = [{"id": str(n), "audio": f"{n}.wav", "text": text} for n, text in enumerate(texts)]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


MARKED = {
    "utf-8": b"",
    "utf-8 marked": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", MARKED)
def test_every_encoding_with_every_line_end(tmp_path: Path, encoding: str, end: str, packed: bool) -> None:
    for name, lines in (("a.csv", LINES), ("a.jsonl", objects(["naïve café", "plain"]).split("\n"))):
        data = MARKED[encoding] + (end.join(lines) + end).encode(encoding.split()[0])
        path = tmp_path / (f"{name}.gz" if packed else name)
        assert [row.text for row in scan(path, gzip.compress(data) if packed else data)] == ["naïve café", "plain"]


def test_latin1_costs_the_lines_that_are(tmp_path: Path) -> None:
    for name, content in (("a.csv", "\n".join(LINES)), ("a.jsonl", objects(["naïve café", "plain"]))):
        bad, good = scan(tmp_path / name, content.encode("latin-1"))
        assert (reasons([bad, good]), good.text) == (["bad_encoding", None], "plain")
        assert bad.reject is not None
        line = 2 if name == "a.csv" else 1
        assert f"line {line} of `{name}` has, as its character" in bad.reject[1]
        assert "byte 0xEF, which is not UTF-8 (if it is Latin-1: `iconv -f latin1 -t utf-8`)" in bad.reject[1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_whole_table_in_utf16_without_a_mark_is_refused_with_the_reason(
    tmp_path: Path, name: str, encoding: str
) -> None:
    content = (
        objects(["a", "b"]) if name == "a.jsonl" else "\n".join(LINES).replace(",", "\t" if "tsv" in name else ",")
    )
    with pytest.raises(
        ConfigError, match=r"line 1 of `a\.\w+` has.* a NUL byte, as in UTF-16 without a byte order mark"
    ):
        scan(tmp_path / name, content.encode(encoding))


def test_a_latin1_header_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"the header of .* cannot be read: line 1 of .* byte 0xE9"):
        scan(tmp_path / "a.csv", "id,audio,text,âge\n1,1.wav,hi,7\n".replace("â", "é").encode("latin-1"))


def test_a_line_separator_inside_a_text_ends_no_row(tmp_path: Path) -> None:
    """Python's `splitlines` would cut at these; files are cut at line feeds and carriage returns alone."""
    text = "one\u2028two\u2029three\x0bfour\x0cfive\x85six\x1cseven"
    assert [row.text for row in scan(tmp_path / "a.jsonl", objects([text]).encode())] == [text]
    assert [row.text for row in scan(tmp_path / "a.tsv", f"id\taudio\ttext\na\ta.wav\t{text}\n".encode())] == [text]


SCRIPTS = [
    "广州市房地产中介协会分析",
    "真っ昼間なのに　キミの部屋は",
    "السَّلامُ عَلَيْكُم (hello) עִבְרִית",
    "cafe\u0301 is not café",
    "한국어 \u1112\u1161\u11ab",
    "क्षत्रिय ক্ষ சொல்",
    "👩\u200d👩\u200d👧\ufe0f walked 🎙",
    "\u202bright to left\u202c and \u2066isolated\u2069",
    "zero\u200bwidth\u200cnon\u200djoiner\u2060word\u00adsoft",
    "\ufefftwice marked \U0001f9d1\U0001f3fe",
    "Zalgo\u0335\u0321\u0322\u0323 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010fffd",
]
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffd\r\n\t"), min_size=1, max_size=40
).filter(lambda text: text == text.strip())


def examples(test: Any) -> Any:
    for text in SCRIPTS:
        test = example(text)(test)
    return test


@examples
@given(TEXTS)
def test_every_character_travels_as_it_is(text: str) -> None:
    """In each kind of table, as a value and in other columns: the same code points, never normalised."""
    quoted = io.StringIO()
    csv.writer(quoted).writerows([["id", "audio", "text", "note"], ["a", "a.wav", text, text]])
    row = {"id": "a", "audio": "a.wav", "text": text, "note": text}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "a.csv").write_bytes(quoted.getvalue().encode())
        (root / "a.tsv").write_bytes(f"id\taudio\ttext\tnote\na\ta.wav\t{text}\t{text}\n".encode())
        (root / "a.jsonl").write_bytes(json.dumps(row, ensure_ascii=False).encode())
        (root / "escaped.jsonl").write_bytes(json.dumps(row).encode())
        (root / "wide.jsonl").write_bytes(json.dumps(row, ensure_ascii=False).encode("utf-16"))
        pq.write_table(pa.Table.from_pylist([row]), root / "a.parquet")
        for path in sorted(root.iterdir()):
            (found,) = scan(path)
            assert (path.name, found.text, found.custom) == (path.name, text, {"note": text})


@pytest.mark.parametrize("text", SCRIPTS)
def test_transcripts_keep_every_character(tmp_path: Path, text: str) -> None:
    for encoding in ("utf-8", "utf-16", "utf-32"):
        (tmp_path / "a.txt").write_bytes(f"\ufeff{text}\n".encode() if encoding == "utf-8" else text.encode(encoding))
        assert read_transcript(str(tmp_path), "a.txt") == text


def test_a_line_end_in_a_quoted_field_is_kept(tmp_path: Path) -> None:
    (row,) = scan(tmp_path / "a.csv", b'id,audio,text\r\na,a.wav,"one\r\ntwo\rthree\nfour"\r\n')
    assert row.text == "one\r\ntwo\rthree\nfour"


def test_half_a_character_of_utf16_costs_its_line(tmp_path: Path) -> None:
    lines = objects(["whole 🎙", "half #", "whole"]).encode("utf-16-le").replace("#".encode("utf-16-le"), b"\x3c\xd8")
    found = scan(tmp_path / "a.jsonl", codecs.BOM_UTF16_LE + lines)
    assert reasons(found) == [None, "bad_encoding", None]
    assert found[1].reject is not None
    assert "line 2 of `a.jsonl` has" in found[1].reject[1]


@pytest.mark.parametrize("name", ["t.jsonl", "t.jsonl.gz", "t.csv", "t.on_the_fly", "t.parquet"])
def test_a_connection_that_breaks_off_is_the_worlds_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a remote file system raises: aiohttp's errors are no OSError."""
    import fsspec
    from fsspec.implementations.memory import MemoryFile

    class BrokenOff(Exception):
        pass

    def broken_off(*_: Any) -> None:
        raise BrokenOff("the connection was closed")

    with fsspec.open(f"memory://broken/{name}", "wb") as file:
        file.write(b"{}\n" * 100)
    monkeypatch.setattr("lstdata.objects.TRIES", 1)
    for method in ("read", "readinto", "__next__"):
        monkeypatch.setattr(MemoryFile, method, broken_off)
    with pytest.raises(Unavailable, match=rf"`memory://broken/{name}` cannot be reached: the connection was closed"):
        list(open_source(f"memory://broken/{name}", SourceConfig()).scan())
