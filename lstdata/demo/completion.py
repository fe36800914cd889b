"""Story-completion items: two prompts and two endings, each right after one of the prompts.

As in StoryCloze the prompts differ in one fact alone, or, as in TopicStoryCloze, they are of two plots, told of the
same people. Every pair of endings stands under both prompts in the same order, with the answer swapped: whatever looks
at the endings alone, at their text or sound, length or place, is right exactly half of the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lstdata.demo.language import ALL, Language
from lstdata.demo.manifests import write_recordings, write_supervisions
from lstdata.demo.narration import Line, Recorded, draw_style
from lstdata.demo.speech import RATE, Style
from lstdata.demo.stories import Frame, Story, chosen, draw_frame, tell
from lstdata.storage import commit_bytes

FOLDER = "completion/"
"""Of items whose prompts differ in one fact."""

TOPIC = "topic/"
"""Of items whose prompts are of two plots."""

_SENTENCE_PAUSE = 3 * RATE // 10
"""What the synthesizer leaves between two sentences; a prompt ends with it, so that an ending may follow at once."""

_SIDES: tuple[Literal[0, 1], ...] = (0, 1)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two items: `lines` are the two prompts, then the two endings that belong to them."""

    id: str
    skeleton: str
    lines: tuple[Line, Line, Line, Line]


def mistaken_counts(counts: Mapping[str, int], plots: Sequence[str]) -> Iterator[str]:
    """What is wrong with how many `items` and `topic_items` are asked for, of plots of these names; none: all."""
    for name, items in counts.items():
        if items < 0 or items % 2:
            yield f"`{name}` must be even and ≥ 0, since two make a pair, but is {items}."
    if counts["topic_items"] > 0 and len(plots) == 1:
        yield f"`topic_items` need two plots, but `plots` is {plots[0]} alone."


def draw_pair(seed: int, index: int, language: Language = ALL) -> Pair:
    """The pair of items 2·index and 2·index + 1 of FOLDER: prompts and endings in one voice and manner."""
    id = f"pair-{index:06d}"
    frame = draw_frame(seed, id, "test", chosen(language.plots))
    return _pair(FOLDER, id, frame.skeleton, (tell(frame, 0), tell(frame, 1)), draw_style(seed, id, language))


def draw_topic_pair(seed: int, index: int, language: Language = ALL) -> Pair:
    """The pair of items 2·index and 2·index + 1 of TOPIC; the language must have two plots or more."""
    id = f"topic-{index:06d}"
    first, second = _two_plots(seed, id, language)
    stories = tell(first), tell(replace(second, people=first.people))
    skeleton = f"{first.skeleton}+{second.skeleton}"
    return _pair(TOPIC, id, skeleton, stories, draw_style(seed, id, language))


def _two_plots(seed: int, id: str, language: Language) -> tuple[Frame, Frame]:
    plots = chosen(language.plots)
    first = draw_frame(seed, f"{id}-0", "test", plots)
    return first, draw_frame(seed, f"{id}-1", "test", [plot for plot in plots if plot is not first.plot])


def _pair(folder: str, id: str, skeleton: str, stories: tuple[Story, Story], style: Style) -> Pair:
    asking = replace(style, tail=_SENTENCE_PAUSE + style.pause)
    answering = replace(style, lead=0)

    def line(part: str, text: str, manner: Style) -> Line:
        return Line(id=f"{id}-{part}", path=f"{folder}audio/{id}-{part}.flac", text=text, style=manner)

    first, second = stories
    lines = (
        line("prompt-0", first.prompt, asking),
        line("prompt-1", second.prompt, asking),
        line("ending-0", first.ending, answering),
        line("ending-1", second.ending, answering),
    )
    return Pair(id, skeleton, lines)


def write_items(corpus: Path, folder: str, pairs: Sequence[Pair], recorded: Sequence[Recorded]) -> None:
    """FOLDER or TOPIC: manifests of the recordings, then `items.jsonl`; `recorded` holds the pairs' lines in order."""
    customs = [{"split": "test", "skeleton": pair.skeleton} for pair in pairs for _ in pair.lines]
    write_recordings(corpus / folder, recorded, folder)
    write_supervisions(corpus / folder, recorded, customs)
    rows = [_item(pair, folder, index, side) for index, pair in enumerate(pairs) for side in _SIDES]
    commit_bytes(corpus / folder / "items.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())


def _item(pair: Pair, folder: str, index: int, side: Literal[0, 1]) -> dict[str, Any]:
    """`audio` is relative to the folder of `items.jsonl`; `recording` is the id in its manifests."""

    def part(line: Line) -> dict[str, str]:
        return {"text": line.text, "audio": line.path.removeprefix(folder), "recording": line.id}

    return {
        "id": f"item-{2 * index + side:06d}",
        "pair": pair.id,
        "prompt": part(pair.lines[side]),
        "endings": [part(line) for line in pair.lines[2:]],
        "answer": side,
        "speaker": pair.lines[0].style.voice,
        "language": "en",
        "skeleton": pair.skeleton,
    }
