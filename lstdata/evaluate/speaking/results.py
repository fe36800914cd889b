"""What became of each utterance, and the figures of all: error rates with intervals, lengths, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from upath import UPath

from lstdata.errors import ConfigError
from lstdata.evaluate.results import read_rows
from lstdata.evaluate.speaking.utterances import Utterance
from lstdata.evaluate.speaking.wording import Errors, count_errors, normalised
from lstdata.evaluate.statistics import Interval, interval
from lstdata.index import write_table
from lstdata.model.generation import Generated

COLUMNS: Final = {
    "id": "string",
    "task": "string",
    "reference": "string",
    "hypothesis": "string",
    "reference_words": "string",
    "hypothesis_words": "string",
    "words": "int32",
    "substitutions": "int32",
    "insertions": "int32",
    "deletions": "int32",
    "characters": "int32",
    "character_errors": "int32",
    "recorded_hypothesis": "string",
    "recorded_word_errors": "int32",
    "recorded_character_errors": "int32",
    "ended": "string",
    "seconds_of_speech": "float64",
    "prompt_tokens": "int32",
    "prompt_positions": "int32",
    "tokens": "int32",
    "global_steps": "int32",
    "local_steps": "int32",
}
"""Of the table of a task; what nobody listened to has no hypothesis and no errors."""

COSTS: Final = ("prompt_tokens", "prompt_positions", "tokens", "global_steps", "local_steps")


@dataclass(frozen=True, eq=False)
class Heard:
    """What was understood of an utterance."""

    text: str
    words: str
    errors: Errors


@dataclass(frozen=True, eq=False)
class Attempt:
    """What a model made of one utterance, and what was understood of that."""

    utterance: Utterance
    made: Generated
    heard: Heard | None
    """None: it was spoken, and nobody listened."""
    recorded: Heard | None = None
    """Of speech: what the same listener understood of the recording."""

    def row(self, task: str) -> dict[str, Any]:
        """Of the table; its columns are COLUMNS."""
        found: dict[str, Any] = {
            "id": self.utterance.id,
            "task": task,
            "reference": self.utterance.text,
            "reference_words": self.utterance.words,
            "ended": self.made.ended,
            "seconds_of_speech": self.utterance.seconds if task == "asr" else self.made.seconds,
            **self.costs(),
        }
        if self.heard is not None:
            found |= {"hypothesis": self.heard.text, "hypothesis_words": self.heard.words, **asdict(self.heard.errors)}
        if self.recorded is not None:
            errors = self.recorded.errors
            found |= {"recorded_hypothesis": self.recorded.text, "recorded_word_errors": errors.word_errors}
            found |= {"recorded_character_errors": errors.character_errors}
        return found

    def costs(self) -> dict[str, int]:
        made = self.made
        return {
            "prompt_tokens": made.prompt_tokens,
            "prompt_positions": made.prompt_positions,
            "tokens": len(made.tokens),
            "global_steps": made.global_steps,
            "local_steps": made.local_steps,
        }


def hear(utterance: Utterance, text: str) -> Heard:
    """A transcript beside what was said."""
    words = normalised(text)
    return Heard(text, words, count_errors(utterance.words, words))


def error_rates(heard: Sequence[Heard], seed: int) -> dict[str, dict[str, float]]:
    """`wer` and `cer` of all utterances together: errors by words or characters of the references, with intervals."""
    all_ = [one.errors for one in heard]
    numbers = range(len(all_))
    words, characters = (np.array([getattr(e, name) for e in all_], dtype=float) for name in ("words", "characters"))
    wrong = np.array([e.word_errors for e in all_], dtype=float)
    wrong_characters = np.array([e.character_errors for e in all_], dtype=float)
    return {
        "wer": rounded(interval(wrong, numbers, weights=words, seed=seed)),
        "cer": rounded(interval(wrong_characters, numbers, weights=characters, seed=seed)),
    }


def summary(attempts: Sequence[Attempt], seed: int) -> dict[str, Any]:
    """The figures of a task; rates are there where somebody listened."""
    heard = [one.heard for one in attempts if one.heard is not None]
    figures: dict[str, Any] = {"utterances": len(attempts)}
    if heard:
        figures |= {"words": sum(one.errors.words for one in heard), **error_rates(heard, seed)}
        for name in ("substitutions", "insertions", "deletions"):
            figures[name] = sum(getattr(one.errors, name) for one in heard)
    figures["cut_off"] = sum(one.made.ended != "eos" for one in attempts)
    costs = [one.costs() for one in attempts]
    return figures | {name: sum(cost[name] for cost in costs) for name in COSTS}


def write_attempts(path: UPath, task: str, attempts: Sequence[Attempt]) -> None:
    """A Parquet table with one row per utterance."""
    import pyarrow as pa

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
    write_table(path, [one.row(task) for one in attempts], schema)


def read_attempts(path: UPath) -> list[dict[str, Any]]:
    """The rows again; ConfigError where the file is no such table, or is empty."""
    rows = read_rows(path, COLUMNS)
    if not rows:
        raise ConfigError(f"`{path}` must hold utterances, but is empty.")
    return rows


def rounded(value: Interval) -> dict[str, float]:
    return {"mean": round(value.mean, 6), "low": round(value.low, 6), "high": round(value.high, 6)}
