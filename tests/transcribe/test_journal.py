"""Finished batches on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.errors import CorruptShard, Rejected
from lstdata.records import TimedWord
from lstdata.transcribe.batches import Heard
from lstdata.transcribe.journal import Journal
from lstdata.transcribe.recogniser import Transcript

SPOKEN = Transcript((TimedWord("für", 0.02, 0.3), TimedWord("7", 0.3, 0.3)), -0.1234567890123, "de")


def heard(number: int) -> Heard:
    return Heard(number, ("f0", "f1"), (SPOKEN, Rejected("empty_file", "`x.wav` has 0 bytes.")))


def written(path: Path, *numbers: int) -> Path:
    with Journal(path) as journal:
        for number in numbers:
            journal.append(heard(number))
    return path


def test_what_was_written_is_read_again_in_any_order(tmp_path: Path) -> None:
    with Journal(written(tmp_path / "j", 3, 0)) as journal:
        assert (3 in journal, 0 in journal, 1 in journal, len(journal)) == (True, True, False, 2)
        read = journal.read(0)
        assert (read.number, read.fingerprints, read.outcomes[0]) == (0, ("f0", "f1"), SPOKEN)
        verdict = read.outcomes[1]
        assert isinstance(verdict, Rejected) and verdict.args == ("empty_file: `x.wav` has 0 bytes.",)


def test_a_line_is_on_the_disk_before_the_journal_is_closed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append(heard(0))
        assert (tmp_path / "j").read_bytes().endswith(b"\n")


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_torn_last_line_is_not_done_and_the_next_one_stands_alone(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "j", 0, 1)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path) as journal:
        assert (0 in journal, 1 in journal) == (True, False)
    with Journal(written(path, 1)) as journal:
        assert journal.read(1).outcomes[0] == SPOKEN


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "j", 0, 1)
    path.write_bytes(path.read_bytes().replace(b'{"batch": 0', b'{"batch" 0'))
    with pytest.raises(CorruptShard, match="line 1, is damaged"):
        Journal(path)
