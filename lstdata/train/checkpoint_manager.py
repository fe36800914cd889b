"""fairseq2's trainer saves and restores through this: exactly, on any number of processes, under DDP as under FSDP2.

A checkpoint is written when its step ends and gets its name when the next one begins: its figures and its validation
have then been published, so whatever kills a run, it is resumed without a gap or a repetition in either.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fairseq2.gang import Gangs
from fairseq2.typing import Stateful
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from lstdata.errors import ConfigError
from lstdata.train import checkpoint
from lstdata.train.checkpoint import MODEL, OPTIMIZER, READER, TEMPORARY, TRAINER
from lstdata.train.reader import merge_states

OF_A_STEP = ("_metric_bag", "_rng_bag")
"""What the trainer would also keep: figures that are published step by step, and generators that each step seeds."""

PLACE_IN_SCHEDULE = ("last_epoch", "_step_count", "_last_lr")
"""What is restored of the learning rate's schedule: the rest is the config's, and a fork's may be longer."""


class Checkpoints:
    """What fairseq2's trainer asks of a checkpoint manager, with files of `checkpoint`."""

    def __init__(self, out: Path, gangs: Gangs) -> None:
        self._out = out
        self._gangs = gangs
        self._written: tuple[int, Callable[[int, bool], None] | None] | None = None

    def save_checkpoint(
        self,
        step_nr: int,
        trainer: Stateful,
        model: Stateful,
        optimizer: Stateful,
        data_reader: Stateful,
        *,
        ready_callback: Callable[[int, bool], None] | None = None,
        saved_callback: Callable[[int, bool], None] | None = None,
        blocking: bool = False,
    ) -> None:
        """Write all files before returning; `blocking`: make them a checkpoint too."""
        gangs = self._gangs
        folder = checkpoint.step_folder(self._out, step_nr)
        folder = folder.with_name(folder.name + TEMPORARY)
        if gangs.root.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
            for kind in (TRAINER, MODEL, OPTIMIZER, READER):
                checkpoint.file_of(folder, kind, 0).parent.mkdir(parents=True)
        gangs.root.barrier()
        if not folder.is_dir():
            raise ConfigError(f"`{self._out}` must be one folder that all processes share.")
        if gangs.root.rank == 0:
            kept = {name: value for name, value in trainer.state_dict().items() if name not in OF_A_STEP}
            checkpoint.write(checkpoint.file_of(folder, TRAINER, 0), kept)
        if gangs.rdp.rank == 0:
            checkpoint.write(checkpoint.file_of(folder, MODEL, gangs.sdp.rank), model.state_dict())
            checkpoint.write(checkpoint.file_of(folder, OPTIMIZER, gangs.sdp.rank), _own_rows(optimizer.state_dict()))
        checkpoint.write(checkpoint.file_of(folder, READER, gangs.dp.rank), data_reader.state_dict())
        self._written = step_nr, saved_callback
        if ready_callback is not None:
            ready_callback(step_nr, blocking)
        if blocking:
            self.maybe_complete_save_operation(blocking=True)

    def maybe_complete_save_operation(self, *, blocking: bool = False) -> bool | None:
        """Make what was written a checkpoint; None where nothing was."""
        if self._written is None:
            return None
        (step, callback), self._written = self._written, None
        self._gangs.root.barrier()
        if self._gangs.root.rank == 0:
            checkpoint.commit(checkpoint.step_folder(self._out, step))
        self._gangs.root.barrier()
        if callback is not None:
            callback(step, blocking)
        return True

    @property
    def is_saving(self) -> bool:
        return self._written is not None

    def load_trainer_state(self, step_nr: int, trainer: Stateful) -> None:
        own: dict[str, Any] = trainer.state_dict()
        saved = checkpoint.read(checkpoint.file_of(self._folder(step_nr), TRAINER, 0))
        place = {name: saved["_lr_scheduler"][name] for name in PLACE_IN_SCHEDULE}
        schedule = {"_lr_scheduler": {**own["_lr_scheduler"], **place}}
        trainer.load_state_dict({**saved, **schedule, **{name: own[name] for name in OF_A_STEP}})

    def load_model_state(self, step_nr: int, model: Stateful) -> None:
        sharded = self._gangs.sdp
        parts = checkpoint.read_all(self._folder(step_nr), MODEL)
        model.load_state_dict(
            {name: checkpoint.share([part[name] for part in parts], sharded.rank, sharded.size) for name in parts[0]}
        )

    def load_optimizer_state(self, step_nr: int, optimizer: Optimizer) -> None:
        """Restore the moments, numbered as the parameters are, each in the rows that its parameter has here."""
        parts = checkpoint.read_all(self._folder(step_nr), OPTIMIZER)
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        state = {}
        for number, names in parts[0]["state"].items():
            values = {name: [part["state"][number][name] for part in parts] for name in names}
            state[number] = {name: self._like(parameters[number], tensors) for name, tensors in values.items()}
        optimizer.load_state_dict({"state": state, "param_groups": parts[0]["param_groups"]})

    def load_data_reader_state(self, step_nr: int, data_reader: Stateful) -> None:
        data_reader.load_state_dict(merge_states(checkpoint.read_all(self._folder(step_nr), READER)))

    def maybe_get_last_step_number(self, *, exclude_model_only: bool = False) -> int | None:
        """What the first process sees: others may be shown an older folder by their machine's cache."""
        step = torch.tensor(checkpoint.last_step(self._out), device=self._gangs.root.device)
        self._gangs.root.broadcast(step)
        return int(step) or None

    def get_stale_step_numbers(self, keep_last_n: int, keep_best_n: None, keep_every_n_steps: None) -> list[int]:
        return checkpoint.steps(self._out)[:-keep_last_n] if self._gangs.root.rank == 0 else []

    def delete_checkpoint(self, step_nr: int) -> None:
        checkpoint.remove(self._folder(step_nr))

    def close(self) -> None: ...

    def _folder(self, step: int) -> Path:
        return checkpoint.step_folder(self._out, step)

    def _like(self, parameter: Any, parts: list[Any]) -> Any:
        """This process's share of a moment; a scalar, the step count, as it is."""
        sharded = self._gangs.sdp
        value = checkpoint.share(parts, sharded.rank, sharded.size)
        if not value.ndim or not isinstance(parameter, DTensor):
            return value
        return DTensor.from_local(
            value.to(parameter.device),
            parameter.device_mesh,
            parameter.placements,
            run_check=False,
            shape=parameter.shape,
            stride=parameter.stride(),
        )


def _own_rows(state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state with plain tensors of this process's rows."""
    moments = {
        number: {name: value.to_local() if isinstance(value, DTensor) else value for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": moments}
