"""Checkpoints on disk: each is complete or absent, and is read by any number of processes.

`OUT/checkpoints/step_N/` holds `trainer/rank_00.pt`, `data_reader/dp_RR.pt` of each process, and, one file for each
process that keeps a share of the rows of every tensor, `model/pp_00/tp_00/sdp_RR.pt` and the same under `optimizer/`:
fairseq2's own layout, in tensors and plain values alone, so that nothing is ever unpickled.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lstdata.errors import ConfigError, LstDataError
from lstdata.model.config import ModelConfig
from lstdata.options import from_dict
from lstdata.storage import read_json, sha256_bytes, sha256_file, sync_folder

if TYPE_CHECKING:
    from torch import Tensor

TEMPORARY: Final = ".tmp"
"""Suffix of a folder that is not, or no longer, a checkpoint."""

TRAINER: Final = "trainer"
MODEL: Final = "model"
OPTIMIZER: Final = "optimizer"
READER: Final = "data_reader"


def step_folder(out: Path, step: int) -> Path:
    return out / "checkpoints" / f"step_{step}"


def file_of(folder: Path, kind: str, rank: int) -> Path:
    """The file of one process; of the trainer there is only that of rank 0."""
    if kind in (MODEL, OPTIMIZER):
        return folder / kind / "pp_00" / "tp_00" / f"sdp_{rank:02d}.pt"
    return folder / kind / f"{'rank' if kind == TRAINER else 'dp'}_{rank:02d}.pt"


def steps(out: Path) -> list[int]:
    """The steps that there are checkpoints of, rising."""
    names = (path.name.removeprefix("step_") for path in (out / "checkpoints").glob("step_*"))
    return sorted(int(name) for name in names if name.isdigit())


def last_step(out: Path) -> int:
    """The step that training would go on from; 0 where it would begin."""
    return max(steps(out), default=0)


def write(path: Path, state: dict[str, Any]) -> None:
    """Save tensors and plain values, down to the disk; LstDataError where it does not take them."""
    import torch

    try:
        with open(path, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer turns the former into the latter
        raise LstDataError(
            f"`{path}` cannot be written: {_cause(error)}. What was written before is as it was."
        ) from error


def commit(folder: Path) -> None:
    """Make a written folder a checkpoint: what is in it is on disk before it has its name."""
    temporary = folder.with_name(folder.name + TEMPORARY)
    for inside, _, _ in os.walk(temporary):
        sync_folder(Path(inside))
    os.rename(temporary, folder)
    sync_folder(folder.parent)


def copy(folder: Path, target: Path) -> None:
    """Make a checkpoint of another run one of this: by hard links where one file system has both.

    LstDataError where it cannot, or where the other run has removed it meanwhile.
    """
    temporary = target.with_name(target.name + TEMPORARY)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for path in folder.rglob("*.pt"):
            place = temporary / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(path, place)
    except OSError as error:
        raise LstDataError(f"`{folder}` cannot be copied to `{target}`: {_cause(error)}.") from error
    if not folder.is_dir():
        raise LstDataError(f"`{folder}` was removed while it was copied: its run has later checkpoints.")
    commit(target)


def _link(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, place)
        with open(place, "rb") as file:
            os.fsync(file.fileno())


def remove(folder: Path) -> None:
    """Delete a checkpoint, which is none any more before its first file is gone."""
    temporary = folder.with_name(folder.name + TEMPORARY)
    shutil.rmtree(temporary, ignore_errors=True)
    if folder.exists():
        os.rename(folder, temporary)
        shutil.rmtree(temporary, ignore_errors=True)


def remove_unfinished(out: Path) -> None:
    """Delete what killed processes left."""
    for folder in (out / "checkpoints").glob(f"step_*{TEMPORARY}"):
        shutil.rmtree(folder, ignore_errors=True)


def read(path: Path) -> dict[str, Any]:
    """What `write` has saved, its tensors mapped, not read; LstDataError names a file that is damaged or missing."""
    import torch

    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # pickle's errors, zip's, torch's: whatever the damage leads to
        folder = next((f for f in path.parents if f.name.startswith("step_")), path.parent)
        raise LstDataError(
            f"`{path}` cannot be read as a part of a checkpoint ({_cause(error)}); "
            f"remove `{folder}` to go on from the one before it."
        ) from error
    return state


def read_all(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The states of one kind that the processes saved, by rank; at least one."""
    pattern = file_of(folder, kind, 0)
    count = len(list(pattern.parent.glob("*.pt")))
    return [read(file_of(folder, kind, rank)) for rank in range(max(1, count))]


def share(parts: Sequence[Tensor], rank: int = 0, world: int = 1) -> Tensor:
    """What rank r of W keeps of a tensor that was saved in parts of rows: the r-th of `torch.chunk(whole, W)`.

    Only the rows asked for are read. A scalar is everyone's.
    """
    import torch

    if not parts[0].ndim:
        return parts[0]
    rows = sum(len(part) for part in parts)
    size = -(-rows // world)
    first, end = min(rank * size, rows), min((rank + 1) * size, rows)
    taken, offset = [], 0
    for part in parts:
        taken.append(part[max(0, first - offset) : max(0, end - offset)])
        offset += len(part)
    return torch.cat(taken)


def weights_sha256(folder: Path) -> str:
    """What says on any machine which weights a checkpoint has."""
    sums = [sha256_file(path) for path in sorted((folder / MODEL).rglob("*.pt"))]
    return sha256_bytes("\n".join(sums).encode())


def read_weights(run: Path) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The model of a training run and its weights at the last checkpoint, whole and in float32, on the CPU.

    ConfigError where `run` holds no checkpoint, LstDataError where one is damaged.
    """
    step = last_step(run)
    if not step or not (run / "train.json").is_file():
        raise ConfigError(f"`{run}` must be a run of `lstdata train` with a checkpoint, but has none.")
    parts = read_all(step_folder(run, step), MODEL)
    weights = {name: share([part[name] for part in parts]) for name in parts[0]}
    return from_dict(ModelConfig, read_json(run / "train.json")["model"]), weights


def _cause(error: BaseException) -> str:
    """The first line of the error that led to this one."""
    while before := error.__cause__ or error.__context__:
        error = before
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (text or type(error).__name__).splitlines()[0].rstrip(".")
