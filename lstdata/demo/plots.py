"""What the demo stories are about: plots whose ending follows from one fact told earlier.

A sentence is a tuple of paraphrases; `{slot}` and `{a slot}` (with its article) are filled in by `stories`. `{pick}`
is the branch that comes true, `{other}` one that does not; `{one}` and `{two}` are both, in either order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Sentence = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A fact and the ending that follows from it."""

    pick: str
    fact: Sentence
    ending: Sentence


@dataclass(frozen=True, slots=True)
class Plot:
    """A kind of story; with a value for every slot it is a skeleton."""

    name: str
    slots: dict[str, tuple[str, ...]]
    before: tuple[Sentence, ...]
    """Sentences before the fact."""
    branches: tuple[Branch, ...]
    after: tuple[Sentence, ...]
    """Sentences between the fact and the ending; none of them tells which branch it is."""


def values(text: str) -> tuple[str, ...]:
    """`a | b | c` as a tuple."""
    return tuple(part.strip() for part in text.split("|"))


def branches(table: str) -> tuple[Branch, ...]:
    """One branch after another as `pick: fact / fact > ending / ending`, each beginning a line."""
    entries = re.split(r"^ *(\w+): ", table, flags=re.MULTILINE)[1:]
    made = []
    for pick, entry in zip(entries[::2], entries[1::2], strict=True):
        fact, ending = (tuple(part.strip().split(" / ")) for part in " ".join(entry.split()).split(">"))
        made.append(Branch(pick, fact, ending))
    return tuple(made)


def each(picks: str, fact: Sentence, ending: Sentence) -> tuple[Branch, ...]:
    """Branches that differ in the pick alone: the ending must remember it."""
    return tuple(Branch(pick, fact, ending) for pick in values(picks))
