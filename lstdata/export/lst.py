"""The training lines of the LST authors: `SPLIT/SPLIT.chunk.NN.on_the_fly`, the inverse of `sources.interleaved`.

A line is `{"file_id", "interleaved"}`. `interleaved` says of each word, and of each silence as `[SIL]`,
`<LST MODE SEP>TEXT word <LST MODE SEP>HUBERT id id … `: all frames of the utterance in order, not de-duplicated. Their
loader takes the first word of a text only, so that what is written as one word and read as several has a text for each.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from lstdata.errors import ConfigError
from lstdata.export.destination import append_lines
from lstdata.export.samples import Shard
from lstdata.export.writing import InOrder, LeftOut
from lstdata.records import Sample
from lstdata.shards import StoredSample
from lstdata.sources.interleaved import SEPARATOR, SILENCE

Timed = tuple[str | None, int, int]
"""A word, None for silence, with its first frame and the frame after its last."""


class LstWriter(InOrder):
    """Lines go to the chunks of their split in turn, so that chunks differ by one line at most and none is empty."""

    def __init__(self, folder: Path, chunks: int) -> None:
        if chunks < 1:
            raise ConfigError(f"`--chunks` must be ≥ 1, but is {chunks}.")
        self._folder, self._count = folder, chunks
        self._lines: Counter[str] = Counter()
        """By split."""

    def write(self, shard: Shard, samples: Iterable[StoredSample]) -> list[LeftOut]:
        left_out: list[LeftOut] = []
        chunks: defaultdict[int, list[str]] = defaultdict(list)
        for stored in samples:
            line = line_of(stored.sample)
            if line is None:
                left_out.append((stored.sample.id, _why_not(stored.sample)))
                continue
            chunks[self._lines[shard.split] % self._count].append(line)
            self._lines[shard.split] += 1
        for number, lines in sorted(chunks.items()):
            append_lines(self._folder / shard.split / f"{shard.split}.chunk.{number:02d}.on_the_fly", lines)
        return left_out

    def close(self) -> dict[str, Any]:
        return {"chunks": {split: min(self._count, lines) for split, lines in self._lines.items()}}


def line_of(sample: Sample) -> str | None:
    """None for a sample of which no word has a time."""
    parts = list(_parts(sample)) if sample.word_frames is not None else []
    if all(word is None for word, _, _ in parts):
        return None
    line = {"file_id": sample.id, "interleaved": interleaved(parts, sample.units.tolist())}
    return json.dumps(line, ensure_ascii=False)


def _why_not(sample: Sample) -> str:
    if sample.tokens is not None:
        return "text_only"
    return "no_word_times" if sample.word_frames is None else "no_words"


def interleaved(parts: Iterable[Timed], units: Iterable[int]) -> str:
    """Words and silences that partition the frames, as one string."""
    ids = [f"{unit} " for unit in units]
    return "".join(
        f"{SEPARATOR}TEXT {SILENCE if word is None else word} {SEPARATOR}HUBERT {''.join(ids[start:end])}"
        for word, start, end in parts
    )


def _parts(sample: Sample) -> Iterator[Timed]:
    """Words as read, and silences that are not empty; a written word without a letter or digit is silence."""
    assert sample.word_frames is not None
    words: list[Timed] = []
    characters = sample.character_frames or (None,) * len(sample.word_frames)
    for written, (start, end), begins in zip(sample.words or (), sample.word_frames.tolist(), characters, strict=True):
        words += _read(written, start, end, begins)
    cursor = 0
    for word, start, end in words:
        if start > cursor:
            yield None, cursor, start
        yield word, start, end
        cursor = end
    if sample.frames > cursor:
        yield None, cursor, sample.frames


def _read(written: str, start: int, end: int, begins: Sequence[int] | None) -> list[Timed]:
    """What is read for a written word: each part begins where its first character does.

    Without times of characters the frames are shared out by the parts' lengths.
    """
    found = spoken_words(written)
    if len(found) < 2:
        return [(word, start, end) for word, _ in found]
    if begins is not None and len(begins) == len(written):
        edges = [start, *(begins[at] for _, at in found[1:]), end]
    else:
        passed = list(accumulate(len(word) for word, _ in found))
        edges = [start, *(start + (end - start) * n // passed[-1] for n in passed)]
    return [(word, a, b) for (word, _), a, b in zip(found, edges, edges[1:], strict=False)]


@lru_cache(maxsize=1 << 16)
def spoken_words(written: str) -> tuple[tuple[str, int], ...]:
    """The words in a written one, lower case and without punctuation, and where in it each begins.

    Letters with their marks, digits, and apostrophes between letters are kept: `“Well-known,` is `well` and `known`.
    """
    found: list[tuple[str, int]] = []
    current = ""
    for at, character in enumerate(f"{written} "):
        if unicodedata.category(character)[0] in "LNM" or (
            current and character in "'’" and written[at + 1 : at + 2].isalpha()
        ):
            current += "'" if character == "’" else character
        elif current:
            found.append((current.lower(), at - len(current)))
            current = ""
    return tuple(found)
