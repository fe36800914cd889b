"""Where the speech and the text of a reproduction come from: the demo corpus, or commands and places of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lstdata.demo.completion import mistaken_counts
from lstdata.demo.language import VOICES, Language
from lstdata.demo.stories import unknown as unknown_plots
from lstdata.reproduce.pipelines import PLACE

NAME: Final = re.compile("[a-z0-9][a-z0-9-]*")
"""Of what has files of its name."""

_PLACE: Final = re.compile("[A-Z][A-Z0-9_]*")
_OWN: Final = ("OUT", "PROCESSES", PLACE)


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """The corpus that `lstdata demo-corpus` synthesises."""

    utterances: int = 200
    """Spoken stories."""
    items: int = 200
    """Of story completion, whose prompts differ in one fact: half as many pairs."""
    topic_items: int = 0
    """The same of prompts of two plots, as in TopicStoryCloze."""
    text_stories: int = 2000
    seed: int = 0
    plots: tuple[str, ...] = ()
    """Names of those that are told; none: all sixteen."""
    voices: int | None = None
    """The first so many of the speakers; null: all eight."""
    snr: float | None = None
    """Signal-to-noise ratio in dB of the noisiest recordings; null: there is no noise."""

    def mistakes(self) -> Iterator[str]:
        voices = len(VOICES) if self.voices is None else self.voices
        yield from Language(plots=self.plots, voices=voices, snr=self.snr).mistakes()
        yield from unknown_plots(self.plots)
        yield from mistaken_counts({"items": self.items, "topic_items": self.topic_items}, self.plots)


@dataclass(frozen=True, kw_only=True)
class PlaceConfig:
    """A file, folder or name of the user's, for which `$NAME` stands in commands."""

    name: str = ""
    """In capitals."""
    what: str = ""
    """For the user who is asked for it."""
    path: str | None = None

    def mistakes(self) -> Iterator[str]:
        if not _PLACE.fullmatch(self.name) or self.name in _OWN:
            yield f"`name` must be of capitals, digits and _, and none of {', '.join(_OWN)}, but is {self.name!r}."


@dataclass(frozen=True, kw_only=True)
class CommandConfig:
    """A step that the recipe itself states."""

    name: str = ""
    run: str = ""
    """A command without `lstdata` before it; `$OUT`, `$PIPELINES` and `$NAME` of a place stand for paths."""
    makes: str = ""
    """What is there once it is done, as `$OUT/speech`."""
    core_hours: float = 0.0
    """For the estimate, as `gpu_hours`."""
    gpu_hours: float = 0.0
    after: tuple[str, ...] | None = None
    """Names of the commands that it needs; null: the one before it."""

    def mistakes(self) -> Iterator[str]:
        if not NAME.fullmatch(self.name):
            yield f"`name` must be of small letters, digits and -, but is {self.name!r}."
        if not self.run:
            yield "`run` must be a command, but is empty."
        if not self.makes.startswith("$OUT/"):
            yield f"`makes` must begin with $OUT/, but is {self.makes!r}."


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Where speech, text and what is asked come from: `demo`, or commands that leave `$OUT/speech` and `$OUT/text`."""

    demo: DemoConfig | None = None
    places: tuple[PlaceConfig, ...] = ()
    commands: tuple[CommandConfig, ...] = ()
    hours: float = 0.0
    """Of speech, for the estimate; 0: as many as the stories of `demo` last."""
    stored_gigabytes: float = 0.0
    """Of shards, of speech and of text, for the estimate."""

    def mistakes(self) -> Iterator[str]:
        if (self.demo is None) == (not self.commands):
            yield "`demo` or commands must be given, and not both."
        for option, names in (
            ("places", [place.name for place in self.places]),
            ("commands", [command.name for command in self.commands]),
        ):
            if len(set(names)) < len(names):
                yield f"`{option}` must have names of their own, but they are {', '.join(names)}."
        for made in ("$OUT/speech", "$OUT/text") if self.commands else ():
            if made not in [command.makes for command in self.commands]:
                yield f"`commands` must hold one that makes {made}."
        for number, command in enumerate(self.commands):
            early = {other.name for other in self.commands[:number]}
            for name in command.after or ():
                if name not in early:
                    yield f"`commands.{number}.after` must name commands before it, but names {name!r}."
