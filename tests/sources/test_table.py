"""Tables: each malformed row costs itself, each missing column is said at once."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, DamagedSource, Rejected
from lstdata.source_row import SourceRow
from lstdata.sources import open_source

GOOD = {"id": "u1", "audio": "wav/u1.wav", "text": "hello", "duration": 1.5, "speaker": "s", "language": "en"}


def scan(path: Path, **columns: Any) -> list[SourceRow]:
    return list(open_source(str(path), SourceConfig(**columns)).scan())


def jsonl(tmp_path: Path, *values: object) -> Path:
    path = tmp_path / "table.jsonl"
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values), encoding="utf-8")
    return path


def text(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def outcome(row: SourceRow) -> str:
    return row.reject[0] if row.reject else row.id


def expected_row(root: Path) -> SourceRow:
    (row,) = scan(jsonl(root, {**GOOD, "split": "Dev", "license": "CC0", "take": 3}))
    return row


def test_one_row_is_the_same_in_every_kind_of_table(tmp_path: Path) -> None:
    row = expected_row(tmp_path)
    assert (row.id, row.locator.path, row.recording) == ("u1", "wav/u1.wav", "wav/u1.wav")
    assert (row.text, row.duration, row.speaker, row.language) == ("hello", 1.5, "s", "en")
    assert (row.split, row.license, row.custom) == ("validation", "CC0", {"take": 3})
    header = "id,audio,text,duration,speaker,language,split,license,take"
    line = "u1,wav/u1.wav,hello,1.5,s,en,dev,CC0,3"
    tables = [
        text(tmp_path, "a.csv", f"{header}\n{line}\n"),
        text(tmp_path, "bom.csv", f"\ufeff{header}\r\n{line}\r\n"),
        text(tmp_path, "wide.csv", f"{header}\n{line}\n".encode("utf-16")),
        text(tmp_path, "a.tsv", f"{header}\n{line}\n".replace(",", "\t")),
        text(tmp_path, "a.csv.gz", gzip.compress(f"{header}\n{line}".encode())),
    ]
    for table in tables:
        (other,) = scan(table)
        assert other.custom == {"take": "3"}
        assert (other.id, other.locator, other.text, other.duration) == (row.id, row.locator, row.text, row.duration)
        assert (other.split, other.license, other.speaker) == (row.split, row.license, row.speaker)
    pq.write_table(
        pa.Table.from_pylist([{**GOOD, "split": "dev", "license": "CC0", "take": 3}]), tmp_path / "a.parquet"
    )
    assert scan(tmp_path / "a.parquet") == [row]


def test_malformed_rows_are_named_by_their_number(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        GOOD,
        "{not json",
        "[1, 2]",
        {**GOOD, "id": ""},
        {**GOOD, "audio": None},
        {**GOOD, "duration": "long"},
        {**GOOD, "duration": -1},
        {**GOOD, "duration": True},
        '{"id": "n", "audio": "n.wav", "duration": NaN}',
        {**GOOD, "duration": 1e308},
        f'{{"id": "n", "audio": "n.wav", "duration": 1{"0" * 400}}}',
        {**GOOD, "text": ["a", "list"]},
        {**GOOD, "split": "a/b"},
        {"id": 7, "audio": "7.wav"},
    )
    found = scan(path)
    assert [outcome(row) for row in found] == ["u1", *["bad_row"] * 12, "7"]
    assert [row.id for row in found[1:-1]] == [f"row-{n}" for n in range(2, 14)]
    for number, row in enumerate(found[1:-1], 2):
        assert row.reject is not None
        assert f"row {number} of `table.jsonl`" in row.reject[1]
    assert found[-1].text is None


def test_paths_may_be_absolute_but_not_leave_the_tables_folder(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path,
        {"id": "a", "audio": "/data/a.wav", "duration": 1},
        {"id": "b", "audio": "s3://bucket/b.wav"},
        {"id": "c", "audio": "x/../../c.wav"},
        {"id": "d", "audio": "x/../d.wav"},
    )
    found = scan(path)
    assert [row.locator.path for row in found[:2]] == ["/data/a.wav", "s3://bucket/b.wav"]
    assert (found[2].id, outcome(found[2])) == ("c", "path_escapes")
    assert found[3].locator.path == "d.wav"


def test_columns_are_declared(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"utt": "a", "file": "a.wav", "sentence": "hi", "text": "not this"})
    (row,) = scan(path, id="utt", audio="file", text="sentence")
    assert (row.id, row.text, row.custom) == ("a", "hi", {"text": "not this"})


def test_missing_columns_are_a_usage_error_that_lists_what_there_is(tmp_path: Path) -> None:
    path = text(tmp_path, "a.csv", "utt,text\n1,hello\n")
    with pytest.raises(ConfigError) as caught:
        open_source(str(path), SourceConfig(id="name", speaker="who"))
    assert len(caught.value.mistakes) == 3
    for mistake, name in zip(caught.value.mistakes, ("name", "audio", "who"), strict=True):
        assert f"`{name}`" in mistake
        assert "`utt`, `text`" in mistake
    for content in ("", "id,audio\n", "id,id\na,b\n"):
        with pytest.raises(ConfigError):
            open_source(str(text(tmp_path, "b.csv", content)), SourceConfig())


def test_a_table_without_transcripts_says_so(tmp_path: Path) -> None:
    """A misspelt column must not cost every transcript of a corpus without a word."""
    path = text(tmp_path, "a.csv", "id,audio,txt\n1,1.wav,hello\n")
    with pytest.raises(ConfigError, match=r"no column `text` .* it has `id`, `audio`, `txt`\. Without transcripts"):
        open_source(str(path), SourceConfig())
    (row,) = open_source(str(path), SourceConfig(text=None)).scan()
    assert (row.text, row.reject) == (None, None)
    (row,) = scan(text(tmp_path, "b.jsonl", '{"id": "1", "audio": "1.wav"}\n'))
    assert (row.text, row.reject) == (None, None)


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path: Path) -> None:
    lines = [
        "id,audio,text",
        'a,a.wav,"open',
        "b,b.wav,fine",
        'c,c.wav,"two\nlines, ""quoted"""',
        'd,d.wav,"open again',
    ]
    found = scan(text(tmp_path, "a.csv", "\n".join(lines)))
    assert [outcome(row) for row in found] == ["bad_row", "b", "c", "bad_row"]
    assert found[2].text == 'two\nlines, "quoted"'
    assert found[0].reject is not None
    assert "line 2" in found[0].reject[1]


