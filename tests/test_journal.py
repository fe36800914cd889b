"""Finished work on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.errors import CorruptShard
from lstdata.journal import Journal

VALUE = {"text": "für", "times": [0.1, 0.30000000000000004], "score": None}


def written(path: Path, *keys: str) -> Path:
    with Journal(path) as journal:
        for key in keys:
            journal.append(key, VALUE)
    return path


def test_what_was_written_is_read_again_in_any_order(tmp_path: Path) -> None:
    with Journal(written(tmp_path / "j", "3", "0")) as journal:
        assert (list(journal), "0" in journal, "1" in journal, len(journal)) == (["3", "0"], True, False, 2)
        assert journal.read("0") == journal.read("3") == VALUE


def test_reading_between_does_not_move_where_lines_go(tmp_path: Path) -> None:
    with Journal(written(tmp_path / "j", "a", "b")) as journal:
        journal.read("a")
        journal.append("c", {"n": 1})
        assert journal.read("c") == {"n": 1} and journal.read("b") == VALUE


def test_a_key_written_again_has_its_last_value(tmp_path: Path) -> None:
    with Journal(written(tmp_path / "j", "a")) as journal:
        journal.append("a", {})
    with Journal(tmp_path / "j") as journal:
        assert journal.read("a") == {} and len(journal) == 1


def test_a_line_is_on_the_disk_before_the_journal_is_closed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append("a", VALUE)
        assert (tmp_path / "j").read_bytes().endswith(b"\n")


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_is_not_done_and_the_next_one_stands_alone(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "j", "a", "b")
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path) as journal:
        assert list(journal) == ["a"]
    with Journal(written(path, "b")) as journal:
        assert journal.read("b") == VALUE


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "j", "a", "b")
    path.write_bytes(path.read_bytes().replace(b'{"key": "a"', b'{"key" "a"'))
    with pytest.raises(CorruptShard, match="line 1, is damaged"):
        Journal(path)
