from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.evaluate.endings import Coding, concatenated
from lstdata.patching import STRATEGIES, patch_run
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.units.pieces import UnitPieces, fit_pieces
from lstdata.vocab import VocabCard

Spoken = Callable[..., Sample]


def test_two_stretches_of_speech_are_one_run_without_an_end(
    spoken: Spoken, coding: Callable[..., Coding], vocab: VocabCard
) -> None:
    prompt, ending = spoken(3, seed=1), spoken(2, seed=2)
    made = coding().ending(prompt, ending)
    units = np.concatenate([prompt.units, ending.units]).astype(int) + vocab.first_unit
    assert made.document.tokens.tolist() == [vocab.bos, vocab.speech_marker, *units.tolist()]
    assert made.document.lengths.tolist() == [1, 1, *[4] * 9]
    assert made.tokens == ending.frames == 15


def test_the_four_modes_and_no_prompt(
    spoken: Spoken, coding: Callable[..., Coding], vocab: VocabCard, tokenizer: TextTokenizer
) -> None:
    prompt, ending = spoken(2, seed=1), spoken(1, seed=2)
    b, t, s = vocab.bos, vocab.text_marker, vocab.speech_marker
    heard, said = ((sample.units.astype(int) + vocab.first_unit).tolist() for sample in (prompt, ending))
    read, written = tokenizer.encode("one day"), tokenizer.encode("the keeper")
    follows = tokenizer.encode("one day the keeper")[len(read) :]
    for sides, tokens, scored in (
        ((prompt, "the keeper"), [b, s, *heard, t, *written], len(written)),
        (("one day", ending), [b, t, *read, s, *said], len(said)),
        (("one day", "the keeper"), [b, t, *read, *follows], len(follows)),
        ((None, ending), [b, s, *said], len(said)),
        ((None, "the keeper"), [b, t, *written], len(written)),
    ):
        made = coding().ending(*sides)
        assert made.document.tokens.tolist() == tokens
        assert made.tokens == scored
        assert int(made.document.lengths.sum()) == len(tokens)


def test_the_short_last_patch_of_each_run_is_read_late(spoken: Spoken, coding: Callable[..., Coding]) -> None:
    prompt, ending = spoken(2, seed=1), spoken(1, seed=2)
    assert (prompt.frames, ending.frames) == (15, 9)
    for sides, late in (((prompt, "the keeper"), [5]), ((prompt, ending), []), ((None, ending), [4])):
        made = coding().ending(*sides).document
        assert made.late is not None and len(made.late) == len(made.lengths)
        assert np.flatnonzero(made.late).tolist() == late
        by_words = coding("aligned").ending(*sides).document.late
        assert by_words is not None and not by_words.any()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_joined_is_patched_as_an_utterance_of_its_own(spoken: Spoken, strategy: str) -> None:
    """Word by word, silence by silence: the patches of each side, but where the two silences meet."""
    first, second = spoken(3, seed=1), spoken(2, seed=2)
    joined = concatenated(first, second)
    config = PatchingConfig()
    lengths = patch_run(strategy, 0, joined.frames, joined, config)
    assert int(lengths.sum()) == first.frames + second.frames
    if strategy in ("aligned", "aligned-bpe"):
        apart = [patch_run(strategy, 0, s.frames, s, config).tolist() for s in (first, second)]
        assert lengths.tolist() == [*apart[0][:-1], apart[0][-1] + apart[1][0], *apart[1][1:]]
    assert joined.words == (first.words or ()) + (second.words or ())


def test_patches_by_words_need_the_words_of_both(spoken: Spoken, coding: Callable[..., Coding]) -> None:
    for sides in ((spoken(2), spoken(2, timed=False)), (spoken(2, timed=False), spoken(2))):
        with pytest.raises(ConfigError, match="word"):
            coding("aligned").ending(*sides)
        assert coding("static").ending(*sides).tokens == sides[1].frames


def test_pieces_of_units_do_not_cross_from_the_prompt_into_the_ending(
    spoken: Spoken, coding: Callable[..., Coding], vocab: VocabCard
) -> None:
    data = fit_pieces([spoken(10, seed=i).units for i in range(4)] * 3, 50, 70)
    pieces = UnitPieces(data, "m")
    by_pieces = replace(coding(), pieces=pieces, vocab=vocab.with_pieces(pieces.size, "p"))
    for prompt, ending in ((spoken(2, seed=1), spoken(3, seed=2)), (spoken(2, seed=1), spoken(3, seed=3))):
        made = by_pieces.ending(prompt, ending)
        first, second = (pieces.encode(s.units) + by_pieces.vocab.first_unit for s in (prompt, ending))
        assert made.document.tokens[2:].tolist() == [*first.tolist(), *second.tolist()]
        assert made.tokens == len(second)
        assert (made.document.lengths == 1).all()
