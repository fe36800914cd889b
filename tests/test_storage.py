"""Commit: a reader sees the old file or the new one, never a part."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lstdata.storage import commit_bytes, commit_json, committing, read_json, remove_temporaries


def test_a_fault_without_a_name_gets_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with pytest.raises(OSError, match=f"No space left on device: '{path}'"), committing(path):
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_commit_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    commit_bytes(path, b"old")
    with pytest.raises(RuntimeError), committing(path) as temporary:
        temporary.write_bytes(b"ne")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_leftovers_of_a_killed_writer_are_removed_and_nothing_else(tmp_path: Path) -> None:
    commit_bytes(tmp_path / "shards" / "a.tar", b"whole")
    context = committing(tmp_path / "shards" / "b.tar")
    temporary = context.__enter__()
    temporary.write_bytes(b"par")
    assert remove_temporaries(tmp_path) == 1
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["a.tar"]


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    commit_json(tmp_path / "a", {"b": "ü", "a": [1, 2]})
    commit_json(tmp_path / "b", {"a": [1, 2], "b": "ü"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_json(tmp_path / "a") == {"a": [1, 2], "b": "ü"}
