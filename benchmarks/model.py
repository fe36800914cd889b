"""The model's training step against its own baseline and transformers' `BltModel`; FLOP/s, and where the time goes.

Run from the project's root: `.venv/bin/python benchmarks/model.py`. Peers take turns in one process. On a GPU:
bfloat16, layers compiled, rows of 4,096 positions, the presets 420m and 1b. On a CPU: float32, not compiled, one
thread, processor time, one row of 1,024 positions, the preset 60m. The optimizer's step is not in it.

`BltModel` knows neither documents nor windows, so it is compared on rows of one document each; a token of its decoder
reads one position, the one that it is in, where ours reads up to 512 finished ones. Its attention takes dense masks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from transformers import BltConfig, BltForCausalLM

from lstdata.model.batch import Batch, collate
from lstdata.model.compiling import compile_blocks
from lstdata.model.config import Architecture, ModelConfig, feedforward_width
from lstdata.model.flops import Work, training_flops, work
from lstdata.model.lst import build_model
from lstdata.model.presets import model_config
from lstdata.packing import Row

VOCABULARY = 32_506
"""Llama 2's ids, six reserved, 500 units."""
PATCH = 4
TEXT, SPEECH = 20, 40
"""Positions of a span: text tokens, patches."""
SPANS = 8
"""Of a document: text and speech in turn."""
HEAD = (
    "",
    "LST",
    "baseline",
    "FLOP ratio",
    "time ratio",
    "LST's FLOP/s of baseline's",
    "baseline's of peak",
    "BltModel",
)
ATTENTION, PRODUCTS = "attention", "matrix products"
KINDS = {ATTENTION: ("attention", "flash", "fmha", "flex"), PRODUCTS: ("gemm", "mm", "cutlass", "nvjet", "xmma")}
"""Parts of the names of kernels; the first kind that fits is it."""


@dataclass(frozen=True)
class Setting:
    device: Literal["cpu", "cuda"]
    preset: str
    positions: int
    rows: int
    rounds: int

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"


ON_CPU = [Setting("cpu", "60m", 1024, 1, 2)]
ON_GPU = [Setting("cuda", "420m", 4096, 4, 10), Setting("cuda", "1b", 4096, 2, 10)]


@dataclass(frozen=True)
class Measured:
    seconds: float
    flops: float = 0.0

    @property
    def rate(self) -> float:
        return self.flops / self.seconds


def main() -> int:
    torch.set_num_threads(1)
    settings = ON_GPU if torch.cuda.is_available() else ON_CPU
    rows: list[Sequence[str]] = []
    shares: list[Sequence[str]] = []
    for setting in settings:
        print(f"{setting.preset} on {setting.device}", file=sys.stderr)
        found, parts = measure(setting)
        rows += comparisons(setting, found, peak(setting))
        for name, part in parts:
            shares.append((f"{setting.preset}, {name}", *(f"{100 * share:.0f} %" for share in part.values())))
    if not torch.cuda.is_available():
        rows += [(f"{s.preset}, GPU, {s.positions:,} positions", *["not measured"] * 7) for s in ON_GPU]
    print(table(HEAD, rows))
    print()
    print(table(["time in", PRODUCTS, ATTENTION, "everything else"], shares))
    return 0


