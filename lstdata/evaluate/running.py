"""`lstdata evaluate`: a trained model, evaluation sets, tables of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

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


def evaluate(
    run: Path,
    sets: Sequence[UPath],
    modes: Sequence[str],
    out: Path,
    *,
    limit: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Every set in every mode that it can be scored in; `out` gets NAME.json and NAME.parquet of each set.

    ConfigError before anything is scored where a set is none, is coded otherwise than the model's data, or shares its
    name with another.
    """
    trained = open_trained(run)
    opened = [EvaluationSet(root) for root in sets]
    names = [one.name for one in opened]
    if len(set(names)) < len(names):
        raise ConfigError(f"`sets` must have names of their own, but two are called {max(names, key=names.count)!r}.")
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


def table(results: Sequence[dict[str, Any]]) -> str:
    """A line per set and mode and convention."""
    lines = [f"{'':<44}{'items':>7}{'chance':>8}{'right':>8}  {'95 % interval':<16}{'no prompt':>10}"]
    for row in results:
        for convention in CONVENTIONS:
            found = row[convention]
            mean, low, high = (found["accuracy"][name] for name in ("mean", "low", "high"))
            alone = f"{found['no_prompt']['mean']:>10.1%}" if "no_prompt" in found else ""
            name = f"{row['task']} {row['mode']} {convention.replace('_', ' ')}"
            span = f"{low:.1%} – {high:.1%}"
            lines.append(f"{name:<44}{row['items']:>7}{row['chance']:>8.1%}{mean:>8.1%}  {span:<16}{alone}")
    if any(row["given_boundaries"] for row in results):
        lines.append("Word boundaries were given, also those of endings: not comparable with static patches.")
    for row in results:
        if row["left_out"]:
            lines.append(f"{row['task']} {row['mode']}: {row['left_out']} items lack a part and were left out")
    return "\n".join(lines)


def _result(head: dict[str, Any], judged: Judged, seed: int) -> dict[str, Any]:
    return {**head, **judged.answered.summary(seed), "left_out": judged.left_out}
