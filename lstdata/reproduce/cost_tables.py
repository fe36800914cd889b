"""What training took, by positions, raw tokens, FLOPs and seconds, and how well the models then predict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import mean, stdev
from typing import Final

from lstdata.report.figures import hours
from lstdata.reproduce import paper
from lstdata.reproduce.results import BASE, Budget, Perplexity, Reproduction
from lstdata.reproduce.table import EMPTY, Cell, Table
from lstdata.reproduce.tables import BUDGETS
from lstdata.reproduce.trained import Training
from lstdata.reproduce.written import points
from lstdata.train.outlook import short

_PIECES: Final = (
    "‡ its tokens of speech are pieces of several units: neither they nor what they save are counted as others'."
)


def training_table(found: Reproduction) -> Table | None:
    """Size and cost of each trained arm, means over seeds; None where nothing is trained."""
    rows = []
    for budget, arm, trained in _trained(found):
        base = _mean(_of(found, budget, BASE), lambda one: one.end.flops)
        flops = _mean(trained, lambda one: one.end.flops)
        saved = [one.saved_positions for one in trained if one.saved_positions is not None]
        rows.append(
            (
                Cell(f"{arm} ‡" if trained[0].pieces else arm),
                Cell(budget),
                Cell(str(len(trained))),
                Cell(short(trained[0].parameters)),
                Cell(f"{_mean(trained, lambda one: one.end.step):,.0f}"),
                Cell(short(_mean(trained, lambda one: one.end.positions))),
                Cell(short(_mean(trained, lambda one: one.end.tokens))),
                Cell(points(mean(saved))) if saved else EMPTY,
                Cell(short(flops, "FLOP")),
                Cell(f"{flops / base:.2f}") if base else EMPTY,
                Cell(hours(_mean(trained, lambda one: one.end.seconds))),
            )
        )
    if not rows:
        return None
    head = (
        "",
        "budget",
        "seeds",
        "parameters",
        "steps",
        "positions",
        "raw tokens",
        "saved, %",
        "compute",
        "× base",
        "time",
    )
    notes = [
        "Means over seeds, from the figures of each step. Saved: 1 − positions / raw tokens. Positions leave out the "
        "patch encoder and decoder, compute has them; × base: of the baseline's under the same budget. Time is that of "
        "steps, without validation, on the machine that it ran on, whatever else that did.",
        *_savings(found),
        f"Paper: {paper.SAVED} fewer positions at equal raw tokens of its mix.",
    ]
    return Table(
        name="training",
        title="What training took",
        head=head,
        rows=tuple(rows),
        notes=(*notes, *([_PIECES] if any(one.pieces for _, _, trained in _trained(found) for one in trained) else [])),
    )


def held_out_table(found: Reproduction) -> Table | None:
    """How well held-out samples are predicted; None where that was not asked."""
    rows = []
    for budget, arm, trained in _trained(found):
        runs = [run for run in found.runs if run.budget == budget and run.arm == arm and run.perplexities]
        if not runs:
            continue
        reads = [one for run in runs for one in run.perplexities]
        given = any(run.given_boundaries for run in runs)
        marks = "".join(sign for sign, is_so in ((" †", given), (" ‡", trained[0].pieces)) if is_so)
        rows.append(
            (
                Cell(arm + marks),
                Cell(budget),
                _spread(reads, "speech", lambda one: one.bits_per_second, 1),
                _spread(reads, "lst", lambda one: one.bits_per_second, 1),
                _spread(reads, "text", lambda one: one.text, 2),
                _spread(reads, "lst", lambda one: one.text, 2),
            )
        )
    if not rows:
        return None
    notes = [
        "Bits are those of a second of speech, text by the perplexity of its tokens; “interleaved” is read as in "
        "training; lower is better. Mean ± standard deviation over seeds where there are several.",
    ]
    if any("†" in row[0].text for row in rows):
        notes.append("† was told the word boundaries: its figures are not comparable with the others.")
    if any("‡" in row[0].text for row in rows):
        notes.append("‡ predicts pieces of several units: no bits per second.")
    head = ("", "budget", "bits/s, speech", "bits/s, interleaved", "text perplexity", "text perplexity, interleaved")
    return Table(name="held-out", title="Held-out speech and text", head=head, rows=tuple(rows), notes=tuple(notes))


def paper_table() -> Table:
    """What the paper has on other sizes and over seeds."""
    rows = [
        (Cell("1B, 200,000 steps, 3 seeds: " + arm), *(_with_std(one, mode) for mode in ("s-s", "t-t")))
        for arm, one in paper.SEEDS.items()
    ]
    for size, (theirs, ours) in paper.SIZES.items():
        rows += [
            (Cell(f"{size}: {name}"), *(_with_std(one, mode) for mode in ("s-s", "t-t")))
            for name, one in (("baseline", theirs), ("LST", ours))
        ]
    return Table(
        name="paper",
        title="The paper over seeds and sizes",
        head=("", "S→S", "T→T"),
        rows=tuple(rows),
        notes=(f"{paper.PAPER}, {paper.TASK}; per cent. No figure of this table is ours.",),
    )


def _trained(found: Reproduction) -> Iterator[tuple[Budget, str, list[Training]]]:
    for budget in BUDGETS:
        for arm in found.arms:
            trained = _of(found, budget, arm)
            if trained:
                yield budget, arm, trained


def _of(found: Reproduction, budget: Budget, arm: str) -> list[Training]:
    runs = [run for run in found.runs if run.budget == budget and run.arm == arm]
    return [run.training for run in runs if run.training is not None and run.training.finished]


def _savings(found: Reproduction) -> Iterator[str]:
    """Of the arm whose raw tokens the baseline has read."""
    base, trained = _of(found, "data", BASE), _of(found, "compute", found.like)
    if base and trained:
        tokens, positions, flops = (
            _mean(trained, figure) / _mean(base, figure)
            for figure in (lambda one: one.end.tokens, lambda one: one.end.positions, lambda one: one.end.flops)
        )
        yield (
            f"{found.like} read {tokens:.2f} times the raw tokens of the data-controlled {BASE} in "
            f"{points(1 - positions)} % fewer positions and with {flops:.2f} times its compute."
        )


def _spread(
    reads: Sequence[Perplexity], interleave: str, value: Callable[[Perplexity], float | None], digits: int
) -> Cell:
    values = [v for v in (value(one) for one in reads if one.interleave == interleave) if v is not None]
    if not values:
        return EMPTY
    std = f" ± {stdev(values):,.{digits}f}" if len(values) > 1 else ""
    return Cell(f"{mean(values):,.{digits}f}{std}")


def _with_std(one: paper.Published, mode: str) -> Cell:
    found = one.of(mode)
    assert found is not None
    return Cell(f"{found[0]:.1f}" + ("" if found[1] is None else f" ± {found[1]:.1f}"), mark="paper")


def _mean(trained: Sequence[Training], figure: Callable[[Training], float]) -> float:
    return mean(figure(one) for one in trained) if trained else 0.0
