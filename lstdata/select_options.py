"""Which samples of finished run folders are a source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lstdata.options import seed_mistakes

_PART = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)=(?P<amount>.+)")
_AMOUNT = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<unit>%|h|speakers|recordings)?")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts of a run: so much of its audio, or so many of its groups."""

    name: str
    amount: float
    of: Literal["share", "hours", "speakers", "recordings", "rest"]


@dataclass(frozen=True, kw_only=True)
class SelectConfig:
    """A choice of the samples of runs: those that all rules allow; None: the rule is off, as all are by default.

    A sample of which it is not known what a rule asks for is not chosen. Of what the rules allow, one part may be taken
    (`into`, `by` and `part`), and of that a random `share`.
    """

    runs: tuple[str, ...] = ()
    """Run folders whose samples follow those of the source; their vocab cards must be the same."""
    prefixes: tuple[str, ...] = ()
    """What stands before the ids of each run, the source's own first; empty: nothing."""
    min_seconds: float | None = None
    max_seconds: float | None = None
    min_score: float | None = None
    """Of the word times, on the scale of whoever found them."""
    max_score: float | None = None
    splits: tuple[str, ...] | None = None
    speakers: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    """Tags, in any case; `en` chooses `en-US` too."""
    ids: str | None = None
    """A file with one id per line."""
    by: Literal["share", "split", "speaker", "language"] = "share"
    """What parts are made by."""
    into: tuple[str, ...] = ()
    """By `share`: all parts, as `NAME=SHARE`."""
    part: str | None = None
    """The name of the one that is taken."""
    share: float | None = None
    """Of the seconds of each split, by the hash of the ids: a smaller share is within a larger one of the same seed."""
    hours: float | None = None
    """The same as hours of all."""
    seed: int = 0
    """Of `share`, `hours` and `into`."""

    @property
    def leaves_out(self) -> bool:
        """Whether any rule is on."""
        return any(getattr(self, name) is not None for name in _RULES)

    def mistakes(self) -> Iterator[str]:
        for name in ("seconds", "score"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least is not None and most is not None and least > most:
                yield f"`min_{name}` must be ≤ `max_{name}` ({most:g}), but is {least:g}."
        for name in ("splits", "speakers", "languages"):
            if getattr(self, name) == ():
                yield f"`{name}` must name at least one, but is empty."
        if self.prefixes and len(self.prefixes) != len(self.runs) + 1:
            yield f"`prefixes` must be one for each of the {len(self.runs) + 1} runs, but are {len(self.prefixes)}."
        if self.share is not None and not 0 < self.share <= 1:
            yield f"`share` must be in (0, 1], but is {self.share:g}."
        if self.hours is not None and self.hours <= 0:
            yield f"`hours` must be > 0, but is {self.hours:g}."
        if self.share is not None and self.hours is not None:
            yield "`share` must not be given where `hours` is."
        yield from self._part_mistakes()
        yield from seed_mistakes(self.seed)

    def _part_mistakes(self) -> Iterator[str]:
        if self.by != "share":
            if self.into:
                yield f"`into` must not be given where `by` is {self.by}."
            return
        if not self.into:
            if self.part is not None:
                yield f"`part` is {self.part}, but `into` names no parts."
            return
        mistakes = [*parts_mistakes(self.into)]
        yield from mistakes
        if not mistakes and self.part not in (names := [part.name for part in parts_of(self.into)]):
            yield f"`part` must be one of {', '.join(names)}, but is {self.part}."


_RULES: tuple[str, ...] = (
    "min_seconds",
    "max_seconds",
    "min_score",
    "max_score",
    "splits",
    "speakers",
    "languages",
    "ids",
)
_RULES += ("part", "share", "hours")


def parts_of(into: tuple[str, ...]) -> list[Part]:
    """`NAME=SHARE` as parts; a share is 0.9, 90%, 100h, 50speakers, 50recordings or `rest`. There are no mistakes."""
    return [part for text in into if isinstance(part := _part(text), Part)]


def parts_mistakes(into: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with them, one sentence each that begins with the option's name."""
    found = [_part(text) for text in into]
    wrong = [part for part in found if isinstance(part, str)]
    parts = [part for part in found if isinstance(part, Part)]
    yield from wrong
    names = [part.name.lower() for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        yield f"`into` names the part {twice[0]} more than once."
    if wrong:
        return
    if len(parts) < 2:
        yield f"`into` must name at least two parts, but names {len(parts)}: for one alone there is `subset`."
        return
    rest = sum(part.of == "rest" for part in parts)
    shares = sum(part.amount for part in parts if part.of == "share")
    if rest > 1:
        yield "`into` can give the rest to one part only."
    elif rest and shares >= 1:
        yield f"`into` must leave something for the rest, but its shares sum to {shares:g}."
    elif not rest and any(part.of != "share" for part in parts):
        yield "`into` must give the rest to one part, as `NAME=rest`, where another has hours, speakers or recordings."
    elif not rest and abs(shares - 1) > 1e-6:
        yield f"`into` must have shares that sum to 1, or give the rest to a part (`NAME=rest`), but has {shares:g}."
    if len({part.of for part in parts} & {"speakers", "recordings"}) > 1:
        yield "`into` can count speakers or recordings, but not both."


def _part(text: str) -> Part | str:
    """One part, or what is wrong with it."""
    shaped = _PART.fullmatch(text)
    if shaped is None:
        return f"`into` must be NAME=SHARE, with a NAME of letters, digits, `_`, `.` and `-`, but is {text!r}."
    name, amount = shaped["name"], shaped["amount"]
    if amount == "rest":
        return Part(name, 0.0, "rest")
    said = _AMOUNT.fullmatch(amount)
    number = 0.0 if said is None else float(said["number"])
    unit = None if said is None else said["unit"]
    share = number / 100 if unit == "%" else number
    if said is None or share <= 0 or (unit in (None, "%") and share > 1):
        return f"`into` takes shares as 0.9, 90%, 100h, 50speakers, 50recordings or rest, but {name} has {amount!r}."
    if unit in ("speakers", "recordings") and number != int(number):
        return f"`into` counts whole {unit}, but {name} has {amount!r}."
    match unit:
        case "h":
            return Part(name, number, "hours")
        case "speakers":
            return Part(name, number, "speakers")
        case "recordings":
            return Part(name, number, "recordings")
        case _:
            return Part(name, share, "share")
