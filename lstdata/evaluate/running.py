"""`lstdata evaluate`: a trained model, evaluation sets, tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from upath import UPath

from lstdata.errors import ConfigError
from lstdata.evaluate.endings import Coding
from lstdata.evaluate.judging import Judged, judge
from lstdata.evaluate.results import CONVENTIONS, write_scores
from lstdata.evaluate.sets import EvaluationSet
from lstdata.patching import BY_WORDS
from lstdata.progress import CountProgress
from lstdata.storage import commit_json, place
from lstdata.train.trained import open_trained

_UNDIVIDED: Final = "`by` is for sets whose items are of several kinds, but these are not."


def evaluate(
    run: Path,
    sets: Sequence[UPath],
    modes: Sequence[str],
    out: Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    by: str | None = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Every set in every mode that it can be scored in; `out` gets NAME.json and NAME.parquet of each set.

    ConfigError before anything is scored where a set is none, is coded otherwise than the model's data, or shares its
    name with another, or where none has the division `by`.
    """
    trained = open_trained(run)
    opened = [EvaluationSet(root) for root in sets]
    names = [one.name for one in opened]
    if len(set(names)) < len(names):
        raise ConfigError(f"`sets` must have names of their own, but two are called {max(names, key=names.count)!r}.")
    divisions = sorted({division for one in opened for item in one.items for division, _ in item.by})
    if by is not None and by not in divisions:
        raise ConfigError(f"`by` must be of {', '.join(divisions)}, but is {by!r}." if divisions else _UNDIVIDED)
    for one in opened:
        if one.recordings is not None:
            trained.check_data(one.recordings.run)
    patching = trained.patching
    coding = Coding(trained.vocab, trained.tokenizer, patching, trained.pieces)
    results = []
    for one in opened:
        with CountProgress(f"{one.name}: endings scored", quiet=quiet) as progress:
            judged = judge(trained.model, coding, one, modes, limit=limit, progress=progress.update)
        given = patching.strategy in BY_WORDS
        head = {"run": str(run), "step": trained.step, "patching": patching.strategy, "given_boundaries": given}
        result = [_result(head, mode, seed) for mode in judged]
        write_scores(place(out / f"{one.name}.parquet"), [m.answered for m in judged], given_boundaries=given)
        commit_json(out / f"{one.name}.json", {**head, "seed": seed, "results": result})
        results += result
    return results


def table(results: Sequence[dict[str, Any]], by: str | None = None) -> str:
    """A line per set and mode and convention and, of a division, per kind."""
    lines = [f"{'':<44}{'items':>7}{'chance':>8}{'right':>8}  {'95 % interval':<16}{'no prompt':>10}"]
    for row in results:
        for convention in CONVENTIONS:
            found = row[convention]
            alone = f"{found['no_prompt']['mean']:>10.1%}" if "no_prompt" in found else ""
            name = f"{row['task']} {row['mode']} {convention.replace('_', ' ')}"
            chance = f"{row['chance']:.1%}"
            lines.append(f"{name:<44}{row['items']:>7}{chance:>8}{_right(found['accuracy']):<26}{alone}".rstrip())
            for kind, of_kind in row.get("by", {}).get(by, {}).items():
                lines.append(
                    f"{f'  {by} {kind}':<44}{of_kind['items']:>7}{'':>8}{_right(of_kind[convention])}".rstrip()
                )
    if any(row["given_boundaries"] for row in results):
        lines.append("Word boundaries were given, also those of endings: not comparable with static patches.")
    for row in results:
        if row["left_out"]:
            lines.append(f"{row['task']} {row['mode']}: {row['left_out']} items lack a part and were left out")
    return "\n".join(lines)


def _right(found: dict[str, float]) -> str:
    mean, low, high = (found[name] for name in ("mean", "low", "high"))
    return f"{mean:>8.1%}  {f'{low:.1%} – {high:.1%}':<16}"


def _result(head: dict[str, Any], judged: Judged, seed: int) -> dict[str, Any]:
    return {**head, **judged.answered.summary(seed), "left_out": judged.left_out}
