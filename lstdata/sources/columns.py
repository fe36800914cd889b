"""The column map: what a row says of its record, by the names that the config gives to columns."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.redaction import redacted
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources.rows import MOST_SECONDS, json_values, split_name

Row = Mapping[str, Any]
"""A row's values by column."""

_MOST_CHANNELS = 1024
"""As many as a recording can have that libsndfile decodes."""

_OPTIONS = (
    "id",
    "audio",
    "text",
    "words",
    "start",
    "end",
    "duration",
    "channel",
    "recording",
    "speaker",
    "language",
    "license",
    "split",
)
"""The options of `SourceConfig` that name a column; null or empty, there is no such column."""


def column_mistakes(
    config: SourceConfig, columns: Collection[str], what: str, required: Collection[str] = ()
) -> list[str]:
    """One line for every column that is required, or named by the user, and not among `columns` of `what`.

    Names that were left as they are by default are optional, but for those of the options in `required`.
    """
    mistakes = []
    there = quoted(columns)
    for option in _OPTIONS:
        name = getattr(config, option)
        if not name and option in required and option != "text":
            mistakes.append(f"`source.{option}` must name a column of {what}; it has {there}.")
        elif name and name not in columns and (option in required or name != getattr(SourceConfig, option)):
            mistake = f"{what} has no column `{name}` (`source.{option}`); it has {there}."
            mistakes.append(mistake + (" Without transcripts, give `source.text` null." if option == "text" else ""))
    return mistakes


def quoted(columns: Collection[str]) -> str:
    """The names of columns as messages have them: they may hold spaces and commas."""
    return ", ".join(f"`{name}`" for name in columns)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What part of its recording a record is: seconds, `start` and `end` None where it is all of it."""

    start: float | None
    end: float | None
    duration: float | None
    """None where only the header of the recording can tell."""


def stretch(row: Row, config: SourceConfig) -> Stretch:
    """By the columns `start`, `end` and `duration`; Rejected `bad_row` where they are no times.

    Where there is a start but no end, the duration is that of the record and gives the end, as in NeMo's manifests;
    otherwise start and end rule.
    """
    start, end, length = (_seconds(row, name, config) for name in (config.start, config.end, config.duration))
    if end is None and start is not None and length is not None:
        end = start + length
    if end is None:
        return Stretch(start or None, None, None if start else length)
    if end <= (start or 0):
        named = f"`{config.start}`" if config.start in row else "0"
        raise Rejected("bad_row", f"`{config.end}` must be after {named}: {start or 0} to {end} s is no stretch.")
    return Stretch(start or 0.0, end, end - (start or 0.0))


def channel(row: Row, config: SourceConfig) -> int | None:
    """The channel that a row asks for, from 0; None for all of them, mixed down."""
    value = _value(row, config.channel)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MOST_CHANNELS:
        rule = f"must be a channel's number from 0 to {_MOST_CHANNELS - 1}"
        raise Rejected("bad_row", f"`{config.channel}` {rule}, but is {value!r:.80}.")
    return value


def record(
    row: Row,
    config: SourceConfig,
    *,
    id: str,
    locator: Locator,
    duration: float | None,
    more: Row | None = None,
) -> SourceRow:
    """The record at `locator` as its row describes it; what no option names travels along, and `more` with it.

    A record that names no recording is one of its own, by its path where it has a file for itself, else by its id.
    """
    known = _known(config)
    of_its_own = redacted(locator.path) if locator.row is None else id
    return SourceRow(
        id=id,
        locator=locator,
        recording=text_value(row, config.recording) or of_its_own,
        duration=duration,
        text=(text_value(row, config.text) or "").strip() or None if config.text else None,
        words=_words(row, config.words),
        speaker=text_value(row, config.speaker),
        language=text_value(row, config.language),
        license=text_value(row, config.license),
        split=None if config.splits == "ignore" else split_name(_value(row, config.split)),
        custom=json_values({key: value for key, value in row.items() if key not in known} | dict(more or {})),
    )


@lru_cache(maxsize=8)
def _known(config: SourceConfig) -> frozenset[str]:
    """Columns that options name."""
    return frozenset(name for option in _OPTIONS if (name := getattr(config, option)))


def _value(row: Row, column: str) -> Any:
    return row.get(column) if column else None


def required_text(row: Row, column: str) -> str:
    value = text_value(row, column)
    if value is None or not value.strip():
        raise Rejected("bad_row", f"`{column}` must not be empty.")
    return value


def text_value(row: Row, column: str) -> str | None:
    """A text; whole numbers are taken as the texts that they are written as; None where there is nothing."""
    value = _value(row, column)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise Rejected("bad_row", f"`{column}` must be a text, but is {value!r:.80}.")
    return value or None


def _seconds(row: Row, column: str, config: SourceConfig) -> float | None:
    value = _value(row, column)
    if value is None or value == "":
        return None
    per_second, unit = (1000.0, "milliseconds") if config.time_unit == "ms" else (1.0, "seconds")
    try:
        seconds = math.nan if isinstance(value, bool) else float(value) / per_second
    except (OverflowError, TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds <= MOST_SECONDS:
        most = f"{MOST_SECONDS * per_second:.0f}"
        raise Rejected("bad_row", f"`{column}` must be {unit} from 0 to {most}, but is {value!r:.80}.")
    return seconds


def _words(row: Row, column: str) -> tuple[TimedWord, ...] | None:
    """Word times in seconds from the start of the record; None where there are none."""
    value = _value(row, column)
    if value is None:
        return None
    if not isinstance(value, list):
        raise _bad_words(column, value)
    return tuple(_word(column, word) for word in value) or None


def _word(column: str, word: Any) -> TimedWord:
    if not isinstance(word, Mapping):
        raise _bad_words(column, word)
    text = word.get("text") if word.get("word") is None else word["word"]
    start, end = word.get("start"), word.get("end")
    if not (
        isinstance(text, str)
        and isinstance(start, int | float)
        and isinstance(end, int | float)
        and 0 <= start <= end <= MOST_SECONDS
    ):
        raise _bad_words(column, word)
    return TimedWord(text, float(start), float(end))


def _bad_words(column: str, value: Any) -> Rejected:
    rule = "must be a list of {word, start, end}, in seconds from the start of the record"
    return Rejected("bad_word_times", f"`{column}` {rule}, but has {value!r:.80}.")
