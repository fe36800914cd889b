from __future__ import annotations

from collections.abc import Callable

from lstdata.model.batch import IGNORED, collate
from lstdata.model.sights import Sight, decoder_sight, encoder_sight, global_sight, local_sight, token_sight
from lstdata.packing import Row, join

MakeRow = Callable[..., Row]


def seen(sight: Sight) -> list[list[int]]:
    """For each query, the keys that it sees."""
    assert int(sight.end.max()) <= sight.keys
    return [list(range(first, end)) for first, end in zip(sight.first.tolist(), sight.end.tolist(), strict=True)]


def test_a_token_reads_the_positions_that_end_at_it_or_before(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 4, 4])])
    assert seen(decoder_sight(batch, visible=512, queries=1)) == [[0]] * 4 + [[0, 1]] * 4 + [[0, 1, 2]]


def test_each_position_has_as_many_keys_as_queries(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 2])])
    assert seen(decoder_sight(batch, visible=512, queries=3)) == [[0, 1, 2], [0, 1, 2], [0, 1, 2, 3, 4, 5]]


def test_a_patch_that_ends_with_its_run_is_read_from_the_token_after_it_on(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 4, 2, 1], [1, 1, 1], [1, 2], late=(2, 5, 8))])
    every = [[0]] * 4 + [[0, 1]] * 3 + [[0, 1, 2, 3]]
    assert seen(decoder_sight(batch, visible=512, queries=1)) == [*every, [4], [4], [4, 5, 6], [7], [7], [7]]
    two = [[0]] * 4 + [[0, 1]] * 3 + [[2, 3]]
    assert seen(decoder_sight(batch, visible=2, queries=1))[:8] == two
    one = [[0]] * 4 + [[1]] * 3 + [[3]]
    assert seen(decoder_sight(batch, visible=1, queries=1))[:8] == one


def test_only_the_latest_positions_are_visible(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 1, 2, 1])])
    assert seen(decoder_sight(batch, visible=2, queries=1)) == [[0], [0, 1], [0, 1], [1, 2], [2, 3]]


def test_nothing_crosses_a_document_or_a_row(make_row: MakeRow) -> None:
    for batch in (collate([make_row([1, 2], [1, 1])]), collate([make_row([1, 2]), make_row([1, 1])])):
        assert seen(local_sight(batch, window=512)) == [[0], [0, 1], [0, 1, 2], [3], [3, 4]]
        assert seen(token_sight(batch)) == seen(local_sight(batch, window=512))
        assert seen(global_sight(batch)) == [[0], [0, 1], [2], [2, 3]]
        assert seen(decoder_sight(batch, visible=512, queries=1)) == [[0], [0], [0, 1], [2], [2, 3]]


def test_the_local_window_counts_the_token_itself(make_row: MakeRow) -> None:
    assert seen(local_sight(collate([make_row([1, 3])]), window=2)) == [[0], [0, 1], [1, 2], [2, 3]]


def test_the_queries_of_a_position_read_its_own_tokens(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 3, 2])])
    assert seen(encoder_sight(batch, queries=2)) == [[0], [0], [1, 2, 3], [1, 2, 3], [4, 5], [4, 5]]


def test_padding_sees_padding_alone_and_never_nothing(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 2])], multiple=4)
    assert seen(decoder_sight(batch, visible=512, queries=1)) == [[0], [0], [0, 1], [3]]
    assert seen(local_sight(batch, window=512))[3] == [3]
    assert seen(global_sight(batch))[2:] == [[2], [3]]
    assert seen(encoder_sight(batch, queries=1)) == [[0], [1, 2], [3], [3]]
    empty = collate([join([])])
    assert [seen(s) for s in (decoder_sight(empty, 8, 1), encoder_sight(empty, 1), token_sight(empty))] == [[[0]]] * 3


def test_batches_say_where_everything_is(make_row: MakeRow) -> None:
    row, other = make_row([1, 2], [1, 1]), make_row([1, 3], seed=1, late=(1,))
    batch = collate([row, join([]), other], multiple=5)
    tokens = [*row.tokens.tolist(), *other.tokens.tolist()]
    assert batch.tokens.tolist() == [*tokens, 0]
    assert batch.targets.tolist() == [*tokens[1:3], IGNORED, tokens[4], IGNORED, *tokens[6:9], IGNORED, IGNORED]
    assert batch.document.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2, -1]
    assert batch.index.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 3, 0]
    assert batch.position.tolist() == [0, 1, 1, 2, 3, 4, 5, 5, 5, 9]
    assert batch.position_document.tolist() == [0, 0, 1, 1, 2, 2, -1, -1, -1, -1]
    assert batch.position_index.tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0, 0]
    assert batch.position_start.tolist() == [0, 1, 3, 4, 5, 6, 9, 9, 9, 9]
    assert batch.position_end.tolist() == [0, 2, 3, 4, 5, 8, 9, 9, 9, 9]
    assert batch.position_read.tolist() == [0, 2, 3, 4, 5, 9, 9, 9, 9, 9]
    assert (batch.rows, batch.documents, batch.num_targets) == (3, 3, 6)
    assert (batch.num_tokens, batch.num_positions) == (9, 6)


def test_padded_tokens_have_a_padded_position_of_their_own(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 1, 2, 1])], multiple=4)
    assert (len(batch.tokens), len(batch.position_end)) == (8, 8)
    assert batch.position.tolist() == [0, 1, 2, 2, 3, 7, 7, 7]
