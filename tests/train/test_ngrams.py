from __future__ import annotations

import math

import numpy as np
import pytest

from lstdata.packing import Row
from lstdata.train.ngrams import Bigram, Pairs, joined, modality_pairs
from lstdata.vocab import VocabCard

VOCAB = VocabCard(
    text_size=10, tokenizer_sha256="", tokenizer_bos=None, tokenizer_eos=None, units=4, codebook_sha256=""
)


def pairs(before: list[int], token: list[int]) -> Pairs:
    return Pairs(np.array(before, dtype=np.int64), np.array(token, dtype=np.int64))


def test_the_unigram_adds_one_and_the_bigram_interpolates() -> None:
    model = Bigram([pairs([9, 0, 1], [0, 1, 0])], size=4)
    unigram = {0: 3 / 7, 1: 2 / 7, 3: 1 / 7}
    strength = model.strength
    after_one = (1 + strength * unigram[0]) / (1 + strength)
    after_unseen = unigram[3]
    one, two = model.cross_entropies(pairs([1, 7], [0, 3]))
    assert one == pytest.approx(-(math.log(unigram[0]) + math.log(unigram[3])) / 2)
    assert two == pytest.approx(-(math.log(after_one) + math.log(after_unseen)) / 2)


def test_the_bigram_is_a_distribution_in_every_context() -> None:
    rng = np.random.default_rng(0)
    documents = [pairs(rng.integers(0, 5, 30).tolist(), rng.integers(0, 5, 30).tolist()) for _ in range(20)]
    model = Bigram(documents, size=5)
    for context in (0, 4, 77):
        total = sum(math.exp(-model.cross_entropies(pairs([context], [token]))[1]) for token in range(5))
        assert total == pytest.approx(1)


def test_the_strength_is_chosen_on_held_out_documents() -> None:
    rng = np.random.default_rng(0)
    cycle = [pairs([n % 5 for n in range(50)], [(n + 1) % 5 for n in range(50)])] * 20
    noise = [pairs(rng.integers(0, 50, 50).tolist(), rng.integers(0, 50, 50).tolist()) for _ in range(20)]
    assert Bigram(cycle, size=5).strength < 1 < Bigram(noise, size=50).strength


def test_each_modality_has_its_own_tokens_with_what_came_before() -> None:
    bos, eos, text, speech, unit = VOCAB.bos, VOCAB.eos, VOCAB.text_marker, VOCAB.speech_marker, VOCAB.first_unit
    tokens = [bos, text, 3, 4, speech, unit + 2, unit, eos, bos, speech, unit + 1, eos]
    row = Row(np.array(tokens, dtype=np.int32), np.ones(12, dtype=np.int32), np.array([8, 4], dtype=np.int32))
    found = modality_pairs([row], VOCAB)
    spoken = joined(found["units"])
    assert len(found["text"]) == len(found["units"]) == 2
    assert joined(found["text"]).token.tolist() == [3, 4]
    assert joined(found["text"]).before.tolist() == [text, 3]
    assert spoken.token.tolist() == [2, 0, 1]
    assert spoken.before.tolist() == [speech, unit + 2, speech]
