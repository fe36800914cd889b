"""What an hour of speech takes, and a sample to read, as our shards, lhotse Shar, Parquet and the LST authors' lines.

Run from the project's root: `.venv/bin/python benchmarks/format.py`. Spoken stories of the demo corpus, the same in
each format; all readers take turns in one process, on one thread, in processor time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.compute as pc
from building.corpus import find_corpus, lstdata_run
from formats import peers
from formats.peers import BOTH, LEAST, Format
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.shards import StoredSample, iter_samples

HOURS = 2.0
ROUNDS = 5
SHORTEST, LONGEST = 12.0, 15.0
"""Seconds of the utterances whose tokens are counted."""

STRATEGIES = ("static", "silence", "aligned", "curriculum")
TOKENS = 1_000_000
"""A second, at least, on one core."""


def main() -> int:
    corpus = find_corpus(HOURS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = folder / "run"
        lstdata_run("build-shards", corpus.folder, run, *corpus.options(14_400))
        formats = written(run, folder)
        hours, samples = size(run)
        print(f"{samples} utterances, {hours:.2f} h, {3600 * hours / samples:.1f} s each\n")
        ratios = print_formats(formats, hours)
        fastest = print_tokens(run)
    print(
        f"summary: shards take {ratios[0]:.2f} of lhotse Shar's bytes and {ratios[1]:.2f} of the authors' lines', "
        f"{ratios[2]:.1f} times Parquet's; {fastest[0]:,.0f} tokens a second as delivered, "
        f"{fastest[1]:.2f} times as fast as webdataset decodes the same shards (limits: 1, 1, {TOKENS:,}, 1)"
    )
    return 0


def written(run: Path, folder: Path) -> list[Format]:
    """Ours first."""
    subprocess.run(
        [sys.executable, "-m", "lstdata", "export", run, folder / "lines", "--format", "lst"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (folder / "lines" / "export.json").unlink()
    peers.write_shar(folder / "shar", samples_of(run), whole=True)
    peers.write_shar(folder / "lean", samples_of(run), whole=False)
    peers.write_parquet(folder / "x.parquet", samples_of(run))
    shards = folder / "tars"
    shards.mkdir()
    for tar in (run / "shards").glob("*.tar"):
        (shards / tar.name).hardlink_to(tar)
    return [
        Format("shards, by index", BOTH, shards, lambda _: by_index(run)),
        Format("shards, by webdataset", BOTH, shards, peers.read_webdataset),
        Format("lhotse Shar", BOTH, folder / "shar", peers.read_shar),
        Format("lhotse Shar", LEAST, folder / "lean", peers.read_shar),
        Format("the authors' lines", "units, words with times", folder / "lines", peers.read_lines),
        Format("Parquet", BOTH, folder / "x.parquet", peers.read_parquet),
    ]


def samples_of(run: Path) -> Iterator[StoredSample]:
    for row in read_table(UPath(run / "shards.parquet"), SHARDS_SCHEMA).to_pylist():
        for *_, stored in iter_samples((run / row["path"]).read_bytes(), row["path"]):
            yield stored


def by_index(run: Path) -> Iterator[int]:
    corpus = opened(run, "static")
    for number in range(len(corpus)):
        yield len(corpus.sample(number).units)


def opened(run: Path, strategy: str) -> SplitCorpus:
    return SplitCorpus(open_run(UPath(run)), "train", InterleaveConfig(), PatchingConfig(strategy=strategy))


def size(run: Path) -> tuple[float, int]:
    index = read_table(UPath(run / "index.parquet"), INDEX_SCHEMA, ("seconds",))
    return pc.sum(index["seconds"]).as_py() / 3600, index.num_rows


def quickest(works: list[Callable[[], int]]) -> list[tuple[float, int]]:
    """(seconds of processor time in the quickest round, what it counted) of each; they take turns."""
    best = [(float("inf"), 0)] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            started = time.process_time()
            counted = work()
            best[number] = min(best[number], (time.process_time() - started, counted))
    return best


def print_formats(formats: list[Format], hours: float) -> tuple[float, float, float]:
    """Ratios of our bytes to those of Shar, of the authors' lines and of Parquet."""
    reads = quickest([lambda one=one: sum(1 for _ in one.read(one.path)) for one in formats])
    print("| format | holds | kB an hour | of ours | µs a sample |\n| --- | --- | --: | --: | --: |")
    ours = formats[0].bytes
    for one, (seconds, samples) in zip(formats, reads, strict=True):
        print(
            f"| {one.name} | {one.content} | {one.bytes / hours / 1000:,.0f} | {one.bytes / ours:.2f} "
            f"| {1e6 * seconds / samples:.0f} |"
        )
    return ours / formats[2].bytes, ours / formats[4].bytes, ours / formats[5].bytes


def print_tokens(run: Path) -> tuple[float, float]:
    """The least tokens a second of all strategies, and the least ratio to webdataset's decoding, both on one core."""
    index = read_table(UPath(run / "index.parquet"), INDEX_SCHEMA, ("seconds", "split"))
    seconds = index.filter(pc.field("split") == "train")["seconds"].to_numpy()
    chosen = [n for n, length in enumerate(seconds) if SHORTEST <= length <= LONGEST]
    corpora = [opened(run, strategy) for strategy in STRATEGIES]

    def delivered(corpus: SplitCorpus) -> int:
        return sum(len(corpus.document(number, epoch, 0.5).tokens) for epoch in range(4) for number in chosen)

    bare, *ours = quickest(
        [
            lambda: sum(1 for _ in peers.read_webdataset(run / "shards")),
            *(lambda corpus=corpus: delivered(corpus) for corpus in corpora),
        ]
    )
    decoded = bare[0] / bare[1]
    print(f"\n{len(chosen)} utterances of {SHORTEST:g}–{LONGEST:g} s, interleaved by `lst`; webdataset decodes one of ")
    print(f"all in {1e6 * decoded:.0f} µs\n\n| patching | tokens a second | µs a document | × webdataset |")
    print("| --- | --: | --: | --: |")
    figures = []
    for strategy, (spent, tokens) in zip(STRATEGIES, ours, strict=True):
        each = spent / (4 * len(chosen))
        figures.append((tokens / spent, decoded / each))
        print(f"| {strategy} | {figures[-1][0]:,.0f} | {1e6 * each:.0f} | {figures[-1][1]:.2f} |")
    print()
    rates, ratios = zip(*figures, strict=True)
    return min(rates), min(ratios)


if __name__ == "__main__":
    raise SystemExit(main())
