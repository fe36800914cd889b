"""Small coherent stories: a frame (plot, people, places, things) told with one of two facts, which decide the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstdata.demo.plots import Plot, Sentence, values
from lstdata.demo.plots_causes import CAUSES
from lstdata.demo.plots_memory import MEMORY
from lstdata.demo.plots_signs import SIGNS
from lstdata.randomness import fraction, rng

Split = Literal["train", "validation", "test"]

PLOTS: tuple[Plot, ...] = (*MEMORY, *CAUSES, *SIGNS)

NAMES: tuple[str, ...] = tuple(plot.name for plot in PLOTS)

WORDS = (25, 60)
"""Least and most words of a story."""

SHARES: tuple[tuple[Split, float], ...] = (("test", 0.15), ("validation", 0.15), ("train", 0.70))
"""Of all skeletons; how many stories each split gets is the corpus's to say."""

_WOMEN = values(
    "Anna | Clara | Emma | Helen | Julia | Laura | Maria | Nina | Olga | Rosa | Sarah | Vera | Alice | Bella | Dora | "
    "Edith | Grace | Hilda | Irene | Kate | Lucy | Martha | Nora | Paula | Ruth | Sophie | Tina | Wendy | Molly | Zoe"
)
_MEN = values(
    "Adam | Bruno | Carl | David | Eric | Frank | George | Henry | Ivan | Jack | Karl | Leo | Martin | Oscar | Peter | "
    "Robert | Simon | Thomas | Victor | Walter | Albert | Ben | Daniel | Edgar | Hugo | Jacob | Max | Paul | Tom"
)
_DAYS = values("Monday | Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday")


@dataclass(frozen=True, slots=True)
class Story:
    """A story whose ending follows from its prompt."""

    skeleton: str
    prompt: str
    ending: str

    @property
    def text(self) -> str:
        return f"{self.prompt} {self.ending}"


@dataclass(frozen=True, slots=True)
class Frame:
    """All of a story but the choice between its two facts."""

    plot: Plot
    slots: Mapping[str, str]
    people: Mapping[str, str]
    picks: tuple[int, int]
    """Two branches of the plot."""
    swapped: bool
    """Whether `{one}` is the second of them."""
    wording: tuple[float, ...]
    """Which paraphrase each sentence takes, in [0, 1): those before the fact, the fact, those after it, the ending."""

    @property
    def skeleton(self) -> str:
        return "/".join((self.plot.name, *self.slots.values()))


def chosen(names: Sequence[str]) -> tuple[Plot, ...]:
    """The plots of these names, in their own order; of no names, all."""
    return tuple(plot for plot in PLOTS if plot.name in (names or NAMES))


def unknown(names: Sequence[str]) -> Iterator[str]:
    """What is wrong with names of plots: some are none, or twice the same."""
    strange = [name for name in names if name not in NAMES]
    if strange:
        yield f"`plots` must be of {', '.join(NAMES)}, but names {', '.join(strange)}."
    if len(set(names)) < len(names):
        yield f"`plots` must name each plot once, but is {', '.join(names)}."


def split_of(skeleton: str) -> Split:
    """Where a skeleton belongs, whatever the seed: corpora of any seeds never mix training with test."""
    place = fraction("demo skeleton", skeleton)
    for split, share in SHARES:
        if place < share:
            return split
        place -= share
    return SHARES[-1][0]


def draw_frame(seed: int, id: str, split: Split, plots: Sequence[Plot] = PLOTS) -> Frame:
    """The frame of one story or pair of stories: a function of its arguments, both tellings within WORDS."""
    random = rng(seed, 0, id, f"demo {split} story")
    while True:
        frame = _random_frame(random, plots)
        if split_of(frame.skeleton) != split:
            continue
        lengths = [len(tell(frame, branch).text.split()) for branch in (0, 1)]
        if WORDS[0] <= min(lengths) and max(lengths) <= WORDS[1]:
            return frame


def tell(frame: Frame, branch: Literal[0, 1] = 0) -> Story:
    """Tell the frame with its first or second fact; the two prompts differ in the fact alone."""
    plot = frame.plot
    pair = [plot.branches[i] for i in frame.picks]
    chosen, other = pair[branch], pair[1 - branch]
    one, two = reversed(pair) if frame.swapped else pair
    fields = {**frame.people, **frame.slots}
    fields |= {f"a {name}": f"{'an' if value[0] in 'aeiou' else 'a'} {value}" for name, value in frame.slots.items()}
    fields |= {"pick": chosen.pick, "other": other.pick, "one": one.pick, "two": two.pick}
    sentences = (*plot.before, chosen.fact, *plot.after, chosen.ending)
    told = [_say(s, w, fields) for s, w in zip(sentences, frame.wording, strict=True)]
    return Story(frame.skeleton, " ".join(s for s in told[:-1] if s), told[-1])


def _random_frame(random: np.random.Generator, plots: Sequence[Plot]) -> Frame:
    plot = plots[int(random.integers(len(plots)))]
    slots = {name: _pick(options, random) for name, options in plot.slots.items()}
    hero_is_woman, friend_is_woman = random.random() < 0.5, random.random() < 0.5
    hero = _pick(_WOMEN if hero_is_woman else _MEN, random)
    friend = _pick([n for n in (_WOMEN if friend_is_woman else _MEN) if n != hero], random)
    he, him, his = ("she", "her", "her") if hero_is_woman else ("he", "him", "his")
    people = {"hero": hero, "friend": friend, "he": he, "him": him, "his": his, "day": _pick(_DAYS, random)}
    first, second = random.choice(len(plot.branches), size=2, replace=False).tolist()
    swapped = bool(random.random() < 0.5)
    wording = tuple(random.random(len(plot.before) + len(plot.after) + 2).tolist())
    return Frame(plot, slots, people, (first, second), swapped, wording)


def _pick(options: Sequence[str], random: np.random.Generator) -> str:
    return options[int(random.integers(len(options)))]


def _say(sentence: Sentence, wording: float, fields: Mapping[str, str]) -> str:
    """One paraphrase, filled in, beginning with a capital; slot values may hold pronouns themselves."""
    text = sentence[int(wording * len(sentence))].format_map(fields).format_map(fields)
    letter = next((i for i, c in enumerate(text) if c.isalpha()), 0)
    return text[:letter] + text[letter : letter + 1].upper() + text[letter + 1 :]