def test_rows_of_the_wrong_width_and_blank_lines(tmp_path: Path) -> None:
    found = scan(text(tmp_path, "a.csv", "id,audio,text\na,a.wav\n\nb,b.wav,x,y\nc,c.wav,ok\n"))
    assert [outcome(row) for row in found] == ["bad_row", "bad_row", "c"]


def test_a_quote_in_tsv_is_a_character(tmp_path: Path) -> None:
    found = scan(text(tmp_path, "a.tsv", 'id\taudio\ttext\na\ta.wav\t"Well\nb\tb.wav\tfine\n'))
    assert [row.text for row in found] == ['"Well', "fine"]


def test_bytes_that_are_no_text_cost_their_row(tmp_path: Path) -> None:
    found = scan(text(tmp_path, "a.csv", b"id,audio,text\na,a.wav,caf\xe9\nb,b.wav,tea\n"))
    assert [outcome(row) for row in found] == ["bad_encoding", "b"]
    assert found[0].reject is not None
    assert "line 2" in found[0].reject[1]
    assert "0xE9" in found[0].reject[1]
    (lone,) = scan(jsonl(tmp_path, '{"id": "a", "audio": "a.wav", "text": "\\ud800"}'))
    assert (lone.id, outcome(lone)) == ("a", "bad_encoding")


def test_a_damaged_table_is_the_datas_fault(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(GOOD).encode() * 100)
    for name, content in (("a.parquet", b"PAR1 but no more"), ("a.jsonl.gz", packed[:-20])):
        with pytest.raises(DamagedSource):
            scan(text(tmp_path, name, content))


def test_other_columns_travel_as_json_values(tmp_path: Path) -> None:
    import datetime

    value = {
        **GOOD,
        "when": datetime.date(2024, 5, 1),
        "blob": b"x",
        "nan": float("nan"),
        "nested": {"list": [1, None]},
    }
    pq.write_table(pa.Table.from_pylist([value]), tmp_path / "a.parquet")
    (row,) = scan(tmp_path / "a.parquet")
    assert row.custom == {"when": "2024-05-01", "nan": None, "nested": {"list": [1, None]}}


def test_large_tables_are_read_as_a_stream(tmp_path: Path) -> None:
    path = jsonl(tmp_path, *({**GOOD, "id": f"u{n}"} for n in range(5_000)))
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n\x00")
    rows = open_source(str(path), SourceConfig()).scan()
    assert next(rows).id == "u0"
    assert sum(1 for _ in rows) == 5_000


def test_audio_is_found_beside_the_table(speech: Path, tmp_path: Path) -> None:
    source = open_source(str(speech / "manifest.jsonl"), SourceConfig())
    rows = list(source.scan())
    assert len(rows) == 129
    assert rows[0].duration == pytest.approx(9.655, abs=1e-3)
    assert source.open(rows[0].locator).decoded == 212_893
    missing = open_source(str(jsonl(tmp_path, {"id": "a", "audio": "no/where.wav"})), SourceConfig())
    with pytest.raises(Rejected, match="missing_audio"):
        missing.open(next(iter(missing.scan())).locator)


def test_a_table_may_lie_behind_a_url(tmp_path: Path) -> None:
    import fsspec

    local = jsonl(tmp_path, GOOD, {**GOOD, "id": "up", "audio": "../up.wav"})
    with fsspec.open("memory://corpus/table.jsonl", "wb") as file:
        file.write(local.read_bytes())
    source = open_source("memory://corpus/table.jsonl", SourceConfig())
    assert source.root == "memory://corpus"
    assert [outcome(row) for row in source.scan()] == ["u1", "path_escapes"]
    with pytest.raises(Rejected, match="missing_audio"):
        source.open(next(iter(source.scan())).locator)
    with pytest.raises(ConfigError, match="does not exist"):
        open_source("memory://corpus/gone.csv", SourceConfig())
    with pytest.raises(ConfigError, match="Protocol not known"):
        open_source("nosuchprotocol://corpus/a.csv", SourceConfig())
