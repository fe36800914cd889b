"""What a reproduction is told in, for the page and for Markdown alike: chapters of sentences, tables and drawings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from lstdata.reproduce.cost_tables import held_out_table, paper_table, training_table
from lstdata.reproduce.measured import Measured
from lstdata.reproduce.results import BASE, Reproduction
from lstdata.reproduce.scores import MODES
from lstdata.reproduce.sounds import LONGEST
from lstdata.reproduce.speech_tables import inference_table, recognition_tables
from lstdata.reproduce.spoken import SYNTHESIS
from lstdata.reproduce.table import Table
from lstdata.reproduce.tables import (
    BUDGETS,
    GIVEN,
    MAIN,
    PAPER,
    across_table,
    main_tables,
    order_table,
    size_table,
    strategy_table,
)
from lstdata.reproduce.written import difference, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A heading and what is under it; `more` is for those who ask."""

    name: str
    title: str
    lead: str = ""
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    more: tuple[Table, ...] = ()


def chapters(found: Reproduction, measured: Measured) -> list[Chapter]:
    """All that there is something in."""
    held_out, training = held_out_table(found), training_table(found)
    told = [
        *(_completion(measured, name) for name in found.sets),
        Chapter(
            name="curves",
            title="Learning curves",
            lead=(
                "Losses against positions, raw tokens, FLOPs and time: which arm is ahead depends on what is paid. "
                "Lines are means over seeds, bands reach from the least to the most. Before the end of a training its "
                "learning rate has not fallen yet: there a loss is higher than in a shorter training at its end."
            ),
            tables=_there(held_out),
        ),
        Chapter(name="cost", title="Cost of training", tables=_there(training)),
        Chapter(
            name="recognition",
            title="Recognition",
            lead="Fine-tuned on speech followed by its text, and asked for the text of held-out speech.",
            tables=tuple(recognition_tables(found)),
        ),
        Chapter(
            name=SYNTHESIS,
            title="Synthesis",
            lead="Fine-tuned on text followed by its speech, and asked to speak held-out texts.",
            notes=tuple(_voices(found)),
        ),
        Chapter(name="inference", title="Cost of inference", tables=_there(inference_table(found))),
        Chapter(name="paper", title="The paper’s other figures", tables=(paper_table(),)),
    ]
    empty = {"recognition": not found.asr, SYNTHESIS: not found.tts, "curves": training is None}
    return [one for one in told if not empty.get(one.name, not one.tables)]


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference in words; `apart`: the two are told apart."""

    what: str
    verdict: str
    apart: bool

    def __str__(self) -> str:
        return f"{self.what}: {self.verdict}."


@dataclass(frozen=True, slots=True)
class Findings:
    """What can be said of each arm beside the baseline, in one mode under one budget."""

    title: str
    sentences: tuple[Finding, ...]


def findings(found: Reproduction, measured: Measured) -> Iterator[Findings]:
    """Of every set, by budget and by modality."""
    for name, (budget, title), mode in product(found.sets, BUDGETS.items(), MAIN):
        sentences = [
            Finding(difference(by), verdict(by), by.told_apart)
            for by in measured.differences
            if (by.set, by.budget, by.mode, by.convention) == (name, budget, mode, "per_token") and by.theirs == BASE
        ]
        if sentences:
            yield Findings(f"{name}, {MODES[mode]}, {title.lower()}", tuple(sentences))


def limits(found: Reproduction, measured: Measured) -> Iterator[str]:
    """What all that is said must be read with, in sentences."""
    if len(found.seeds) == 1:
        yield "There is one training seed: other seeds may order the arms otherwise, and no interval knows of that."
    number = len([by for by in measured.differences if by.mode in MAIN and by.convention == "per_token"])
    if number > 1:
        yield (
            f"{number} differences are given, each with an interval of its own: where there is no difference, one "
            "interval in twenty excludes 0 by chance."
        )
    if found.missing:
        yield f"Of what the recipe asks for, {len(found.missing)} are not there: {'; '.join(found.missing)}."


def _completion(measured: Measured, name: str) -> Chapter:
    asked = [one for one in measured.accuracies if one.set == name]
    return Chapter(
        name=f"set-{name}",
        title=f"Which ending: {name}",
        lead="An item is answered by its most likely ending, per token; S is speech, T text, prompt → ending.",
        tables=(
            *main_tables(measured, name),
            *_there(size_table(measured, name), strategy_table(measured, name)),
        ),
        notes=(*([GIVEN] if any(one.given_boundaries for one in asked) else []), PAPER),
        more=(
            *_there(order_table(measured, name), across_table(measured, name)),
            *main_tables(measured, name, convention="raw"),
        ),
    )


def _voices(found: Reproduction) -> Iterator[str]:
    """What gave the units a sound: a vocoder's quality is not the model's."""
    spoken = [one for one in found.tts if one.sentences]
    names = sorted({f"the {one.vocoder}" if one.vocoder else "a vocoder that is not named" for one in spoken})
    if names:
        yield f"The models generate units; their sound is that of {' and '.join(names)}."
    if any((sentence.seconds or 0.0) > LONGEST for one in spoken for sentence in one.sentences):
        yield f"Sounds are cut after {LONGEST:g} s."


def _there(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)
