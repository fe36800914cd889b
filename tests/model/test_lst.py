from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from lstdata.model.batch import collate
from lstdata.model.lst import Model
from lstdata.packing import Row, join

DOCUMENT = [1, 1, 4, 4, 2, 1, 1, 5, 3, 1]
"""Position lengths: BOS, a marker, patches, text, patches, EOS."""


def logits_of(model: Model, *rows: Row) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(collate(rows))
    return logits


def changed(row: Row, token: int, lengths: list[int]) -> Row:
    tokens = row.tokens.copy()
    tokens[token] = (tokens[token] + 7) % 40
    return Row(tokens, np.array(lengths, dtype=np.int32), row.documents)


@given(st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_prediction_sees_a_later_token_or_boundary(
    small_model: Callable[..., Model], make_row: Callable[..., Row], data: st.DataObject
) -> None:
    """Change token t and redraw every boundary after it: states before t stay as they are."""
    architecture = data.draw(st.sampled_from(["lst", "plain"]))
    model = small_model(architecture, window=6, visible=3)
    lengths = [1, *data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))]
    total = sum(lengths)
    token = data.draw(st.integers(1, total - 1))
    kept = [length for length, end in zip(lengths, np.cumsum(lengths), strict=True) if end <= token]
    least = token - sum(kept) + 1
    rest = []
    while (left := total - sum(kept) - sum(rest)) > 0:
        rest.append(min(left, data.draw(st.integers(1 if rest else least, 9))))
    row = make_row(lengths)
    before = logits_of(model, row)
    after = logits_of(model, changed(row, token, kept + rest))
    torch.testing.assert_close(after[:, :token], before[:, :token], atol=1e-12, rtol=0)
    assert not torch.allclose(after[:, token], before[:, token], atol=1e-6)


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_packed_documents_have_the_losses_that_they_have_alone(
    small_model: Callable[..., Model], make_row: Callable[..., Row], architecture: str
) -> None:
    model = small_model(architecture, window=5, visible=2)
    alone = [make_row(DOCUMENT, seed=1), make_row([1, 3, 3], seed=2), make_row([1] * 9 + [6], seed=3)]
    packed = Row(*(np.concatenate([getattr(r, name) for r in alone]) for name in ("tokens", "lengths", "documents")))
    batch = collate([alone[1], packed])
    with torch.no_grad():
        together = cross_entropy(model(batch)[1], batch.targets[1], reduction="none")
    together = together[batch.targets[1] >= 0]
    apart = []
    for row in alone:
        one = collate([row])
        with torch.no_grad():
            apart.append(cross_entropy(model(one)[0, :-1], one.targets[0, :-1], reduction="none"))
    torch.testing.assert_close(together, torch.cat(apart), atol=1e-12, rtol=0)


def test_the_patching_of_the_past_changes_what_is_predicted(
    small_model: Callable[..., Model], make_row: Callable[..., Row]
) -> None:
    model = small_model()
    row = make_row([1, 4, 4])
    other = Row(row.tokens, np.array([1, 2, 6], dtype=np.int32), row.documents)
    assert not torch.allclose(logits_of(model, row)[0, 3], logits_of(model, other)[0, 3], atol=1e-6)


def test_a_token_far_behind_every_window_still_reaches_the_prediction_through_the_global_transformer(
    small_model: Callable[..., Model], make_row: Callable[..., Row]
) -> None:
    model = small_model(window=2, visible=1, encoder_layers=1, decoder_layers=1)
    row = make_row([1] + [4] * 6)
    moved = changed(row, 2, row.lengths.tolist())
    assert not torch.allclose(logits_of(model, row)[0, -1], logits_of(model, moved)[0, -1], atol=1e-9)


def test_an_empty_row_has_finite_gradients_and_no_targets(
    small_model: Callable[..., Model], make_row: Callable[..., Row]
) -> None:
    model = small_model()
    batch = collate([make_row(DOCUMENT), join([])])
    loss = cross_entropy(model(batch).flatten(0, 1), batch.targets.flatten())
    loss.backward()  # type: ignore[no-untyped-call]
    assert batch.num_targets == sum(DOCUMENT) - 1
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in model.parameters())
    assert torch.isfinite(logits_of(model, join([]))).all()


def test_the_model_needs_nothing_but_torch() -> None:
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'yaml', 'click', 'fairseq2', 'pyarrow', 'tokenizers', 'lhotse', 'ray', 'sklearn'}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import lstdata.model.lst
"""
    subprocess.run([sys.executable, "-c", code], check=True)
