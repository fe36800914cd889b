"""What is said of a record depends on its corpus alone: not on where that lies, nor on what is mounted now."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstdata.audio.files import MissingFile
from lstdata.config import SourceConfig
from lstdata.errors import Rejected, Unavailable
from lstdata.source_row import SourceRow
from lstdata.sources import Source, open_source

CUT = {"id": "c", "start": 0, "duration": 1, "channel": 0, "type": "MonoCut", "supervisions": []}


def noise(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).standard_normal(16_000) * 0.1, 16_000)


def write_folder(root: Path) -> Path:
    for name in ("a", "b", "c", "s/1-0"):
        noise(root / f"{name}.wav")
    (root / "a.txt").write_bytes(b"caf\xe9 au lait")
    (root / "b.txt").write_bytes(b"\x1f\x8b\x08\x00")
    (root / "c.txt").symlink_to(root / "nowhere.txt")
    (root / "s" / "1.trans.txt").write_bytes(b"1-0 caf\xe9\n")
    (root / "out.wav").symlink_to(root.parent / "out.wav")
    return root


def write_jsonl(root: Path) -> Path:
    noise(root / "a.wav")
    good = json.dumps({"id": "a", "audio": "a.wav"}).encode()
    lines = [good, b"{broken", b'{"id": "caf\xe9"}', b'{"id": "x", "audio": "../x.wav"}', b'{"id": "y"}']
    (root / "t.jsonl").write_bytes(b"\n".join(lines))
    return root / "t.jsonl"


def write_csv(root: Path) -> Path:
    (root / "t.csv").write_bytes(b"id,audio,text\na,a.wav,caf\xe9\nb,b.wav\nc,c.wav,fine\n")
    return root / "t.csv"


def write_cuts(root: Path) -> Path:
    (root / "cuts.jsonl").write_bytes(json.dumps(CUT).encode() + b'\n{broken\n{"id": "\xe9"}\n{"id": "x"}\n')
    return root


@pytest.mark.parametrize("write", [write_folder, write_jsonl, write_csv, write_cuts])
def test_a_corpus_that_is_moved_gives_the_same_rows(tmp_path: Path, write: Any) -> None:
    found: list[list[SourceRow]] = []
    for place in ("here", "over/there"):
        (tmp_path / place).mkdir(parents=True)
        found.append(list(open_source(str(write(tmp_path / place)), SourceConfig()).scan()))
    assert found[0] == found[1]
    assert sum(row.reject is not None for row in found[0]) >= 2
    assert str(tmp_path) not in repr(found)


def test_a_verdict_of_decoding_names_the_file_as_the_locator_does(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no audio at all")
    source = open_source(str(tmp_path), SourceConfig())
    (row,) = source.scan()
    with pytest.raises(Rejected, match=r"`a\.wav`") as caught:
        source.open(row.locator)
    assert str(tmp_path) not in caught.value.detail


def table(root: Path, *rows: dict[str, Any]) -> Source:
    (root / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return open_source(str(root / "t.jsonl"), SourceConfig())


def test_a_header_out_of_reach_is_no_unknown_duration(tmp_path: Path) -> None:
    """As None it would become part of the plan, which then refuses the source when it is back."""
    away = str(tmp_path / "unmounted" / "a.wav")
    with pytest.raises(Unavailable, match=r"cannot be reached.*`duration`") as caught:
        list(table(tmp_path, {"id": "a", "audio": away}).scan())
    assert "\n" not in str(caught.value)
    planned = table(tmp_path, {"id": "a", "audio": away, "duration": 2})
    assert [row.duration for row in planned.scan()] == [2.0]
    (tmp_path / "unmounted").mkdir()
    assert [row.duration for row in table(tmp_path, {"id": "a", "audio": away}).scan()] == [None]


def test_what_is_missing_below_the_root_has_no_duration(tmp_path: Path) -> None:
    source = table(tmp_path, {"id": "a", "audio": "no/such/a.wav"}, {"id": "b", "audio": "b.wav"})
    assert [(row.duration, row.reject) for row in source.scan()] == [(None, None)] * 2


def test_a_file_that_is_gone_is_told_from_a_verdict_on_its_content(tmp_path: Path) -> None:
    """It may come back, with its folder: whoever plans the record says so, not whoever scans it."""
    source = table(
        tmp_path, {"id": "a", "audio": "wav/a.wav", "duration": 1}, {"id": "b", "audio": "b.wav", "start": 1}
    )
    first, second = source.scan()
    assert first.reject is None and second.reject is not None and second.reject[0] == "missing_audio"
    with pytest.raises(MissingFile, match=r"there is no file `wav/a\.wav`") as caught:
        source.open(first.locator)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.reason, str(again)) == (MissingFile, "missing_audio", str(caught.value))
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav" / "a.wav").write_bytes(b"")
    with pytest.raises(Rejected, match="empty_file") as verdict:
        source.open(first.locator)
    assert not isinstance(verdict.value, MissingFile)


def test_a_link_to_a_folder_that_is_away_is_the_worlds_fault(tmp_path: Path) -> None:
    (tmp_path / "wav").symlink_to(tmp_path / "unmounted")
    source = table(tmp_path, {"id": "a", "audio": "wav/x/a.wav", "duration": 1}, {"id": "b", "audio": "wav/x/a.wav"})
    rows = source.scan()
    locator = next(rows).locator
    with pytest.raises(Unavailable):
        next(rows)
    with pytest.raises(Unavailable):
        source.open(locator)


@pytest.mark.parametrize("kind", ["folder", "table"])
def test_a_failing_disk_plans_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    noise(tmp_path / "a.wav")
    if kind == "folder":
        source = open_source(str(tmp_path), SourceConfig())
    else:
        source = table(tmp_path, {"id": "a", "audio": "a.wav"})
    locator = next(iter(source.scan())).locator
    stat = os.stat

    def failing(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith(".wav"):
            raise OSError(errno.EIO, "Input/output error")
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", failing)
    with pytest.raises(Unavailable, match="Input/output error"):
        list(source.scan())
    with pytest.raises(Unavailable, match="Input/output error"):
        source.open(locator)
