"""The tables of a reproduction, in the shapes of the paper's: accuracies by budget, by patch size and by strategy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lstdata.reproduce import paper
from lstdata.reproduce.measured import STATIC, Measured
from lstdata.reproduce.results import BASE, Budget
from lstdata.reproduce.scores import MODES, Accuracy, Difference
from lstdata.reproduce.table import EMPTY, Cell, Table
from lstdata.reproduce.written import points, signed, span, verdict

MAIN: Final = ("s-s", "t-t")
ACROSS: Final = ("s-t", "t-s")
SIZES: Final = (STATIC, "static-6", "static-9")
STRATEGIES: Final = (STATIC, "aligned", "aligned-merged", "mixed", "curriculum", "unit-bpe")

BUDGETS: Final[dict[Budget, str]] = {"compute": "Compute-controlled", "data": "Data-controlled"}
_EQUAL: Final = {
    "compute": "Equal steps, and the same room for positions; how many each arm filled is under the cost of training.",
    "data": (
        f"Equal raw tokens: {BASE} has read as many as {{like}} with the same seed. All other rows are the runs of the "
        "compute-controlled table; how many tokens each has read is under the cost of training."
    ),
}

GIVEN: Final = (
    "† was told the word boundaries of what it was asked, also of the endings: nobody has them while an ending is "
    "being spoken, so it is not comparable with the others and no difference is given. Items without word times "
    "were not put to it."
)
PAPER: Final = (
    f"Paper: {paper.PAPER}, {paper.TASK}, its 1B model and its data. Another model, size, corpus and task than ours: "
    "the order of the rows compares, the values do not."
)


def main_tables(measured: Measured, set_name: str, *, convention: str = "per_token") -> list[Table]:
    """S→S and T→T of every arm, one table per budget that has more than one arm."""
    tables = []
    for budget, title in BUDGETS.items():
        of_budget = _by_arm(measured, set_name, budget, convention)
        if len(of_budget) > 1 or (of_budget and budget == "compute"):
            tables.append(_main_table(measured, set_name, budget, title, of_budget, convention))
    return tables


def across_table(measured: Measured, set_name: str) -> Table | None:
    """S→T and T→S, compute-controlled; None where nobody was asked."""
    of_budget = _by_arm(measured, set_name, "compute", "per_token")
    found = {arm: modes for arm, modes in of_budget.items() if any(mode in modes for mode in ACROSS)}
    if not found:
        return None
    rows = [
        (_name(arm, modes), *(_accuracy(modes.get(mode)) for mode in ACROSS), _no_prompt(modes, ACROSS))
        for arm, modes in found.items()
    ]
    return Table(
        name=f"{set_name}-across",
        title=f"{set_name}: from one modality to the other, compute-controlled",
        head=("", *(MODES[mode] for mode in ACROSS), "no prompt"),
        rows=(_chance_row(found, 4), *rows),
    )


def size_table(measured: Measured, set_name: str) -> Table | None:
    """Static patches by their size; None with fewer than two sizes."""
    found = _chosen(measured, set_name, SIZES)
    if len(found) < 2:
        return None
    rows = []
    for arm, modes in found.items():
        saved = measured.saved.get(arm)
        theirs = paper.PATCH_SIZES.get(arm)
        rows.append(
            (
                _name(arm, modes),
                EMPTY if saved is None else Cell(points(saved)),
                *_beside(measured, set_name, arm, modes, STATIC),
                *_papers(theirs),
            )
        )
    return Table(
        name=f"{set_name}-sizes",
        title=f"{set_name}: size of static patches, compute-controlled",
        head=("", "positions saved, %", "S→S", f"− {STATIC}", "T→T", f"− {STATIC}", "paper S→S", "paper T→T"),
        rows=tuple(rows),
        notes=(
            "After how many steps the paper's 6 and 9 were measured is not known here, so its 4 is not beside them.",
        ),
    )


def strategy_table(measured: Measured, set_name: str) -> Table | None:
    """How speech is patched; None with fewer than two ways."""
    found = _chosen(measured, set_name, STRATEGIES)
    if len(found) < 2:
        return None
    rows = [
        (
            _name(arm, modes),
            *_beside(measured, set_name, arm, modes, STATIC),
            *_papers(paper.COMPUTE.get(arm)),
        )
        for arm, modes in found.items()
    ]
    return Table(
        name=f"{set_name}-strategies",
        title=f"{set_name}: ways of patching, compute-controlled",
        head=("", "S→S", f"− {STATIC}", "T→T", f"− {STATIC}", "paper S→S", "paper T→T"),
        rows=tuple(rows),
    )


def order_table(measured: Measured, set_name: str) -> Table | None:
    """The orders that the paper reports, and whether they are seen here; None where no two arms can be compared."""
    rows = [
        (
            Cell(f"{by.ours} − {by.theirs}"),
            Cell(by.budget),
            Cell(MODES[by.mode]),
            Cell(signed(by.mean), span(by.low, by.high, signed=True)),
            Cell(verdict(by)),
            _paper_points(paper.expected(by.ours, by.theirs, by.budget, by.mode)),
        )
        for by in measured.differences
        if by.set == set_name and by.mode in MAIN and by.convention == "per_token"
    ]
    if not rows:
        return None
    return Table(
        name=f"{set_name}-orders",
        title=f"{set_name}: which arms differ",
        head=("", "budget", "mode", "points", "", "paper's"),
        rows=tuple(rows),
        notes=(
            "Points with the 95 % interval of a paired hierarchical bootstrap: over training seeds, then over items. "
            "With one seed a side nothing is said of other seeds.",
        ),
    )


def _main_table(
    measured: Measured,
    set_name: str,
    budget: Budget,
    title: str,
    found: Mapping[str, Mapping[str, Accuracy]],
    convention: str,
) -> Table:
    head = ("", "seeds", "S→S", f"− {BASE}", "T→T", f"− {BASE}", "no prompt", "paper S→S", "paper T→T")
    rows = [
        (
            _name(arm, modes),
            Cell(str(len(next(iter(modes.values())).seeds))),
            *_beside(measured, set_name, arm, modes, BASE, budget, convention),
            _no_prompt(modes, MAIN),
            *_papers(paper.published(budget, arm)),
        )
        for arm, modes in found.items()
    ]
    by_sum = "" if convention == "per_token" else ", by the sum of log-probabilities"
    return Table(
        name=f"{set_name}-{budget}" + ("" if convention == "per_token" else f"-{convention}"),
        title=f"{set_name}: {title.lower()}{by_sum}",
        head=head,
        rows=(_chance_row(found, len(head), at=(2, 4), papers=len(MAIN)), *rows),
        notes=(_EQUAL[budget].format(like=measured.like), _what(found)),
    )


def _by_arm(measured: Measured, set_name: str, budget: Budget, convention: str) -> dict[str, dict[str, Accuracy]]:
    found: dict[str, dict[str, Accuracy]] = {}
    for one in measured.accuracies:
        if (one.set, one.budget, one.convention) == (set_name, budget, convention):
            found.setdefault(one.arm, {})[one.mode] = one
    return found


def _chosen(measured: Measured, set_name: str, arms: Sequence[str]) -> dict[str, dict[str, Accuracy]]:
    found = _by_arm(measured, set_name, "compute", "per_token")
    return {arm: found[arm] for arm in arms if arm in found}


def _beside(
    measured: Measured,
    set_name: str,
    arm: str,
    modes: Mapping[str, Accuracy],
    other: str,
    budget: Budget = "compute",
    convention: str = "per_token",
) -> Iterator[Cell]:
    """Of each main mode the accuracy, and the difference to another arm."""
    for mode in MAIN:
        yield _accuracy(modes.get(mode))
        yield _difference(measured.difference(set_name, budget, arm, other, mode, convention))


def _accuracy(one: Accuracy | None) -> Cell:
    return EMPTY if one is None else Cell(points(one.mean, one.std), span(one.low, one.high))


def _difference(by: Difference | None) -> Cell:
    return EMPTY if by is None else Cell(signed(by.mean), span(by.low, by.high, signed=True))


def _no_prompt(modes: Mapping[str, Accuracy], asked: Sequence[str]) -> Cell:
    controls = [modes[mode].no_prompt if mode in modes else None for mode in asked]
    texts = ["–" if control is None else points(control) for control in controls]
    return EMPTY if all(control is None for control in controls) else Cell(" / ".join(texts))


def _papers(theirs: paper.Published | None) -> Iterator[Cell]:
    for mode in MAIN:
        values = None if theirs is None else theirs.of(mode)
        yield Cell("–", mark="paper") if values is None else Cell(f"{values[0]:.1f}", mark="paper")


def _paper_points(difference: float | None) -> Cell:
    return Cell("–", mark="paper") if difference is None else Cell(signed(difference / 100), mark="paper")


def _name(arm: str, modes: Mapping[str, Accuracy]) -> Cell:
    return Cell(f"{arm} †" if any(one.given_boundaries for one in modes.values()) else arm)


def _chance_row(
    found: Mapping[str, Mapping[str, Accuracy]], width: int, at: Sequence[int] = (1, 2), papers: int = 0
) -> tuple[Cell, ...]:
    """`papers`: the last so many columns are the paper's."""
    chance = next(one.chance for modes in found.values() for one in modes.values())
    return (
        Cell("chance", mark="plain"),
        *(Cell(points(chance) if place in at else "", mark="plain") for place in range(1, width - papers)),
        *(Cell(f"{paper.CHANCE:.1f}", mark="paper") for _ in range(papers)),
    )


def _what(found: Mapping[str, Mapping[str, Accuracy]]) -> str:
    ones = [one for modes in found.values() for mode, one in modes.items() if mode in MAIN]
    items = sorted({one.items for one in ones})
    seeds = max(len(one.seeds) for one in ones)
    said = f"Per cent of {' or '.join(f'{number:,}' for number in items)} items, "
    said += "mean ± standard deviation over seeds, " if seeds > 1 else "of one seed, "
    return said + (
        "[95 % interval of a bootstrap over "
        + ("seeds and " if seeds > 1 else "")
        + "items]; “no prompt” is the same endings without their prompts, S→S / T→T."
    )
