"""One command of a reproduction, and what it needs and makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from lstdata.config import fingerprint

Kind = Literal["corpus", "own", "build", "text", "fit", "set", "train", "train-data", "evaluate", "tune", "ask"]

VERSION: Final = 1
"""Of what fingerprints are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command; `$OUT` in it is the folder of the reproduction, other `$NAME`s are the recipe's places."""

    name: str
    """A file's name."""
    title: str
    argv: tuple[str, ...]
    makes: str
    """What is there when it is done."""
    kind: Kind
    needs: tuple[str, ...] = ()
    """Names of steps before it."""
    amount: float = 0.0
    """Steps of training; sets and modes that are asked; utterances."""
    arm: str | None = None


def fingerprints(steps: list[Step]) -> dict[str, str]:
    """By name: what changes with a step's command or with that of any step before it that it needs."""
    found: dict[str, str] = {}
    for step in steps:
        found[step.name] = fingerprint("step", VERSION, step.argv, [found[name] for name in step.needs])
    return found


def step(
    name: str,
    title: str,
    argv: Sequence[str],
    makes: str,
    kind: Kind,
    needs: Iterable[str] = (),
    amount: float = 0.0,
    arm: str | None = None,
) -> Step:
    return Step(
        name=name, title=title, argv=tuple(argv), makes=makes, kind=kind, needs=tuple(needs), amount=amount, arm=arm
    )


def set_words(options: Iterable[str]) -> list[str]:
    """`--set` before each."""
    return [word for option in options for word in ("--set", option)]
