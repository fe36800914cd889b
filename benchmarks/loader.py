"""Raw tokens a second from tar to packed batch, beside webdataset and lhotse Shar, and host memory over ten epochs.

Run from the project's root: `.venv/bin/python benchmarks/loader.py`. Spoken stories of the demo corpus; the readers
take turns in one process, on one thread, in processor time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import torch
from building.corpus import find_corpus, lstdata_run
from formats import peers
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.mixture import Mixture, Source
from lstdata.model.batch import collate
from lstdata.packing import RowBudget
from lstdata.shards import iter_samples

HOURS = 2.0
ROUNDS = 5
BUDGET = RowBudget(positions=4096, tokens=16_384)
PER_STEP = 4
EPOCHS = 10

STRATEGIES = ("static", "silence", "aligned", "curriculum")
TOKENS = 1_000_000
"""A second, at least, on one core."""

FLAT = 32.0
"""Megabytes that memory may still grow after the first epoch: what allocators keep."""


def main(hours: float) -> int:
    torch.set_num_threads(1)
    corpus = find_corpus(hours)
    with tempfile.TemporaryDirectory() as name:
        run, shar = Path(name) / "run", Path(name) / "shar"
        lstdata_run("build-shards", corpus.folder, run, *corpus.options(14_400))
        write_shar(run, shar)
        rates, webdataset, lhotse = print_speeds(run, shar)
        grown = print_memory(run)
    verdict = "flat" if grown <= FLAT else f"more than {FLAT:.0f} MB"
    print(
        f"summary: at least {min(rates):,.0f} tokens a second on a core, {webdataset:.2f} times as fast as webdataset "
        f"decodes the same shards and {lhotse:.2f} times as fast as lhotse reads Shar (limits: {TOKENS:,}, 1, 1); "
        f"memory after the first of {EPOCHS} epochs: {grown:.0f} MB more, {verdict}"
    )
    return 0


def write_shar(run: Path, shar: Path) -> None:
    rows = read_table(UPath(run / "shards.parquet"), SHARDS_SCHEMA).to_pylist()
    samples = (s for row in rows for *_, s in iter_samples((run / row["path"]).read_bytes(), row["path"]))
    peers.write_shar(shar, samples, whole=True)


def rows_of(run: Path, strategy: str) -> tuple[Mixture, SplitCorpus]:
    """Training rows halfway through a curriculum."""
    corpus = SplitCorpus(open_run(UPath(run)), "train", InterleaveConfig(), PatchingConfig(strategy=strategy))  # type: ignore[arg-type]
    source = Source(name="speech", corpus=corpus, share=1, tokens_per_row=1)
    return Mixture([source], BUDGET, seed=0, per_step=PER_STEP, rows=2 * PER_STEP), corpus


def epoch(rows: Mixture, step: int, epochs: float) -> tuple[int, int]:
    """(raw tokens as delivered, next step) of all batches until so many epochs are drawn."""
    tokens = 0
    while rows.figures()["epochs"] < epochs:
        batch = collate([rows.row(number) for number in rows.rows_of_step(step)])
        tokens += batch.num_tokens
        step += 1
    return tokens, step


def delivered(run: Path, strategy: str) -> Callable[[], int]:
    """A reader that draws one more epoch each time, opened before."""
    rows, _ = rows_of(run, strategy)
    at = [0, 0]

    def read() -> int:
        tokens, at[0] = epoch(rows, at[0], at[1] + 1)
        at[1] += 1
        return tokens

    return read


def quickest(works: list[Callable[[], int]]) -> list[tuple[float, int]]:
    """(seconds of processor time, what it counted) of the quickest round of each; they take turns."""
    best = [(float("inf"), 1)] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            started = time.process_time()
            counted = work()
            best[number] = min(best[number], (time.process_time() - started, counted), key=lambda b: b[0] / b[1])
    return best


def print_speeds(run: Path, shar: Path) -> tuple[list[float], float, float]:
    """Tokens a second by strategy, and the least ratios to webdataset and to Shar, by utterance."""
    index = read_table(UPath(run / "index.parquet"), INDEX_SCHEMA, ("seconds", "split"))
    trained = index.filter(pc.field("split") == "train")
    seconds = pc.mean(trained["seconds"]).as_py()
    bare, lhotse, *ours = quickest(
        [
            lambda: sum(1 for _ in peers.read_webdataset(run / "shards")),
            lambda: sum(1 for _ in peers.read_shar(shar)),
            *(delivered(run, strategy) for strategy in STRATEGIES),
        ]
    )
    peers_each = [spent / samples for spent, samples in (bare, lhotse)]
    print(f"{trained.num_rows} utterances of {seconds:.1f} s on average; webdataset decodes one in")
    print(f"{1e6 * peers_each[0]:.0f} µs, lhotse reads one of Shar in {1e6 * peers_each[1]:.0f} µs\n")
    print("| patching | tokens a second | µs an utterance | × webdataset | × lhotse Shar |")
    print("| --- | --: | --: | --: | --: |")
    rates, ratios = [], []
    for strategy, (spent, tokens) in zip(STRATEGIES, ours, strict=True):
        each = spent / trained.num_rows
        rates.append(tokens / spent)
        ratios.append([peer / each for peer in peers_each])
        print(f"| {strategy} | {rates[-1]:,.0f} | {1e6 * each:.0f} | {ratios[-1][0]:.2f} | {ratios[-1][1]:.2f} |")
    return rates, min(ratio[0] for ratio in ratios), min(ratio[1] for ratio in ratios)


def print_memory(run: Path) -> float:
    """Megabytes that the process has gained since the end of the first epoch, at most."""
    rows, _ = rows_of(run, "static")
    step, used = 0, []
    for number in range(EPOCHS):
        _, step = epoch(rows, step, number + 1)
        used.append(resident())
    print("\nmemory after each epoch: " + ", ".join(f"{megabytes:.0f}" for megabytes in used) + " MB")
    return max(used) - used[0]


def resident() -> float:
    """Megabytes of the process's own in memory now, without those of mapped files."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) / 1024


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else HOURS))
