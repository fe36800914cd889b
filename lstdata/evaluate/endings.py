"""From an item's parts to the document that a model scores: `BOS <s> prompt ending`, or with `<t>`, without EOS.

Prompt and ending are encoded apart and joined, so all endings of an item have the same prompt, token by token. A prompt
and an ending that are both speech are one run of units, patched as one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lstdata.config import PatchingConfig
from lstdata.documents import Document
from lstdata.patching import late_patches, patch_run
from lstdata.records import Ints, Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.units.pieces import UnitPieces

Side = Sample | str
"""Speech, or text."""

Coded = tuple[Ints, Ints, NDArray[np.bool_]]
"""Tokens, the lengths of their positions, and which of these are read late."""


@dataclass(frozen=True, eq=False)
class Ending:
    """A document whose last `tokens` tokens are scored."""

    document: Document
    tokens: int


@dataclass(frozen=True)
class Coding:
    """How parts become tokens and positions."""

    vocab: VocabCard
    tokenizer: TextTokenizer
    patching: PatchingConfig
    pieces: UnitPieces | None = None

    def ending(self, prompt: Side | None, ending: Side) -> Ending:
        """ConfigError where the patching needs what a sample lacks."""
        if isinstance(ending, str):
            parts, scored = self._written(prompt, ending)
        else:
            parts, scored = self._spoken(prompt, ending)
        tokens, lengths, late = map(np.concatenate, zip(_ones([self.vocab.bos]), *parts, strict=True))
        return Ending(Document(tokens.astype(np.int32), lengths.astype(np.int32), late), scored)

    def _written(self, prompt: Side | None, ending: str) -> tuple[list[Coded], int]:
        before = [] if prompt is None else self._opening(prompt)
        continued = isinstance(prompt, str)
        ids = self._text_after(prompt, ending) if isinstance(prompt, str) else self.tokenizer.encode(ending)
        return [*before, _ones([] if continued else [self.vocab.text_marker]), _ones(ids)], len(ids)

    def _spoken(self, prompt: Side | None, ending: Sample) -> tuple[list[Coded], int]:
        marker, ids = _ones([self.vocab.speech_marker]), self._units(ending)
        if isinstance(prompt, Sample):
            both = np.concatenate([self._units(prompt), ids])
            return [marker, self._patched(concatenated(prompt, ending), both)], len(ids)
        before = [] if prompt is None else self._opening(prompt)
        return [*before, marker, self._patched(ending, ids)], len(ids)

    def _opening(self, prompt: Side) -> list[Coded]:
        """The marker and tokens of a prompt that is a span of its own, or that a text continues."""
        if isinstance(prompt, str):
            return [_ones([self.vocab.text_marker]), _ones(self.tokenizer.encode(prompt))]
        return [_ones([self.vocab.speech_marker]), self._patched(prompt, self._units(prompt))]

    def _text_after(self, prompt: str, ending: str) -> list[int]:
        """The tokens that a text gains by its ending; the ending's own where they cannot be told apart."""
        before, whole = self.tokenizer.encode(prompt), self.tokenizer.encode(f"{prompt} {ending}")
        if whole[: len(before)] == before and len(whole) > len(before):
            return whole[len(before) :]
        return self.tokenizer.encode(ending)

    def _units(self, sample: Sample) -> Ints:
        ids = (
            sample.units.astype(np.int64) if self.pieces is None else self.pieces.encode(sample.units).astype(np.int64)
        )
        return ids + self.vocab.first_unit

    def _patched(self, sample: Sample, ids: Ints) -> Coded:
        """A run of these tokens, which stand for all of the sample."""
        if self.pieces is not None:
            return _ones(ids)
        lengths = patch_run(self.patching.strategy, 0, sample.frames, sample, self.patching)
        return ids, lengths, late_patches(lengths, self.patching)


def concatenated(first: Sample, second: Sample) -> Sample:
    """One utterance after another, with what patching needs of both; word times only where both have them."""
    moved = first.frames
    both = first.word_frames is not None and second.word_frames is not None
    frames = characters = piece_starts = words = None
    if both:
        assert first.word_frames is not None and second.word_frames is not None
        frames = np.concatenate([first.word_frames, second.word_frames + moved])
        words = (first.words or ()) + (second.words or ())
    if both and first.character_frames is not None and second.character_frames is not None:
        later = (None if word is None else tuple(f + moved for f in word) for word in second.character_frames)
        characters = (*first.character_frames, *later)
    if both and first.piece_frames is not None and second.piece_frames is not None:
        piece_starts = np.concatenate([first.piece_frames, second.piece_frames + moved])
    return replace(
        first,
        samples=first.samples + second.samples,
        units=np.concatenate([first.units, second.units]),
        activity=np.concatenate([first.activity, second.activity]),
        text=None,
        words=words,
        word_frames=frames,
        word_scores=None,
        interpolated=(),
        character_frames=characters,
        piece_frames=piece_starts,
    )


def _ones(ids: list[int] | Ints) -> Coded:
    """Tokens that are positions of their own."""
    return np.array(ids, dtype=np.int64), np.ones(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.bool_)
