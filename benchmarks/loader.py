"""Raw tokens a second from tar to packed batch, beside webdataset and lhotse Shar, and host memory over ten epochs.

Run from the project's root: `.venv/bin/python benchmarks/loader.py`, or with a number of utterances. They are of 12 to
15 s, with words, and were drawn, not spoken. The readers take turns in one process, on one thread, in processor time,
each reading as many utterances of the same shards in every turn.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from pathlib import Path

import torch
from formats import peers
from upath import UPath
from verified.synthetic import write_run

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.index import SHARDS_SCHEMA, read_table
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.loader.mixture import Mixture, Source
from lstdata.model.batch import collate
from lstdata.packing import RowBudget
from lstdata.shards import iter_samples

UTTERANCES = 1500
ROUNDS = 40
READ = 100
"""Utterances in a turn of a peer; as many documents, at least, in one of ours. So few, that neighbours leave a turn of
each alone."""

BUDGET = RowBudget(positions=4096, tokens=16_384)
PER_STEP = 2
EPOCHS = 10

STRATEGIES = ("static", "silence", "aligned", "curriculum")
TOKENS = 1_000_000
"""A second, at least, on one core."""

FLAT = 32.0
"""Megabytes that memory may still grow after the first epoch: what allocators keep."""


def main(utterances: int) -> int:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        run, shar = Path(name) / "run", Path(name) / "shar"
        write_run(run, utterances, "plan.shard_seconds=14400")
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
    peers.write_shar(shar, islice(samples, 5 * READ), whole=True)


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


def delivered(run: Path, strategy: str) -> Callable[[], tuple[int, int]]:
    """A reader that takes some steps more each time: what it counts are documents and raw tokens as delivered."""
    rows, _ = rows_of(run, strategy)
    steps = count()

    def read() -> tuple[int, int]:
        documents = tokens = 0
        while documents < READ:
            batch = collate([rows.row(number) for number in rows.rows_of_step(next(steps))])
            documents += batch.documents
            tokens += batch.num_tokens
        return documents, tokens

    return read


def utterances_of(read: Callable[[Path], Iterator[int]], path: Path) -> Callable[[], tuple[int, int]]:
    """A peer that reads on each time, through its files again and again."""
    samples = chain.from_iterable(read(path) for _ in count())
    return lambda: (sum(1 for _ in islice(samples, READ)), 0)


def quickest(works: list[Callable[[], tuple[int, int]]]) -> list[tuple[float, float]]:
    """(microseconds of processor time an utterance, tokens of one) in the quickest round of each; they take turns."""
    best = [(float("inf"), 0.0)] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            started = time.process_time()
            documents, tokens = work()
            spent = 1e6 * (time.process_time() - started)
            best[number] = min(best[number], (spent / documents, tokens / documents))
    return best


def print_speeds(run: Path, shar: Path) -> tuple[list[float], float, float]:
    """Tokens a second by strategy, and the least ratios to webdataset and to Shar, by utterance."""
    (bare, _), (lhotse, _), *ours = quickest(
        [
            utterances_of(peers.read_webdataset, run / "shards"),
            utterances_of(peers.read_shar, shar),
            *(delivered(run, strategy) for strategy in STRATEGIES),
        ]
    )
    print(f"webdataset decodes an utterance in {bare:.0f} µs, lhotse reads one of Shar in {lhotse:.0f} µs\n")
    print("| patching | tokens a second | tokens | µs an utterance | × webdataset | × lhotse Shar |")
    print("| --- | --: | --: | --: | --: | --: |")
    rates = []
    for strategy, (each, tokens) in zip(STRATEGIES, ours, strict=True):
        rates.append(1e6 * tokens / each)
        print(
            f"| {strategy} | {rates[-1]:,.0f} | {tokens:.0f} | {each:.0f} | {bare / each:.2f} | {lhotse / each:.2f} |",
            flush=True,
        )
    slowest = max(each for each, _ in ours)
    return rates, bare / slowest, lhotse / slowest


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
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else UTTERANCES))
