from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstdata.errors import ConfigError, LstDataError
from lstdata.train import checkpoint


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5))
def test_shares_of_one_number_of_processes_make_those_of_another(rows: int, before: int, after: int) -> None:
    """As FSDP2 deals them: `torch.chunk`, and nothing to those who come too late."""
    whole = torch.arange(rows * 2).reshape(rows, 2)

    def dealt(world: int) -> list[torch.Tensor]:
        chunks = list(whole.chunk(world))
        return chunks + [whole[:0]] * (world - len(chunks))

    for rank, expected in enumerate(dealt(after)):
        assert torch.equal(checkpoint.share(dealt(before), rank, after), expected)
    assert torch.equal(checkpoint.share(dealt(before)), whole)


def test_a_scalar_is_everyones() -> None:
    assert checkpoint.share([torch.tensor(7.0)] * 2, 1, 4) == 7.0


def written(out: Path, step: int, value: float = 1.0) -> Path:
    folder = checkpoint.step_folder(out, step)
    temporary = folder.with_name(folder.name + checkpoint.TEMPORARY)
    path = checkpoint.file_of(temporary, checkpoint.MODEL, 0)
    path.parent.mkdir(parents=True)
    checkpoint.write(path, {"weight": torch.full((4, 2), value)})
    return folder


def test_a_checkpoint_is_none_before_it_is_committed_and_none_once_it_is_being_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (2, 10):
        checkpoint.commit(written(tmp_path, step))
    written(tmp_path, 12)
    assert checkpoint.steps(tmp_path) == [2, 10] and checkpoint.last_step(tmp_path) == 10

    def killed(*args: Any, **rest: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", killed)
        patched.setattr("lstdata.train.checkpoint.sync_folder", lambda folder: None)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.remove(checkpoint.step_folder(tmp_path, 2))
    checkpoint.remove(checkpoint.step_folder(tmp_path, 2))
    assert checkpoint.steps(tmp_path) == [10]
    checkpoint.remove_unfinished(tmp_path)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_10"]


def test_what_the_disk_does_not_take_is_said_in_one_line(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(LstDataError, match=r"state\.pt` cannot be written: File too large\."):
            checkpoint.write(tmp_path / "state.pt", {"weight": torch.ones(1 << 16)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    "damage",
    [lambda path: os.truncate(path, path.stat().st_size // 2), Path.unlink, lambda path: path.write_bytes(b"")],
)
def test_a_damaged_file_is_named_with_the_folder_to_remove(tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    folder = written(tmp_path, 3)
    checkpoint.commit(folder)
    damage(checkpoint.file_of(folder, checkpoint.MODEL, 0))
    with pytest.raises(LstDataError, match=r"sdp_00\.pt` cannot be read .* remove `.*step_3` to go on"):
        checkpoint.read_all(folder, checkpoint.MODEL)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    torch.save({"weight": Evil()}, tmp_path / "state.pt")
    with pytest.raises(LstDataError, match="cannot be read"):
        checkpoint.read(tmp_path / "state.pt")
    assert not (tmp_path / "ran").exists()


def test_weights_of_a_folder_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="with a checkpoint, but has none"):
        checkpoint.read_weights(tmp_path)
