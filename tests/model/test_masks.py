from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lstdata.model.batch import IGNORED, collate
from lstdata.model.masks import decoder_mask, encoder_mask, global_mask, local_mask
from lstdata.packing import Row, join

MakeRow = Callable[..., Row]


def seen(mask: Tensor) -> list[list[int]]:
    """For each query of the first row, the keys that it sees."""
    return [torch.nonzero(line == 0).flatten().tolist() for line in mask[0, 0]]


def test_a_token_reads_the_positions_that_end_at_it_or_before(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 4, 4])])
    assert seen(decoder_mask(batch, visible=512, queries=1)) == [[0]] * 4 + [[0, 1]] * 4 + [[0, 1, 2]]


def test_each_position_has_as_many_keys_as_queries(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 2])])
    assert seen(decoder_mask(batch, visible=512, queries=3)) == [[0, 1, 2], [0, 1, 2], [0, 1, 2, 3, 4, 5]]


def test_only_the_latest_positions_are_visible(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 1, 2, 1])])
    assert seen(decoder_mask(batch, visible=2, queries=1)) == [[0], [0, 1], [0, 1], [1, 2], [2, 3]]


def test_no_mask_crosses_a_document(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 2], [1, 1])])
    assert seen(local_mask(batch, window=512)) == [[0], [0, 1], [0, 1, 2], [3], [3, 4]]
    assert seen(global_mask(batch)) == [[0], [0, 1], [2], [2, 3]]
    assert seen(decoder_mask(batch, visible=512, queries=1)) == [[0], [0], [0, 1], [2], [2, 3]]


def test_the_local_window_counts_the_token_itself(make_row: MakeRow) -> None:
    assert seen(local_mask(collate([make_row([1, 3])]), window=2)) == [[0], [0, 1], [1, 2], [2, 3]]


def test_a_patch_pools_its_own_tokens(make_row: MakeRow) -> None:
    batch = collate([make_row([1, 3, 2])])
    assert batch.members[0].tolist() == [[0, -1, -1], [1, 2, 3], [4, 5, -1]]
    assert (encoder_mask(batch)[:, 0, 0] == 0).tolist() == [[True, False, False], [True] * 3, [True, True, False]]


def test_padding_sees_everything_so_that_no_attention_is_empty(make_row: MakeRow) -> None:
    batch = collate([join([]), make_row([1, 2])])
    assert seen(decoder_mask(batch, visible=512, queries=1)) == [[0, 1]] * 3
    assert seen(encoder_mask(batch)) == [[0, 1]]


def test_batches_say_where_everything_is(make_row: MakeRow) -> None:
    row = make_row([1, 2], [1, 1])
    batch = collate([row, join([])])
    assert batch.targets[0].tolist() == [*row.tokens[1:3].tolist(), IGNORED, int(row.tokens[4]), IGNORED]
    assert batch.document.tolist() == [[0, 0, 0, 1, 1], [-1] * 5]
    assert batch.index[0].tolist() == [0, 1, 2, 0, 1]
    assert batch.position_index[0].tolist() == [0, 1, 0, 1]
    assert batch.position_end[0].tolist() == [0, 2, 3, 4]
    assert batch.num_targets == 3
