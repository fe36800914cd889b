from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.documents import Document
from lstdata.packing import RowBudget, join, pieces
from lstdata.vocab import VocabCard

VOCAB = VocabCard(
    text_size=10, tokenizer_sha256="", tokenizer_bos=None, tokenizer_eos=None, units=4, codebook_sha256=""
)
BOS, EOS, TEXT, SPEECH = VOCAB.bos, VOCAB.eos, VOCAB.text_marker, VOCAB.speech_marker


def document(tokens: list[int], lengths: list[int]) -> Document:
    return Document(np.array(tokens, dtype=np.int32), np.array(lengths, dtype=np.int32))


def cut(ids: list[int], lengths: list[int], **budget: int) -> list[tuple[list[int], list[int]]]:
    parts = pieces(document(ids, lengths), RowBudget(**budget), VOCAB)
    return [(part.tokens.tolist(), part.lengths.tolist()) for part in parts]


def test_a_document_that_fits_is_left_whole() -> None:
    assert cut([BOS, SPEECH, 16, 17, EOS], [1, 1, 2, 1], positions=4, tokens=5) == [
        ([BOS, SPEECH, 16, 17, EOS], [1, 1, 2, 1])
    ]


def test_later_pieces_begin_with_bos_and_the_marker_of_the_span_that_is_cut() -> None:
    tokens = [BOS, TEXT, 1, SPEECH, 16, 17, 18, 19, 16, EOS]
    assert cut(tokens, [1, 1, 1, 1, 2, 2, 1, 1], positions=99, tokens=6) == [
        ([BOS, TEXT, 1, SPEECH, 16, 17], [1, 1, 1, 1, 2]),
        ([BOS, SPEECH, 18, 19, 16, EOS], [1, 1, 2, 1, 1]),
    ]


def test_no_marker_is_repeated_where_one_or_the_end_comes_next() -> None:
    assert cut([BOS, TEXT, 1, SPEECH, 16, EOS], [1] * 6, positions=3, tokens=99) == [
        ([BOS, TEXT, 1], [1, 1, 1]),
        ([BOS, SPEECH, 16], [1, 1, 1]),
        ([BOS, EOS], [1, 1]),
    ]


def test_what_is_read_late_stays_with_its_positions() -> None:
    tokens = [BOS, SPEECH, 16, 17, 18, 19, 16, TEXT, 1, SPEECH, 16, EOS]
    lengths, late = [1, 1, 2, 2, 1, 1, 1, 1, 1, 1], [4, 8]
    whole = replace(document(tokens, lengths), late=np.isin(np.arange(len(lengths)), late))
    parts = list(pieces(whole, RowBudget(positions=99, tokens=6), VOCAB))
    assert [part.lengths.tolist() for part in parts] == [[1, 1, 2, 2], [1, 1, 1, 1, 1, 1], [1, 1, 1, 1]]
    assert [of.late is not None and np.flatnonzero(of.late).tolist() for of in parts] == [[], [2], [2]]
    row = join([document([BOS, EOS], [1, 1]), *parts])
    assert row.late is not None and np.flatnonzero(row.late).tolist() == [8, 14]
    assert join([document([BOS, EOS], [1, 1])]).late is None


def test_a_position_is_never_cut() -> None:
    assert cut([BOS, SPEECH, 16, 17, 18, 19], [1, 1, 3, 1], positions=9, tokens=5)[0][1] == [1, 1, 3]
    with pytest.raises(ValueError, match="a row of 4"):
        cut([BOS, SPEECH, 16, 17, 18, 19], [1, 1, 3, 1], positions=9, tokens=4)


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.integers(1, 4), min_size=1, max_size=9)), min_size=1, max_size=6),
    st.integers(4, 12),
    st.integers(8, 30),
)
def test_pieces_fit_and_hold_every_token_once(spans: list[tuple[bool, list[int]]], positions: int, tokens: int) -> None:
    ids, lengths = [BOS], [1]
    for speech, patches in spans:
        ids += [SPEECH if speech else TEXT] + [VOCAB.first_unit if speech else 3] * sum(patches)
        lengths += [1] + (patches if speech else [1] * sum(patches))
    whole = document([*ids, EOS], [*lengths, 1])
    parts = list(pieces(whole, RowBudget(positions=positions, tokens=tokens), VOCAB))
    rebuilt = parts[0].tokens.tolist()
    for part in parts:
        assert len(part.lengths) <= positions
        assert len(part.tokens) == part.lengths.sum() <= tokens
        assert part.lengths[0] == 1
        assert part.tokens[0] == BOS
    for part in parts[1:]:
        rest = part.tokens.tolist()[1:]
        repeated = len(rebuilt) + len(rest) > len(whole.tokens) or whole.tokens[len(rebuilt)] != rest[0]
        rebuilt += rest[1:] if repeated else rest
    assert rebuilt == whole.tokens.tolist()


def test_joining_nothing_gives_an_empty_row() -> None:
    row = join([])
    assert len(row.tokens) == len(row.lengths) == len(row.documents) == 0
