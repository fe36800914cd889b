"""What a build leaves out on purpose: one rule for each option of `filter`, each with a reason code of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lstdata.config import BuildConfig, FilterConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.languages import language_tag
from lstdata.quality import Measures
from lstdata.records import UnitInventory
from lstdata.source_row import SourceRow

STAGE = "filter"
"""Of the dead letters that the rules make: they are wanted, and no failures."""

Limit = float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One option of `FilterConfig`: `min_X` and `max_X` are bounds, themselves allowed, of the measure `X`."""

    option: str
    unit: str
    needs: Literal["row", "text", "length", "audio", "words"]
    """What there must be to judge a record by: its source's row; its text, where it is a document; its decoded length;
    its audio; its word times."""

    @property
    def reason(self) -> str:
        return f"filtered_{self.option}"

    @property
    def measure(self) -> str:
        """A field of `Measures`."""
        return self.option.partition("_")[2] or "language"

    def limit(self, config: FilterConfig) -> Limit | None:
        """None where the rule is off."""
        limit: Limit | None = getattr(config, self.option)
        return limit

    def breach(self, measures: Measures, config: FilterConfig) -> str | None:
        """How a record breaks the rule; None where it does not, or where what the rule asks for is not known."""
        limit, value = self.limit(config), getattr(measures, self.measure)
        if limit is None or value is None:
            return None
        if isinstance(limit, tuple):
            kept = any(has_tag(value, tag) for tag in limit)
            shown, has = ", ".join(limit), value
        else:
            kept = value >= limit if self.option.startswith("min_") else value <= limit
            shown, has = f"{limit:.6g}{self.unit}", f"{value:.6g}{self.unit}"
        return None if kept else f"`filter.{self.option}` is {shown}, but the record has {has}."


RULES: tuple[Rule, ...] = (
    Rule("languages", "", "row"),
    Rule("min_characters", " characters", "text"),
    Rule("max_characters", " characters", "text"),
    Rule("min_seconds", " s", "length"),
    Rule("max_seconds", " s", "length"),
    Rule("min_words_per_second", " words/s", "length"),
    Rule("max_words_per_second", " words/s", "length"),
    Rule("min_characters_per_second", " characters/s", "length"),
    Rule("max_characters_per_second", " characters/s", "length"),
    Rule("max_header_mismatch", " s", "length"),
    Rule("max_clipping", "", "audio"),
    Rule("min_snr_db", " dB", "audio"),
    Rule("min_score", "", "words"),
)
"""In the order in which a build asks them: the first that a record breaks is its reason."""


REASONS = frozenset(rule.reason for rule in RULES)


def active_rules(config: FilterConfig) -> tuple[Rule, ...]:
    """Those with a limit, in order."""
    return tuple(rule for rule in RULES if rule.limit(config) is not None)


def check_record(measures: Measures, rules: Iterable[Rule], config: FilterConfig) -> None:
    """Raises Rejected with the reason of the first rule that is broken."""
    for rule in rules:
        breach = rule.breach(measures, config)
        if breach is not None:
            raise Rejected(rule.reason, breach)


def keeps_row(row: SourceRow, config: FilterConfig) -> bool:
    """Whether no rule leaves a record out for what its source says of it."""
    measures = Measures(language=row.language)
    return all(rule.breach(measures, config) is None for rule in RULES)


def check_applicable(config: BuildConfig, inventory: UnitInventory | None) -> None:
    """ConfigError for every rule that could not judge one record of a source that says this of its units."""
    mistakes: list[str] = []
    brings_units, is_text = inventory is not None, inventory is not None and inventory.is_text
    for rule in active_rules(config.filter):
        if (rule.needs == "text") != is_text and rule.needs != "row":
            judges, brings = ("documents of text", "speech") if rule.needs == "text" else ("speech", "text")
            mistakes.append(f"`filter.{rule.option}` is for {judges}, but the source brings {brings}.")
            continue
        if rule.needs == "audio" and brings_units:
            mistakes.append(f"`filter.{rule.option}` needs audio, but the source brings units.")
        if rule.needs == "words" and config.words.aligner == "none":
            mistakes.append(f"`filter.{rule.option}` needs word times, but `words.aligner` is none.")
    if mistakes:
        raise ConfigError(*mistakes)


def has_tag(language: str, tag: str) -> bool:
    """Whether a language is what the tag names or a kind of it: `en` names `en-US`, `eng` and `English`."""
    parts, wanted = (language_tag(text).split("-") for text in (language, tag))
    return parts[: len(wanted)] == wanted
