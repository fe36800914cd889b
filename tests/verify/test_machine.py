"""The machine's own faults say nothing of a run: they condemn no shard."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from lstdata import index, storage
from lstdata.errors import CorruptShard, Unavailable
from lstdata.verify import How, shard, verify
from lstdata.verify.guard import guarded

FAULTS = [OSError(number, os.strerror(number)) for number in (errno.EACCES, errno.EMFILE, errno.EIO)]
FAULTS += [MemoryError(), ImportError("no such library")]  # type: ignore[list-item]


def _failing(function: Callable[..., Any], ending: str, fault: Exception) -> Callable[..., Any]:
    def fail(path: Any, *rest: Any, **options: Any) -> Any:
        if str(path).endswith(ending):
            raise fault
        return function(path, *rest, **options)

    return fail


@pytest.mark.parametrize("ending", [".tar", "-000000.parquet", "-000000.json"])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_no_shard_is_condemned(run: Path, monkeypatch: pytest.MonkeyPatch, ending: str, fault: Exception) -> None:
    for module in (storage, shard):
        monkeypatch.setattr(module, "read_bytes", _failing(storage.read_bytes, ending, fault))
    monkeypatch.setattr(index, "parquet_file", _failing(storage.parquet_file, ending, fault))
    with pytest.raises(Unavailable, match="cannot be checked here"):
        verify(UPath(run), How(workers=1))


@pytest.mark.parametrize(
    "fault", [IsADirectoryError(errno.EISDIR, "it is"), OSError("no magic bytes"), ValueError("x")]
)
def test_what_is_of_the_data_is_a_problem(fault: Exception) -> None:
    problems: list[str] = []
    with guarded("shard s", problems):
        raise CorruptShard("wrong") from fault
    with guarded("shard s", problems):
        raise fault
    assert problems[0] == "shard s: wrong" and len(problems) == 2
