"""Documents of text: every kind of file, the same documents again by their places, and what is rejected."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected, Unavailable
from lstdata.records import TextDocument
from lstdata.sources import open_source
from lstdata.sources.text import TextSource
from lstdata.sources.text import spans as spans_of
from lstdata.sources.text.spans import lines, paragraphs
from tests.sources.datasets import parquet, saved

TEXTS = ["It was late.", "Grüße, 日本!\n\nTwo lines.", "x" * 3000]
ROWS = [{"text": text, "url": f"https://e.example/{n}", "language": "en"} for n, text in enumerate(TEXTS)]


def opened(path: Path, **options: str | None) -> TextSource:
    source = open_source(str(path), SourceConfig(kind="text", **options))  # type: ignore[arg-type]
    assert isinstance(source, TextSource) and source.inventory().is_text
    return source


def read(path: Path, **options: str | None) -> dict[str, str]:
    """The text of each document by its id, read from its place alone, last first, in another process as it were."""
    source = opened(path, **options)
    rows = list(source.scan())
    assert all(row.text is None and row.reject is None for row in rows)
    again = pickle.loads(pickle.dumps(source))
    found: dict[str, str] = {}
    for row in reversed(rows):
        document = again.open(row.locator)
        assert isinstance(document, TextDocument) and document.digest == row.text_digest
        assert len(document.text.encode()) == row.text_bytes
        found[row.id] = document.text
    return dict(reversed(found.items()))


def rejects(path: Path, **options: str | None) -> dict[str, str]:
    rows = list(opened(path, **options).scan())
    return {row.id: row.reject[0] for row in rows if row.reject is not None}


def jsonl(path: Path, rows: Iterable[object] = ROWS, write: Callable[[bytes], bytes] = bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


@pytest.mark.parametrize(("suffix", "write"), [("", bytes), (".gz", gzip.compress), (".zst", zstd)])
def test_json_lines(tmp_path: Path, suffix: str, write: Callable[[bytes], bytes]) -> None:
    path = jsonl(tmp_path / f"docs.jsonl{suffix}", write=write)
    assert read(path) == {f"docs-{n}": text for n, text in enumerate(TEXTS, 1)}
    source = opened(path)
    row = next(iter(source.scan()))
    assert (row.language, row.split, row.custom) == ("en", None, {})
    assert source.open(row.locator).custom == {"url": "https://e.example/0"}


def test_a_folder_of_many_files_with_splits_in_their_names(tmp_path: Path) -> None:
    for name in ("b/train-00000.jsonl.gz", "a/validation-00000.jsonl", ".hidden.jsonl"):
        jsonl(tmp_path / name, write=gzip.compress if name.endswith("gz") else bytes)
    (tmp_path / "README.md").write_text("about")
    rows = list(opened(tmp_path).scan())
    assert [row.id for row in rows][:3] == ["a/validation-00000-1", "a/validation-00000-2", "a/validation-00000-3"]
    assert [row.split for row in rows] == ["validation"] * 3 + ["train"] * 3
    assert {row.split for row in opened(tmp_path, splits="ignore").scan()} == {None}


def test_ids_splits_and_other_columns_are_the_rows_own(tmp_path: Path) -> None:
    rows = [{"body": "A.", "doc": "one", "id": 7, "lang": "de", "split": "dev"}, {"body": "B.", "lang": None}]
    source = opened(jsonl(tmp_path / "d.jsonl", rows), text="body", id="doc", language="lang")
    first, second = source.scan()
    assert (first.id, first.language, first.split, second.id) == ("one", "de", "validation", "d-2")
    assert source.open(first.locator).custom == {"id": 7}


def test_parquet_and_what_save_to_disk_leaves(tmp_path: Path) -> None:
    light = [{"text": text, "gender": 1} for text in TEXTS]
    parquet(tmp_path / "p" / "train-00000-of-00001.parquet", light, group=2)
    assert read(tmp_path / "p") == {f"train-00000-of-00001-{n}": text for n, text in enumerate(TEXTS)}
    source = opened(tmp_path / "p")
    places = [(row.locator.row_group, row.locator.row, row.split) for row in source.scan()]
    assert places == [(0, 0, "train"), (0, 1, "train"), (1, 0, "train")]
    assert source.open(next(iter(source.scan())).locator).custom == {"gender": "male"}
    saved(tmp_path / "s", light[:2], light[2:])
    assert [*read(tmp_path / "s").values()] == TEXTS


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 0, 3, 3, 1, 4]])
def test_any_order_of_reading_gives_the_same(tmp_path: Path, order: list[int]) -> None:
    path = parquet(tmp_path / "d.parquet", [{"text": f"text {n}", "gender": 0} for n in range(6)], group=2)
    source = opened(path)
    rows = list(source.scan())
    assert [source.open(rows[n].locator).text for n in order] == [f"text {n}" for n in order]


def test_plain_text_by_file_line_and_paragraph(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "a.txt").write_bytes(b"\xef\xbb\xbfOne,\r\ntwo.\r\n\r\n  \nThree.")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"Four.\n"))
    assert read(tmp_path) == {"b": "Four.\n", "en/a": "One,\r\ntwo.\r\n\r\n  \nThree."}
    by_line = {"b-1": "Four.", "en/a-1": "One,", "en/a-2": "two.", "en/a-5": "Three."}
    assert read(tmp_path, documents="line") == by_line
    assert read(tmp_path, documents="paragraph") == {"b-1": "Four.", "en/a-1": "One,\ntwo.", "en/a-2": "Three."}


def test_what_cannot_be_a_document_is_rejected_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("spans", "rows"):
        monkeypatch.setattr(f"lstdata.sources.text.{module}.MOST_BYTES", 5000)
    monkeypatch.setattr(spans_of, "_FIRST", 512)
    monkeypatch.setattr(spans_of, "_PIECE", 512)
    values = [
        '{"text": " \\n"}',
        '{"text": null, "url": 1}',
        '{"text": 5}',
        '{"text": "\\ud800"}',
        "[1]",
        "{",
        '{"text": "%s"}' % ("y" * 6000),
        '{"text": "ok", "id": ""}',
        '{"text": "ok", "split": "../x"}',
        '{"text": "good"}',
    ]
    path = tmp_path / "d.jsonl"
    path.write_bytes("\n".join(values).encode() + b'\n{"text": "caf\xe9"}\n')
    assert rejects(path) == {
        "d-1": "empty_text",
        "d-2": "empty_text",
        "d-3": "bad_row",
        "d-4": "bad_encoding",
        "d-5": "bad_row",
        "d-6": "bad_row",
        "d-7": "too_long",
        "d-8": "bad_row",
        "d-9": "bad_row",
        "d-11": "bad_encoding",
    }
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "empty.txt").write_bytes(b"")
    (tmp_path / "x" / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "x" / "long.txt").write_bytes(b"z" * 6000)
    assert rejects(tmp_path / "x") == {"empty": "empty_text", "latin": "bad_encoding", "long": "too_long"}


@pytest.mark.parametrize(("suffix", "write"), [(".gz", gzip.compress), (".zst", zstd)])
def test_what_a_damaged_file_still_holds_is_kept(
    tmp_path: Path, suffix: str, write: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans_of, "_FIRST", 256)
    monkeypatch.setattr(spans_of, "_PIECE", 256)
    rows = [{"text": f"{n} {hash((n, 'x'))} {n**40}"} for n in range(3000)]
    path = jsonl(tmp_path / f"d.jsonl{suffix}", rows, write)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = opened(path)
    found = list(source.scan())
    kept = [row for row in found if row.reject is None]
    assert [row.reject is None for row in found] == [True] * len(kept) + [False]
    assert found[-1].reject is not None and found[-1].reject[0] == "undecodable"
    if suffix == ".gz":
        assert len(kept) > 1000
    assert [source.open(row.locator).text for row in kept] == [row["text"] for row in rows[: len(kept)]]


def test_a_damaged_file_is_one_record_also_where_it_is_the_first(tmp_path: Path) -> None:
    cut = jsonl(tmp_path / "a.jsonl.gz", write=gzip.compress)
    cut.write_bytes(cut.read_bytes()[:30])
    assert [row.reject and row.reject[0] for row in opened(cut).scan()] == ["undecodable"]
    jsonl(tmp_path / "b.jsonl")
    assert [row.reject and row.reject[0] for row in opened(tmp_path).scan()] == ["undecodable", None, None, None]


def test_a_file_that_changed_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "d.jsonl")
    source = opened(path)
    row = list(source.scan())[-1]
    jsonl(path, ROWS[:2])
    with pytest.raises(Unavailable, match="has changed since the build was planned"):
        source.open(row.locator)
    path.unlink()
    with pytest.raises(Unavailable, match=r"cannot be read as it was"):
        source.open(row.locator)


def test_a_verdict_is_given_again(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "d.jsonl")
    source = opened(path)
    row = next(iter(source.scan()))
    path.write_text(path.read_text().replace("It was late.", "            "))
    with pytest.raises(Rejected, match="has no text"):
        source.open(row.locator)


@pytest.mark.parametrize(
    ("names", "options", "says"),
    [
        (["a.jsonl", "b.txt"], {}, "files of several kinds: `a.jsonl` (1 such), `b.txt` (1 such)"),
        (["a.md"], {}, "holds no documents of text"),
        (["a.jsonl"], {"files": "*.txt"}, r"no file is `source.files` (*.txt)"),
        (["a.jsonl", "b.md"], {"files": "*"}, "names `b.md` too"),
        (["a.jsonl"], {"text": "body"}, "has no column `body` (`source.text`)"),
        (["a.jsonl"], {"id": "key"}, "has no column `key` (`source.id`)"),
        (["a.jsonl"], {"text": None}, "`source.text` must name the column"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, names: list[str], options: dict[str, str], says: str) -> None:
    for name in names:
        jsonl(tmp_path / name)
    with pytest.raises(ConfigError) as caught:
        list(opened(tmp_path, **options).scan())
    assert says in str(caught.value)


def test_a_pattern_chooses_files(tmp_path: Path) -> None:
    for name in ("en/a.jsonl", "de/b.jsonl", "c.txt"):
        jsonl(tmp_path / name)
    assert {row.id for row in opened(tmp_path, files="en/*.jsonl").scan()} == {"en/a-1", "en/a-2", "en/a-3"}


def test_text_must_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.")
    with pytest.raises(ConfigError, match="--kind text"):
        open_source(str(tmp_path), SourceConfig())


pieces = st.integers(1, 9)
contents = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b" ", b"\xc3\xa9", b"\n\n"]), max_size=30).map(b"".join)


@given(data=contents, first=pieces, piece=pieces)
def test_lines_and_paragraphs_cover_a_file_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, first: int, piece: int
) -> None:
    path = tmp_path_factory.mktemp("spans") / "x.txt"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans_of, "_FIRST", first)
        patch.setattr(spans_of, "_PIECE", piece)
        found = list(lines(str(path)))
        stretches = list(paragraphs(str(path)))
        for span in found:
            assert next(lines(str(path), span.offset)).data == span.data
    assert [s.data for s in found] == [line.removesuffix(b"\r") for line in data.split(b"\n")][: len(found)]
    assert b"".join(data[s.offset : s.offset + s.size] for s in found) == data
    words = [b"\n".join(s.data.split()) for s in stretches if isinstance(s.data, bytes)]
    assert b"\n".join(words).split() == data.split()


def test_documents_behind_a_url_are_the_same(tmp_path: Path) -> None:
    import fsspec

    jsonl(tmp_path / "here" / "train-0.jsonl.gz", write=gzip.compress)
    jsonl(tmp_path / "here" / "en" / "b.jsonl")
    there = fsspec.filesystem("memory")
    there.put(f"{tmp_path / 'here'}/", "/some-texts/", recursive=True)
    there.put(f"{tmp_path / 'here'}/", "/some-texts.v2/", recursive=True)
    here = opened(tmp_path / "here")
    away = open_source("memory://some-texts", SourceConfig(kind="text"))
    rows = list(away.scan())
    assert rows == list(here.scan()) and len(rows) == 6
    assert [away.open(row.locator) for row in rows] == [here.open(row.locator) for row in rows]
    dotted = open_source("memory://some-texts.v2/", SourceConfig(kind="text"))
    assert [row.locator for row in dotted.scan()] == [row.locator for row in rows]
    alone = open_source("memory://some-texts/en/b.jsonl", SourceConfig(kind="text"))
    assert [row.id for row in alone.scan()] == ["b-1", "b-2", "b-3"]
    for folder in ("/some-texts", "/some-texts.v2"):
        there.rm(folder, recursive=True)
    with pytest.raises(ConfigError, match=r"holds no documents|does not exist"):
        list(open_source("memory://some-texts", SourceConfig(kind="text")).scan())