def measure(setting: Setting) -> tuple[dict[str, Measured], list[tuple[str, dict[str, float]]]]:
    """Seconds of a step of each peer, the least of all rounds; shares of time of our two."""
    packed, whole = (batch_of(setting, documents) for documents in (True, False))
    lst, plain = (ours(setting, architecture) for architecture in ("lst", "plain"))
    steps = {
        "LST": (lambda: lst[0](packed), counted(lst[1], packed)),
        "baseline": (lambda: plain[0](packed), counted(plain[1], packed)),
        "LST, a document a row": (lambda: lst[0](whole), counted(lst[1], whole)),
        "BltModel": (blt(setting, lst[1], whole), 0.0),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step, _ in steps.values() if setting.on_gpu else ():
        step()
    for _ in range(setting.rounds):
        for name, (step, _) in steps.items():
            times[name].append(timed(setting, step))
            print(f"{name}: {times[name][-1]:.2f} s", file=sys.stderr)
    found = {name: Measured(min(times[name]), flops) for name, (_, flops) in steps.items()}
    return found, [(name, kinds(setting, steps[name][0])) for name in ("LST", "baseline")]


def comparisons(setting: Setting, found: dict[str, Measured], most: float) -> list[Sequence[str]]:
    lst, plain = found["LST"], found["baseline"]
    where = "GPU" if setting.on_gpu else "CPU"
    others = found["BltModel"].seconds / found["LST, a document a row"].seconds
    return [
        (
            f"{setting.preset}, {where}, {setting.positions:,} positions",
            f"{lst.seconds:.2f} s",
            f"{plain.seconds:.2f} s",
            f"{lst.flops / plain.flops:.2f}",
            f"{lst.seconds / plain.seconds:.2f}",
            f"{lst.rate / plain.rate:.2f}",
            f"{100 * plain.rate / most:.0f} %",
            f"{others:.2f} × LST's time",
        )
    ]


def ours(setting: Setting, architecture: Architecture) -> tuple[Callable[[Batch], None], ModelConfig]:
    """A step of ours: forward and backward pass."""
    config = model_config(setting.preset, VOCABULARY, architecture)
    model = build_model(config).to(setting.device)
    if setting.on_gpu:
        compile_blocks(model)

    def step(batch: Batch) -> None:
        model.zero_grad()
        with torch.autocast(setting.device, dtype=torch.bfloat16, enabled=setting.on_gpu):
            total, _ = model(batch)
        (total / batch.num_targets).backward()

    return step, config


def blt(setting: Setting, config: ModelConfig, batch: Batch) -> Callable[[], None]:
    """The same of transformers: our dimensions, the same tokens in the same patches, no hash tables, no patcher."""

    def part(width: int, heads: int, layers: int) -> dict[str, Any]:
        return {
            "hidden_size": width,
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "intermediate_size": feedforward_width(width, config.feedforward_multiple),
        }

    shared = {"vocab_size": VOCABULARY, "cross_attn_k": config.queries, "hidden_size_global": config.global_width}
    model = BltForCausalLM(
        BltConfig(
            vocab_size=VOCABULARY,
            patch_in_forward=False,
            cross_attn_k=config.queries,
            encoder_hash_byte_group_nb_functions=0,
            encoder_config={**shared, **part(config.local_width, config.local_heads, config.encoder_layers)},
            decoder_config={**shared, **part(config.local_width, config.local_heads, config.decoder_layers)},
            global_config=part(config.global_width, config.global_heads, config.global_layers),
            attn_implementation="sdpa",
        )
    ).to(setting.device)
    model.train()
    tokens = batch.tokens.view(setting.rows, -1)
    lengths = (batch.position_end - batch.position_start + 1).view(setting.rows, -1)

    def step() -> None:
        model.zero_grad()
        with torch.autocast(setting.device, dtype=torch.bfloat16, enabled=setting.on_gpu):
            loss = model(tokens, patch_lengths=lengths, labels=tokens, use_cache=False).loss
        loss.backward()

    return step


def batch_of(setting: Setting, documents: bool) -> Batch:
    """Rows of text and speech in turn, one document each or many; on the device."""
    lengths = [1]
    while len(lengths) < setting.positions:
        lengths += [1] * (1 + TEXT) + [1] + [PATCH] * SPEECH
    lengths = lengths[: setting.positions]
    edges = list(range(0, setting.positions, SPANS // 2 * (2 + TEXT + SPEECH))) if documents else [0]
    for edge in edges:
        lengths[edge] = 1
    ends = np.cumsum(lengths, dtype=np.int64)
    sizes = np.diff([*(np.append(0, ends)[edges]), ends[-1]]).astype(np.int32)
    rng = np.random.default_rng(0)
    rows = [
        Row(rng.integers(0, VOCABULARY, ends[-1], dtype=np.int32), np.array(lengths, dtype=np.int32), sizes)
        for _ in range(setting.rows)
    ]
    batch = collate(rows)
    batch.to(torch.device(setting.device))
    return batch


def counted(config: ModelConfig, batch: Batch) -> float:
    return training_flops(config, Work(**{name: float(value) for name, value in work(config, batch).items()}))


def timed(setting: Setting, step: Callable[[], Any]) -> float:
    """Seconds: of the processor on a CPU, which others may share; of the clock on a GPU."""
    if not setting.on_gpu:
        begin = time.process_time()
        step()
        return time.process_time() - begin
    torch.cuda.synchronize()
    begin = time.perf_counter()
    step()
    torch.cuda.synchronize()
    return time.perf_counter() - begin


def peak(setting: Setting) -> float:
    """FLOP/s of one large matrix product in the step's own type."""
    size = 8192 if setting.on_gpu else 1536
    kind = torch.bfloat16 if setting.on_gpu else torch.float32
    a, b = (torch.randn(size, size, device=setting.device, dtype=kind) for _ in range(2))

    def product() -> Tensor:
        return a @ b

    product()
    return 2 * size**3 / min(timed(setting, product) for _ in range(10))


def kinds(setting: Setting, step: Callable[[], None]) -> dict[str, float]:
    """Shares of a step's time by kind of kernel; on a GPU what no kernel takes is `everything else` too."""
    activities = [ProfilerActivity.CUDA if setting.on_gpu else ProfilerActivity.CPU]
    with profile(activities=activities) as profiler:
        seconds = timed(setting, step)
    spent = dict.fromkeys((PRODUCTS, ATTENTION), 0.0)
    for event in profiler.key_averages():
        name = event.key.lower()
        kind = next((kind for kind, parts in KINDS.items() if any(part in name for part in parts)), None)
        if kind:
            spent[kind] += event.self_device_time_total if setting.on_gpu else event.self_cpu_time_total
    total = 1e6 * seconds if setting.on_gpu else sum(event.self_cpu_time_total for event in profiler.key_averages())
    shares = {kind: time_taken / total for kind, time_taken in spent.items()}
    return {**shares, "else": 1 - sum(shares.values())}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
