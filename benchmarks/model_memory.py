"""What a training step of the 420m preset keeps in memory: activations, and logits before and after the fused loss.

Run from the project's root: `.venv/bin/python benchmarks/model_memory.py`. Nothing is computed: tensors have a size and
no contents, so neither a GPU nor memory is needed, and the numbers are exact. bfloat16 autocast; attention keeps what
fused kernels keep (queries, keys, values, the result and one float32 per query and head). Weights, their gradients and
the optimizer's moments are not counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from model import VOCABULARY, Setting, batch_of, table
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from lstdata.model.batch import IGNORED
from lstdata.model.config import Architecture
from lstdata.model.loss import token_losses
from lstdata.model.lst import Model, build_model
from lstdata.model.presets import model_config

PRESET = "420m"
SETTING = Setting("cpu", PRESET, positions=5_632, rows=1, rounds=1)
"""A row of about 16,000 tokens."""
Loss = Callable[[Model, Tensor, Tensor], Tensor]


class Fused(torch.autograd.Function):
    """Attention by sizes alone, with what a fused kernel saves."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        result = torch.empty_like(queries)
        sums = queries.new_empty(queries.shape[:2], dtype=torch.float32)
        ctx.save_for_backward(queries, keys, values, result, sums)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(x) for x in ctx.saved_tensors[:3])


class Live(TorchDispatchMode):
    """Bytes of all tensors that were made inside and still exist, and the most there ever were."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[StorageWeakRef, int] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {StorageWeakRef(x.untyped_storage()) for x in args if isinstance(x, Tensor)}
        made = func(*args, **(kwargs or {}))
        for x in made if isinstance(made, tuple | list) else [made]:
            if isinstance(x, Tensor) and (storage := StorageWeakRef(x.untyped_storage())) not in given:
                self.sizes[storage] = x.untyped_storage().nbytes()
        self.most = max(self.most, self.now())
        return made

    def now(self) -> int:
        self.sizes = {storage: size for storage, size in self.sizes.items() if not storage.expired()}
        return sum(self.sizes.values())


def main() -> int:
    rows = []
    for architecture in ("lst", "plain"):
        kept, fused = step(architecture, in_chunks, recompute=False)
        least, _ = step(architecture, in_chunks, recompute=True)
        _, logits = step(architecture, all_logits, recompute=False)
        rows.append(
            (f"{PRESET}, {architecture}", *(f"{size / 2**30:.2f} GiB" for size in (kept, least, logits, fused)))
        )
    print(
        table(
            [
                f"{len(batch_of(SETTING, True).tokens):,} tokens",
                "layers keep",
                "with `recompute`",
                "all logits at once",
                "fused loss",
            ],
            rows,
        )
    )
    return 0


def step(architecture: Architecture, loss: Loss, *, recompute: bool) -> tuple[int, int]:
    """Bytes that live between the passes of the layers, and the most that the loss and its gradients add to them."""
    config = model_config(PRESET, VOCABULARY, architecture, attention="dense", recompute=recompute)
    batch = batch_of(SETTING, True)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        model = build_model(config)
        model.plan = lambda sight: Fused.apply  # type: ignore[method-assign]
        for name, value in vars(batch).items():
            if isinstance(value, Tensor):
                setattr(batch, name, mode.from_tensor(value))
        with Live() as live, torch.autocast("cpu", dtype=torch.bfloat16):
            states = model.states(batch)
            kept, live.most = live.now(), 0
            torch.autograd.grad(loss(model, states, batch.targets), (states, model.logits.weight))
    return kept, live.most - kept


def in_chunks(model: Model, states: Tensor, targets: Tensor) -> Tensor:
    return token_losses(states, model.logits.weight, targets)[0]


def all_logits(model: Model, states: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(model.logits(states).float(), targets, ignore_index=IGNORED, reduction="sum")


if __name__ == "__main__":
    sys.exit(main())
