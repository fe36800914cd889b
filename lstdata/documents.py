"""Documents: `BOS ( <t> text | <s> speech )* EOS` as token ids and the lengths of their positions.

A document is a pure function of (sample, vocabulary, config, epoch). Text spans are coded as one text each, speech
spans are one run of frames each; BOS, EOS, markers and text tokens are positions of length 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.interleave import Lengths, draw
from lstdata.patching import chosen_for, late_patches, noise_for, patch_run
from lstdata.records import Ints, Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.units.pieces import UnitPieces

Drawn = list[list[Any]]
"""A drawn interleaving as shards store it: `["s", first frame, end frame]` or `["t", [token ids]]`, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One document before packing; the lengths sum to the number of tokens."""

    tokens: NDArray[np.int32]
    """(N,) ids of the joint vocabulary."""
    lengths: NDArray[np.int32]
    """(M,) tokens in each position, all ≥ 1."""
    late: NDArray[np.bool_] | None = None
    """(M,) positions that are read from the token after them on, which alone tells that they have ended; None: none."""


def make_document(
    sample: Sample,
    vocab: VocabCard,
    tokenizer: TextTokenizer,
    *,
    interleave: InterleaveConfig,
    patching: PatchingConfig,
    epoch: int,
    progress: float = 0.0,
    pieces: UnitPieces | None = None,
) -> Document:
    """Draw, code and patch one utterance; a document of text is one text span of the ids that it brings.

    `progress` is the share of training that is over, for `curriculum`; `pieces` take the units' place where they are
    given, and are positions of their own.

    A sample without word times becomes all speech (all text under `text`, both under `asr` and `tts`) and cannot be
    patched by words (ConfigError); without any text it cannot be `text`, `asr` or `tts` (ConfigError).
    """
    if sample.tokens is not None:
        return _text_document(sample.tokens, vocab)
    drawn = drawn_spans(sample, tokenizer, interleave=interleave, epoch=epoch)
    cut = chosen_for(sample, patching, seed=interleave.seed, epoch=epoch, progress=progress)
    noise = noise_for(sample, cut, seed=interleave.seed, epoch=epoch)
    return assemble(drawn, sample, vocab, cut, pieces, noise)


def drawn_spans(sample: Sample, tokenizer: TextTokenizer, *, interleave: InterleaveConfig, epoch: int = 0) -> Drawn:
    """The interleaving that (seed, epoch, id) gives the sample, its text coded."""
    spans = draw(
        interleave.strategy,
        sample.word_frames,
        sample.frames,
        seed=interleave.seed,
        epoch=epoch,
        id=sample.id,
        lengths=Lengths(interleave.text_words, interleave.speech_ratio),
    )
    return [
        ["s", span.start_frame, span.end_frame]
        if span.kind == "s"
        else ["t", _text_ids(sample, tokenizer, span.first_word, span.end_word, interleave.strategy)]
        for span in spans
    ]


def assemble(
    drawn: Sequence[Sequence[Any]],
    sample: Sample,
    vocab: VocabCard,
    patching: PatchingConfig,
    pieces: UnitPieces | None = None,
    noise: Ints | None = None,
) -> Document:
    """Tokens and position lengths of a drawn interleaving, also of one read back from a shard.

    `noise` moves the boundaries of words, as `noise_for` has it.
    """
    single = [vocab.bos]
    runs: list[tuple[list[int], NDArray[Any], NDArray[Any], NDArray[np.bool_]]] = []
    for kind, *what in drawn:
        if kind == "s":
            single.append(vocab.speech_marker)
            runs.append((single, *_speech(sample, what[0], what[1], patching, pieces, noise)))
            single = []
        else:
            single += (vocab.text_marker, *what[0])
    single.append(vocab.eos)
    tokens = np.empty(len(single) + sum(len(before) + len(ids) for before, ids, *_ in runs), dtype=np.int32)
    lengths = np.ones(len(single) + sum(len(before) + len(cut) for before, _, cut, _ in runs), dtype=np.int32)
    late = np.zeros(len(lengths), dtype=np.bool_)
    token = position = 0
    for before, ids, cut, unforeseen in runs:
        begin, position = token + len(before), position + len(before)
        tokens[token:begin] = before
        token = begin + len(ids)
        np.add(ids, vocab.first_unit, out=tokens[begin:token], dtype=np.int32, casting="unsafe")
        lengths[position : position + len(cut)] = cut
        late[position : position + len(cut)] = unforeseen
        position += len(cut)
    tokens[token:] = single
    return Document(tokens, lengths, late)


def _text_document(ids: NDArray[Any], vocab: VocabCard) -> Document:
    tokens = np.empty(len(ids) + 3, dtype=np.int32)
    tokens[:2], tokens[2:-1], tokens[-1] = (vocab.bos, vocab.text_marker), ids, vocab.eos
    return Document(tokens, np.ones(len(tokens), dtype=np.int32))


def _speech(
    sample: Sample, start: int, end: int, patching: PatchingConfig, pieces: UnitPieces | None, noise: Ints | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """A run's units, or their pieces, the lengths of its positions, and which of these are read late."""
    units = sample.units[start:end]
    if pieces is not None:
        ids = pieces.encode(units)
        return ids, np.ones(len(ids), dtype=np.int32), np.zeros(len(ids), dtype=np.bool_)
    lengths = patch_run(patching.strategy, start, end, sample, patching, noise)
    return units, lengths, late_patches(lengths, patching)


def _text_ids(sample: Sample, tokenizer: TextTokenizer, first: int, end: int, strategy: str) -> list[int]:
    if sample.words:
        return tokenizer.encode_words(sample.words[first:end])
    if not sample.text:
        raise ConfigError(f"`interleave.strategy` {strategy} needs a transcript, but sample `{sample.id}` has none.")
    return tokenizer.encode(sample.text)
