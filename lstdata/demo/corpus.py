"""The demo corpus: spoken stories as lhotse manifests, text-only stories, and story-completion items."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lstdata.config import differences, to_dict
from lstdata.demo import speech
from lstdata.demo.completion import FOLDER, TOPIC, draw_pair, draw_topic_pair, mistaken_counts, write_items
from lstdata.demo.language import ALL, Language
from lstdata.demo.manifests import write_cuts, write_recordings, write_supervisions
from lstdata.demo.narration import Line, Progress, Recorded, draw_style, record_all
from lstdata.demo.plots import Plot
from lstdata.demo.stories import Story, chosen, draw_frame, tell, unknown
from lstdata.errors import ConfigError
from lstdata.storage import TEMPORARY, commit_bytes, commit_json, read_json

MARK = "corpus.json"
"""Says by which arguments a folder was written, and, once it is complete, what it holds."""

VERSION = 1
"""Of the generator: another version may give other bytes for the same arguments."""

_HELD_OUT = 10
"""One story in so many is of the validation split."""

_README = """\
Synthetic stories spoken by espeak-ng, with the synthesizer's own word times.

Paths in each manifest are relative to its own folder:

    from lhotse import CutSet
    cuts = CutSet.from_file("cuts.jsonl.gz").with_recording_path_prefix("path/of/this/folder")

`custom["split"]` of each cut and supervision is `train` or `validation`.
`text/stories.jsonl` holds further stories as text alone.
`completion/items.jsonl` holds story-completion items of skeletons that occur in neither.
"""

_README_TOPIC = """\
`topic/items.jsonl` holds such items whose other ending is of another plot.
"""


@dataclass(frozen=True, kw_only=True)
class CorpusSummary:
    """What a corpus holds; `seconds` and `words` are of the spoken stories, without the items."""

    utterances: int
    validation: int
    words: int
    seconds: float
    speakers: int
    stories: int
    items: int
    item_seconds: float
    topic_items: int = 0


def write_corpus(
    out: Path,
    *,
    utterances: int,
    seed: int,
    items: int = 200,
    topic_items: int = 0,
    stories: int = 2000,
    language: Language = ALL,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CorpusSummary:
    """Write the corpus of these arguments into `out`, the same bytes each time; interrupted, it is just called again.

    Utterance i depends on `seed` and i alone. Raises ConfigError for wrong arguments and for a folder of something
    else, MissingExtra without the synthesizer.
    """
    counts = {"items": items, "topic_items": topic_items}
    _check(utterances=utterances, seed=seed, counts=counts, stories=stories, language=language, workers=workers)
    speech.require()
    arguments: dict[str, Any] = {"utterances": utterances, "seed": seed, "items": items, "stories": stories}
    if topic_items:
        arguments["topic_items"] = topic_items
    if language != ALL:
        arguments["language"] = to_dict(language)
    mark = {"kind": "lstdata demo corpus", "version": VERSION, "voice": speech.version(), "arguments": arguments}
    done = _claim(out, mark)
    if done is not None:
        return done

    plots = chosen(language.plots)
    told = [_draw_story(seed, "story", i, plots) for i in range(utterances)]
    lines = [
        Line(id=id, path=f"audio/{id}.flac", text=story.text, style=draw_style(seed, id, language))
        for id, _, story in told
    ]
    pairs = [draw_pair(seed, index, language) for index in range(items // 2)]
    topics = [draw_topic_pair(seed, index, language) for index in range(topic_items // 2)]
    lines += [line for pair in (*pairs, *topics) for line in pair.lines]
    recorded = record_all(lines, out, workers=workers, progress=progress)
    os.sync()

    spoken, asked = recorded[:utterances], recorded[utterances:]
    customs = [{"split": split, "skeleton": story.skeleton} for _, split, story in told]
    write_items(out, FOLDER, pairs, asked[: 2 * items])
    if topics:
        write_items(out, TOPIC, topics, asked[2 * items :])
    _write_texts(out / "text" / "stories.jsonl", seed, stories, plots)
    commit_bytes(out / "README.md", (_README + (_README_TOPIC if topics else "")).encode())
    write_recordings(out, spoken, "")
    write_supervisions(out, spoken, customs)
    write_cuts(out, spoken, customs, "")
    summary = _summarize(spoken, asked, stories=stories, **counts)
    commit_json(out / MARK, {**mark, "summary": dataclasses.asdict(summary)})
    return summary


def _draw_story(
    seed: int, kind: str, index: int, plots: Sequence[Plot]
) -> tuple[str, Literal["train", "validation"], Story]:
    """(id, split, story) number `index`; every tenth is of the validation split's skeletons."""
    id = f"{kind}-{index:06d}"
    split: Literal["train", "validation"] = "validation" if index % _HELD_OUT == _HELD_OUT - 1 else "train"
    return id, split, tell(draw_frame(seed, id, split, plots))


