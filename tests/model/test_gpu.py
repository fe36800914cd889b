"""One result on a CPU in blocks and on a GPU by FlexAttention; elsewhere skipped."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lstdata.model.batch import collate
from lstdata.model.compiling import compile_blocks
from lstdata.model.lst import Model
from lstdata.packing import Row

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")


def results(model: Model, rows: list[Row], device: torch.device, multiple: int, *, half: bool) -> list[Tensor]:
    """Each token's loss, and all gradients of their sum."""
    model.to(device).zero_grad()
    batch = collate(rows, multiple)
    tokens = batch.num_tokens
    batch.to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        total, each = model(batch)
    total.backward()
    return [each[:tokens].cpu(), *(p.grad.cpu() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_a_gpu_gives_what_a_cpu_gives(
    small_model: Callable[..., Model], make_row: Callable[..., Row], architecture: str, compiled: bool, half: bool
) -> None:
    rows = [make_row([1, 1] + [4, 7, 2] * 60, [1, 3, 3], seed=1), make_row([1] * 90 + [6] * 20, seed=2)]
    sizes = {"global_width": 64, "local_width": 32, "window": 40, "visible": 20, "encoder_layers": 1}
    expected, got = (small_model(architecture, **sizes).float().train() for _ in range(2))
    want = results(expected, rows, torch.device("cpu"), 1, half=half)
    if compiled:
        compile_blocks(got)
    have = results(got, rows, torch.device("cuda"), 128, half=half)
    for a, b in zip(have, want, strict=True):
        distance = float((a - b).norm() / b.norm().clamp(min=1e-6))
        assert distance < (3e-2 if half else 1e-3)
