"""Tables and manifests with bad rows: each row costs itself only."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.hostile.conftest import SAMPLE, outcomes
from tests.hostile.recordings import WAV, encoded

CSV = """id,audio,text,duration,speaker
good,a.wav,the old mill,1.0,ann
no duration,a.wav,the old mill,,ann
no text,a.wav,,1.0,
,a.wav,no id,1.0,ann
no audio,,the old mill,1.0,ann
gone,b.wav,the old mill,1.0,ann
below,../a.wav,the old mill,1.0,ann
far below,x/../../../etc/passwd,the old mill,1.0,ann
text file,notes.txt,the old mill,1.0,ann
folder,.,the old mill,1.0,ann
negative,a.wav,the old mill,-1.0,ann
endless,a.wav,the old mill,inf,ann
not a number,a.wav,the old mill,nan,ann
in words,a.wav,the old mill,a minute,ann
an age,a.wav,the old mill,1e12,ann
too few,a.wav
too many,a.wav,the old mill,1.0,ann,and,more
"quoted, id",a.wav,"the ""old"" mill",1.0,ann
"never closed,a.wav,the old mill,1.0,ann
last,a.wav,the old mill,1.0,ann
"""
CSV_OUTCOMES = {
    "good": SAMPLE,
    "no duration": SAMPLE,
    "no text": SAMPLE,
    "row-4": "bad_row",
    "row-5": "bad_row",
    "gone": "missing_audio",
    "below": "path_escapes",
    "far below": "path_escapes",
    "text file": "undecodable",
    "folder": "undecodable",
    "quoted, id": SAMPLE,
    "last": SAMPLE,
} | {f"row-{number}": "bad_row" for number in (11, 12, 13, 14, 15, 16, 17, 19)}

LINES: tuple[tuple[str, str, str], ...] = (
    ('{"id": "good", "audio": "a.wav", "text": "the old mill"}', "good", SAMPLE),
    ('{"id": 7, "audio": "a.wav", "text": "a number for an id"}', "7", SAMPLE),
    ('{"id": "nested", "audio": "a.wav", "more": {"a": [1, null, {"b": "x"}]}}', "nested", SAMPLE),
    ('{"id": "surrogate \\ud800", "audio": "a.wav"}', "surrogate \\ud800", "bad_encoding"),
    ('{"id": "null text", "audio": "a.wav", "text": null}', "null text", SAMPLE),
    ('{"id": "listed text", "audio": "a.wav", "text": ["the", "mill"]}', "row-6", "bad_row"),
    ('{"id": true, "audio": "a.wav"}', "row-7", "bad_row"),
    ('{"id": "true duration", "audio": "a.wav", "duration": true}', "row-8", "bad_row"),
    ('{"id": "no audio"}', "row-9", "bad_row"),
    ("not json", "row-10", "bad_row"),
    ("[1, 2]", "row-11", "bad_row"),
    ("{" * 5_000, "row-12", "bad_row"),
    ("[" * 100_000, "row-13", "bad_row"),
    ('{"id": "cut", "audio": "a.w', "row-14", "bad_row"),
    ('{"id": "split", "audio": "a.wav", "split": "../../x"}', "row-15", "bad_row"),
    ('{"id": "latin \xe9", "audio": "a.wav"}', "row-16", "bad_encoding"),
    ('{"id": "last", "audio": "a.wav", "duration": 99999}', "last", SAMPLE),
)

RECORDING = {
    "id": "r",
    "sources": [{"type": "file", "channels": [0], "source": "a.wav"}],
    "sampling_rate": 16_000,
    "num_samples": 16_000,
    "duration": 1.0,
    "channel_ids": [0],
}
SUPERVISION = {"id": "s", "recording_id": "r", "start": 0.0, "duration": 1.0, "channel": 0, "text": "the old mill"}
CUT = {"start": 0.0, "duration": 1.0, "channel": 0, "type": "MonoCut", "supervisions": [SUPERVISION]}
CUT |= {"recording": RECORDING}


def changed(id: str, **changes: Any) -> dict[str, Any]:
    """The good cut with changes at paths such as `recording__sources__0__source`."""
    cut: dict[str, Any] = copy.deepcopy(CUT) | {"id": id}
    for path, value in changes.items():
        *folders, last = [int(part) if part.isdigit() else part for part in path.split("__")]
        node: Any = cut
        for folder in folders:
            node = node[folder]
        node[last] = value
    return cut


CUTS: tuple[tuple[dict[str, Any], str], ...] = (
    (changed("good"), SAMPLE),
    (changed("part", start=0.25, duration=0.5, supervisions=[]), SAMPLE),
    (changed("negative start", start=-5.0), "bad_row"),
    (changed("no duration", duration=0.0), "bad_row"),
    (changed("nan", duration=float("nan")), "bad_row"),
    (changed("after the end", start=100.0), "beyond_recording"),
    (changed("30 ms", duration=0.03, supervisions=[]), "shorter_than_a_frame"),
    (changed("wrong rate", recording__sampling_rate=8_000, duration=0.5, supervisions=[]), "rate_mismatch"),
    (changed("rate in words", recording__sampling_rate="16k"), "bad_row"),
    (changed("rate 0", recording__sampling_rate=0), "bad_sample_rate"),
    (changed("escapes", recording__sources__0__source="../a.wav"), "path_escapes"),
    (changed("gone", recording__sources__0__source="b.wav"), "missing_audio"),
    (changed("channel 3", channel=3), "unsupported_cut"),
    (changed("no sources", recording__sources=[]), "unsupported_cut"),
    (
        changed("runs a command", recording__sources__0__type="command", recording__sources__0__source="touch pwned |"),
        "unsupported_command",
    ),
    (changed("outside", supervisions__0__start=5.0), "unsupported_cut"),
    (changed("text is a number", supervisions__0__text=7), "bad_row"),
    (
        changed("overlap", supervisions=[SUPERVISION, SUPERVISION | {"id": "t", "start": 0.5, "duration": 0.5}]),
        "overlapping_supervisions",
    ),
    (changed("bad words", supervisions__0__alignment={"word": [["the", float("inf"), 0.1, None]]}), "bad_word_times"),
    (changed("late words", supervisions__0__alignment={"word": [["the", 7.0, 0.1, None]]}), "bad_word_times"),
    (changed("no recording", recording=None), "bad_row"),
    (changed("mixed", type="MixedCut"), "bad_row"),
    (changed("unknown type", type="EvilCut"), "bad_row"),
    (changed("extra fields", surprise=1), "bad_row"),
)


def corpus(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir()
    (folder / "a.wav").write_bytes(WAV)
    (folder / "notes.txt").write_text("no audio")
    (folder / name).write_bytes(data)
    return folder / name


def test_csv(tmp_path: Path) -> None:
    found = outcomes(corpus(tmp_path / "corpus", "t.csv", CSV.encode()), tmp_path / "out", "words.aligner=none")
    assert found == CSV_OUTCOMES


def test_json_lines(tmp_path: Path) -> None:
    text = "\n".join(line for line, _, _ in LINES)
    table = corpus(tmp_path / "corpus", "t.jsonl", text.encode("latin-1"))
    found = outcomes(table, tmp_path / "out", "words.aligner=none")
    assert found == {id: outcome for _, id, outcome in LINES}
    messages = {r["id"]: r["message"] for r in pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()}
    assert all(f"row {id[4:]} of `t.jsonl`" in text for id, text in messages.items() if id.startswith("row-"))


def test_cuts(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(cut) for cut, _ in CUTS)
    manifest = corpus(tmp_path / "corpus", "cuts.jsonl", text.encode())
    (tmp_path / "corpus" / "a.wav").write_bytes(encoded("WAV", "PCM_16"))
    found = outcomes(manifest, tmp_path / "out", "words.aligner=none")
    assert found == {cut["id"]: outcome for cut, outcome in CUTS}
    assert not list(Path.cwd().glob("pwned")) and not list(tmp_path.rglob("pwned"))
