"""What a trial found, as JSON values for machines and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lstdata.build.trial import QUANTILES, Tally, Trial
from lstdata.filters import Rule

_LANGUAGES_SHOWN = 12


def trial_json(trial: Trial) -> dict[str, Any]:
    """All of it; `first` counts a record under the first rule that it breaks, `alone` under each."""
    rules = [
        {
            "rule": rule.option,
            "limit": trial.limit(rule),
            "reason": rule.reason,
            "first": tally.first.to_json(),
            "alone": tally.alone.to_json(),
            "unknown": tally.unknown,
        }
        for rule, tally in trial.rules.items()
    ]
    return {
        "measured": trial.all.to_json(),
        "kept": trial.kept.to_json(),
        "rules": rules,
        "failures": {reason: tally.to_json() for reason, tally in _most_first(trial.failures)},
        "languages": [{"language": name, **tally.to_json()} for name, tally in _most_first(trial.languages)],
        "measures": {
            name: {"records": len(values), **dict(zip(_percentiles(), trial.quantiles(name), strict=False))}
            for name, values in trial.values.items()
        },
    }


def trial_text(trial: Trial) -> str:
    """The tables, one after another."""
    tables = [_outcomes(trial), _measures(trial)]
    if set(trial.languages) != {None}:
        tables.append(_languages(trial))
    return "\n\n".join("\n".join(aligned(table)) for table in tables)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of columns: the first flush left, the others flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((row[0].ljust(widths[0]), *cells)).rstrip()


def _outcomes(trial: Trial) -> list[list[str]]:
    rows = [["", "limit", "records", "share", "hours", "alone", "not known"]]
    for rule, judged in trial.rules.items():
        more = [f"{judged.alone.records:,}", f"{judged.unknown:,}" if judged.unknown else ""]
        rows.append([f"filter.{rule.option}", _limit(trial, rule), *_counts(judged.first, trial.all), *more])
    for reason, tally in _most_first(trial.failures):
        rows.append([f"rejected: {reason}", "", *_counts(tally, trial.all), "", ""])
    return [*rows, ["kept", "", *_counts(trial.kept, trial.all), "", ""]]


def _measures(trial: Trial) -> list[list[str]]:
    rows = [["", "records", *_percentiles()]]
    for name, values in trial.values.items():
        if len(values):
            rows.append([name, f"{len(values):,}", *(f"{value:.4g}" for value in trial.quantiles(name))])
    return rows


def _languages(trial: Trial) -> list[list[str]]:
    rows = [["language", "records", "share", "hours"]]
    found = _most_first(trial.languages)
    for name, tally in found[:_LANGUAGES_SHOWN]:
        rows.append([name or "not named", *_counts(tally, trial.all)])
    rest = len(found) - _LANGUAGES_SHOWN
    return [*rows, [f"and {rest} more", "", "", ""]] if rest > 0 else rows


def _most_first(tallies: dict[Any, Tally]) -> list[tuple[Any, Tally]]:
    return sorted(tallies.items(), key=lambda item: (-item[1].records, item[0] or ""))


def _counts(part: Tally, whole: Tally) -> tuple[str, str, str]:
    share = part.records / whole.records if whole.records else 0.0
    return f"{part.records:,}", f"{share:.1%}", f"{part.seconds / 3600:.3f}"


def _limit(trial: Trial, rule: Rule) -> str:
    limit = trial.limit(rule)
    return ", ".join(limit) if isinstance(limit, tuple) else f"{limit:g}{rule.unit}"


def _percentiles() -> list[str]:
    return [f"p{100 * q:g}" for q in QUANTILES]