def _write_texts(final: Path, seed: int, count: int, plots: Sequence[Plot]) -> None:
    rows = (_draw_story(seed, "text", index, plots) for index in range(count))
    texts = ({"id": id, "text": story.text, "split": split, "skeleton": story.skeleton} for id, split, story in rows)
    commit_bytes(final, "".join(json.dumps(row) + "\n" for row in texts).encode())


def _check(
    *, utterances: int, seed: int, counts: dict[str, int], stories: int, language: Language, workers: int | None
) -> None:
    mistakes = [*language.mistakes(), *unknown(language.plots)]
    if utterances < 1:
        mistakes.append(f"`utterances` must be ≥ 1, but is {utterances}.")
    if seed < 0:
        mistakes.append(f"`seed` must be ≥ 0, but is {seed}.")
    mistakes += mistaken_counts(counts, language.plots)
    if stories < 0:
        mistakes.append(f"`stories` must be ≥ 0, but is {stories}.")
    if workers is not None and workers < 1:
        mistakes.append(f"`workers` must be ≥ 1, but is {workers}.")
    if mistakes:
        raise ConfigError(*mistakes)


def _claim(out: Path, mark: dict[str, Any]) -> CorpusSummary | None:
    """Make `out` the folder of this corpus; the summary if it is complete already, ConfigError if it is another's."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"`{out}` must be a folder, but is a file.")
    entries = [path for path in out.iterdir() if TEMPORARY not in path.name] if out.is_dir() else []
    if not entries:
        commit_json(out / MARK, mark)
        return None
    try:
        found = read_json(out / MARK)
        summary = found.pop("summary", None)
        changes = differences(found, mark)
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"`{out}` must be empty or hold a demo corpus, but holds something else.") from error
    if changes:
        changed = ", ".join(change.replace("arguments.", "") for change in changes)
        raise ConfigError(
            f"`{out}` holds a demo corpus of other arguments: {changed}. Give a new folder, or remove it."
        )
    if summary is None:
        return None
    held = CorpusSummary(**summary)
    files = [len(list((out / folder).glob("*.flac"))) for folder in ("audio", f"{FOLDER}audio", f"{TOPIC}audio")]
    return held if files == [held.utterances, 2 * held.items, 2 * held.topic_items] else None


def _summarize(
    spoken: list[Recorded], asked: list[Recorded], *, items: int, topic_items: int, stories: int
) -> CorpusSummary:
    return CorpusSummary(
        utterances=len(spoken),
        validation=len(spoken) // _HELD_OUT,
        words=sum(len(r.words) for r in spoken),
        seconds=sum(r.samples for r in spoken) / speech.RATE,
        speakers=len({r.line.style.voice for r in spoken}),
        stories=stories,
        items=items,
        item_seconds=sum(r.samples for r in asked) / speech.RATE,
        topic_items=topic_items,
    )
