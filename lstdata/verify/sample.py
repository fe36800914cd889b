"""One sample: what its members must be to one another, to the vocabulary and to the options of the run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

import numpy as np

from lstdata.audio.encoding import decode
from lstdata.documents import drawn_spans
from lstdata.patching import utterance_patches
from lstdata.records import Ints, Sample
from lstdata.shards import StoredSample, stored_strategies, token_type
from lstdata.verify.run import Run

_KEY: Final = re.compile(r"[a-z0-9_-]+")


def sample_mistakes(run: Run, split: str, stored: StoredSample) -> Iterator[str]:
    """The broken invariants of a sample of this split; frames and patch sums were checked while it was read."""
    sample = stored.sample
    if not _KEY.fullmatch(sample.key):
        yield f"its key must be of a-z, 0-9, _ and -, but is {sample.key!r}."
    if sample.split != split:
        yield f"its split is {sample.split}, but the shard's is {split}."
    if sample.tokens is not None:
        yield from _document(run, sample)
        return
    if run.card is not None and sample.frames and int(sample.units.max()) >= run.card.units:
        yield f"unit {sample.units.max()} is not below the {run.card.units} clusters of the vocab card."
    if run.card is not None and sample.hop != run.card.hop:
        yield f"its hop is {sample.hop}, but the vocab card's is {run.card.hop}."
    wrong = _word_times(sample)
    if wrong is not None:
        yield wrong
        return
    yield from _patches(run, stored)
    yield from _drawn(run, stored)
    yield from _audio(run, stored)


def _drawn(run: Run, stored: StoredSample) -> Iterator[str]:
    if run.tokenizer is None:
        return
    drawn = drawn_spans(stored.sample, run.tokenizer, interleave=run.interleave)
    if repr(stored.drawn) != repr(drawn):  # 8.0 is no frame, though it equals 8
        yield f"its drawn spans are not those that `interleave.seed` {run.interleave.seed} and its words give."


def _audio(run: Run, stored: StoredSample) -> Iterator[str]:
    kept = stored.audio
    if (None if kept is None else kept.codec) != run.audio:
        yield f"its audio is kept as {kept and kept.codec}, but that of the run as {run.audio}."
    elif kept is not None and (length := len(decode(kept))) != stored.sample.samples:
        yield f"its {kept.codec} has {length} samples, but it says {stored.sample.samples}."


def _document(run: Run, sample: Sample) -> Iterator[str]:
    """A document has a text and the ids that the run's tokenizer gives it, as small as its vocabulary allows."""
    if not (sample.text or "").strip():
        yield "it has no text."
    kind = np.uint16 if run.card is None else token_type(run.card.text_size)
    if sample.tokens is not None and sample.tokens.dtype != kind:
        yield f"its tokens are {sample.tokens.dtype}, but those of this vocabulary are {np.dtype(kind).name}."
    tokens = [] if sample.tokens is None else sample.tokens.tolist()
    if run.card is not None and max(tokens, default=0) >= run.card.text_size:
        yield f"token {max(tokens)} is not below the {run.card.text_size} of the text vocabulary."
    elif run.tokenizer is not None and tokens != run.tokenizer.encode(sample.text or ""):
        yield "its tokens are not those of its text."


def _patches(run: Run, stored: StoredSample) -> Iterator[str]:
    wanted = stored_strategies(stored.sample)
    if list(stored.patches) != wanted:
        yield f"it has patches of {', '.join(stored.patches)}, but must have those of {', '.join(wanted)}."
        return
    for strategy, lengths in stored.patches.items():
        made = utterance_patches(strategy, stored.sample, run.patching)
        if len(made) != len(lengths) or (made != lengths).any():
            yield f"the `{strategy}` patches are not those of its words and activity."


def _word_times(sample: Sample) -> str | None:
    words, frames = sample.words, sample.word_frames
    if (words is None) != (frames is None) or (words is not None and frames is not None and len(words) != len(frames)):
        return "words and word times do not pair up."
    if frames is not None and frames.size:
        edges = frames.reshape(-1)
        if (edges[1:] < edges[:-1]).any() or edges[0] < 0 or edges[-1] > sample.frames:
            return f"word times are not monotone inside its {sample.frames} frames."
    for name, values in (("word scores", sample.word_scores), ("character times", sample.character_frames)):
        if values is not None and len(values) != len(words or ()):
            return f"there are {len(values)} {name} of {len(words or ())} words."
    numbers = sample.interpolated
    if numbers and (list(numbers) != sorted(set(numbers)) or numbers[0] < 0 or numbers[-1] >= len(words or ())):
        return f"the interpolated words {list(numbers)} are no words of its {len(words or ())}, in order."
    return _character_times(sample) or _piece_times(sample)


def _character_times(sample: Sample) -> str | None:
    """Looked at word by word only where not all of them are as they should be, or some have none."""
    words, frames, characters = sample.words, sample.word_frames, sample.character_frames
    if words is None or frames is None or characters is None or _all_inside(words, frames, characters):
        return None
    for word, (start, end), begins in zip(words, frames.tolist(), characters, strict=True):
        if begins is not None and (len(begins) != len(word) or list(begins) != sorted(begins)):
            return f"the character times of `{word}` are not one for each character, in order."
        if begins is not None and not all(start <= begin <= end for begin in begins):
            return f"the character times of `{word}` are not inside the word."
    return None


def _all_inside(words: tuple[str, ...], frames: Ints, characters: tuple[tuple[int, ...] | None, ...]) -> bool:
    """Whether every character has a time, inside its word, and none is before the one before it."""
    lengths = [len(word) for word in words]
    if [0 if begins is None else len(begins) for begins in characters] != lengths:
        return False
    begins = np.fromiter(chain.from_iterable(characters), np.int64, sum(lengths))  # type: ignore[arg-type]
    bounds = np.repeat(frames, lengths, axis=0)
    rises = (begins[1:] >= begins[:-1]).all()
    return bool(rises and (begins >= bounds[:, 0]).all() and (begins <= bounds[:, 1]).all())


def _piece_times(sample: Sample) -> str | None:
    pieces = sample.piece_frames
    if (pieces is None) != (sample.character_frames is None):
        return "times of pieces and of characters do not come together."
    if pieces is not None:
        times = pieces.tolist()
        begun = set(chain.from_iterable(frames for frames in sample.character_frames or () if frames))
        if times != sorted(times) or not begun.issuperset(times):
            return "the times of its pieces are not those of characters, in order."
    return None
