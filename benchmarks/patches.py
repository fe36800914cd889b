"""Patches of real and of synthesised speech beside those of the LST authors' sample, and the positions that they save.

Run from the project's root: `.venv/bin/python benchmarks/patches.py`. The real recordings are those of
`../shared/speech`, where they are. The words of the synthesised stories have the synthesizer's own times, or those that
a small CTC model finds, which was trained on such stories (a quarter of an hour on two cores, once): it alone knows
the times of characters.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.small_ctc import trained
from upath import UPath

from lstdata.build import Asked, build_shards
from lstdata.config import BuildConfig, load
from lstdata.demo.corpus import write_corpus
from lstdata.progress import BuildProgress
from lstdata.report.figures import exact, share
from lstdata.report.numbers import Numbers, compute_numbers
from lstdata.report.reference import SAVED, comparison

REAL = Path(__file__).resolve().parents[2] / "shared" / "speech" / "english"
STORIES, SEED = 100, 1
"""Not those that the model was trained on."""
STRATEGIES = ("static", "silence", "aligned", "aligned-merged", "aligned-bpe", "mixed")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = dict(runs(Path(folder)))
    print(patches_table(found))
    print()
    print(savings_table(found))
    return 0


def runs(folder: Path) -> Iterator[tuple[str, Numbers]]:
    """(whose words by which aligner, figures)."""
    if REAL.is_dir():
        yield "real, `sphinx`", figures(REAL, folder / "real")
    else:
        print(f"skipped: no recordings at {REAL}", file=sys.stderr)
    model, _ = trained()
    write_corpus(folder / "corpus", utterances=STORIES, seed=SEED, items=0, stories=0)
    yield "stories, the synthesizer's times", figures(folder / "corpus", folder / "stories")
    by_ctc = ("words.aligner=ctc", f"words.model={model}")
    yield "stories, `ctc`", figures(folder / "corpus", folder / "heard", *by_ctc)


def figures(source: Path, out: Path, *sets: str) -> Numbers:
    """Of a run that is built from `source` with the default options but those of `sets`."""
    config = load(BuildConfig, None, list(sets))
    build_shards(Asked(str(source), UPath(out), config), BuildProgress(quiet=True, workers=1))
    return compute_numbers(UPath(out))


def patches_table(found: dict[str, Numbers]) -> str:
    """A row for each figure that the sample has, a column for each run."""
    columns = {name: comparison(numbers) for name, numbers in found.items()}
    reference = [(figure, there) for figure, _, there in next(iter(columns.values()))]
    rows: list[Sequence[Any]] = [("samples", *(numbers.total.samples for numbers in found.values()), 10)]
    rows += [("words", *(f"{numbers.total.words:,}" for numbers in found.values()), "")]
    for number, (figure, there) in enumerate(reference):
        if all(column[number][1] == "–" for column in columns.values()):
            continue
        rows.append((figure, *(column[number][1] for column in columns.values()), there))
    return table(["patches in frames", *found, "the authors' sample"], rows)


def savings_table(found: dict[str, Numbers]) -> str:
    """For each strategy what it saves of interleaved documents, and of a mix of one third of them."""
    rows: list[Sequence[Any]] = []
    for strategy in STRATEGIES:
        cells = []
        for numbers in found.values():
            saved = numbers.savings.interleaved.get(strategy)
            mean = numbers.speech.patches.get(strategy)
            length = exact(mean.mean) if mean and mean.count else "–"
            cells.append(f"{length} · {share(saved.saved)} · {share(saved.saved_in_mix)}" if saved else "–")
        rows.append((f"`{strategy}`", *cells))
    low, high = (f"{100 * part:.0f}" for part in SAVED)
    return table([f"mean patch · saved · saved in the mix (paper: {low}–{high} %)", *found], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


if __name__ == "__main__":
    sys.exit(main())
