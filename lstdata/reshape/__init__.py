"""Run folders made from finished run folders: several as one, one as several, a part of one, or other shards.

Each is an ordinary build whose source is a selection of runs (`source.select`), with the options of the parents: so it
resumes, takes any runner, and its samples have the bytes that they have in the parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lstdata.build import Asked, Listener, build_shards
from lstdata.build.finish import Totals
from lstdata.build.folder import read_run
from lstdata.build.inventory import check_source
from lstdata.config import BuildConfig
from lstdata.errors import IncompleteBuild
from lstdata.reshape.carrying import Parent
from lstdata.sources import open_source
from lstdata.sources.choosing import Left, choose, column, values_of
from lstdata.sources.selection import Selection
from lstdata.storage import exists


@dataclass(frozen=True)
class Choice:
    """What a config takes of its parents."""

    config: BuildConfig
    samples: int
    size: float
    """Seconds or, of documents of text, bytes."""
    is_text: bool
    rules: tuple[Left, ...] = ()
    """What each rule leaves, in the order in which they are asked."""

    def describe(self, parents: Sequence[Parent]) -> str:
        """One line for a person."""
        samples, size = sum(p.samples for p in parents), sum(p.size for p in parents)
        unit, per = self.unit
        return f"{self.samples} of {samples} samples, {self.size / per:.2f} of {size / per:.2f} {unit}"

    def describe_rules(self) -> list[str]:
        """A line for what each rule leaves."""
        unit, per = self.unit
        return [f"{left.rule}: {left.samples} samples, {left.size / per:.2f} {unit}" for left in self.rules]

    def describe_missing(self) -> list[str]:
        """A line where a rule lists ids that are in no run."""
        return [
            f"{left.rule}: {left.not_found} of its ids are in no run, e.g. `{left.example}`"
            for left in self.rules
            if left.not_found
        ]

    @property
    def unit(self) -> tuple[str, float]:
        """In which sizes are said, and how much it is."""
        return ("MB", 1e6) if self.is_text else ("h", 3600.0)


def chosen(parents: Sequence[Parent], config: BuildConfig) -> Choice:
    """What the rules of a config leave of the parents; ConfigError where that is nothing."""
    source = _selection(parents, config)
    if source is None or not config.source.select.leaves_out:
        return Choice(config, sum(p.samples for p in parents), sum(p.size for p in parents), parents[0].is_text)
    _, rules = source.choose()
    return Choice(config, rules[-1].samples, rules[-1].size, parents[0].is_text, tuple(rules))


def divided(parents: Sequence[Parent], config: BuildConfig, names: Sequence[str] = ()) -> dict[str, Choice]:
    """What each part takes, by its name: the given ones, or those that the values of `source.select.by` make.

    The parts hold every sample once. ConfigError where there is too little for one of them.
    """
    select = config.source.select
    source = Selection(tuple(parent.source for parent in parents), select)
    candidates, _ = source.candidates()
    choices: dict[str, Choice] = {}
    for name in names or values_of(column(candidates, select.by)):
        of_part = replace(select, part=name)
        _, rules = choose(candidates, of_part)
        whole = replace(config, source=replace(config.source, select=of_part))
        choices[name] = Choice(whole, rules[-1].samples, rules[-1].size, parents[0].is_text, tuple(rules))
    return choices


def reshape(asked: Asked, choice: Choice, listener: Listener) -> Totals:
    """Build what was chosen; IncompleteBuild where the run does not hold all of it."""
    totals = build_shards(asked, listener)
    if totals.written != choice.samples:
        raise IncompleteBuild(
            f"{choice.samples} samples were chosen, but `{asked.out}` holds {totals.written}: see its rejects.parquet."
        )
    return totals


def check_place(asked: Asked) -> None:
    """ConfigError where the run cannot be made there; nothing is written."""
    check_source(open_source(asked.source, asked.config.source), asked.out, asked.config)
    if exists(asked.out):
        read_run(asked.out)


def _selection(parents: Sequence[Parent], config: BuildConfig) -> Selection | None:
    source = open_source(parents[0].root, config.source)
    return source if isinstance(source, Selection) else None
