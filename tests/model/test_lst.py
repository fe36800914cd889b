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

from lstdata.model.batch import IGNORED, collate
from lstdata.model.layers import Block
from lstdata.model.lst import Model
from lstdata.packing import Row, join
from tests.model.reference import naive_logits

DOCUMENT = [1, 1, 4, 4, 2, 1, 1, 5, 3, 1]
"""Position lengths: BOS, a marker, patches, text, patches, EOS."""


def logits_of(model: Model, *rows: Row) -> Tensor:
    """(N, vocabulary)"""
    with torch.no_grad():
        logits: Tensor = model.logits(model.states(collate(rows)))
    return logits


def changed(row: Row, token: int, lengths: list[int]) -> Row:
    tokens = row.tokens.copy()
    tokens[token] = (tokens[token] + 7) % 40
    return Row(tokens, np.array(lengths, dtype=np.int32), row.documents)


@given(st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    torch.testing.assert_close(after[:token], before[:token], atol=1e-12, rtol=0)
    assert not torch.allclose(after[token], before[token], atol=1e-6)


@pytest.mark.parametrize("architecture", ["lst", "plain"])
@pytest.mark.parametrize("multiple", [1, 64])
def test_packed_documents_have_the_losses_that_they_have_alone(
    small_model: Callable[..., Model], make_row: Callable[..., Row], architecture: str, multiple: int
) -> None:
    model = small_model(architecture, window=5, visible=2)
    alone = [
        make_row(DOCUMENT, seed=1, late=(4, 8)),
        make_row([1, 3, 3], seed=2, late=(2,)),
        make_row([1] * 9 + [6], seed=3, late=(5,)),
    ]
    tokens, lengths, documents, late = (
        np.concatenate([getattr(row, name) for row in alone]) for name in ("tokens", "lengths", "documents", "late")
    )
    packed = Row(tokens, lengths, documents, late=late)
    apart = torch.cat([model(collate([row]))[1] for row in [alone[1], *alone]])
    batch = collate([alone[1], join([]), packed], multiple)
    total, together = model(batch)
    torch.testing.assert_close(together[: len(apart)], apart, atol=1e-12, rtol=0)
    assert not together[len(apart) :].any()
    assert total.item() == pytest.approx(apart.sum().item())


@pytest.mark.parametrize("architecture", ["lst", "plain"])
@pytest.mark.parametrize("changes", [{}, {"recompute": True}, {"attention": "dense"}], ids=str)
def test_losses_and_gradients_are_those_of_the_model_written_out(
    small_model: Callable[..., Model], make_row: Callable[..., Row], architecture: str, changes: dict[str, float]
) -> None:
    """Document by document, query by query, from the specification alone."""
    model = small_model(architecture, window=5, visible=2, **changes).train()
    rows = [make_row(DOCUMENT, [1, 3, 3], seed=1, late=(4, 8, 12)), make_row([1] * 4 + [6], seed=2)]
    batch = collate(rows, multiple=32)
    model(batch)[0].backward()
    got = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    logits = naive_logits(model, rows)
    loss = cross_entropy(logits, batch.targets[: len(logits)], ignore_index=IGNORED, reduction="sum")
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(model(batch)[0], loss)
    assert set(got) == {name for name, _ in model.named_parameters()}
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(got[name], parameter.grad, atol=1e-6, rtol=1e-5)  # angles are in single precision


def test_the_patching_of_the_past_changes_what_is_predicted(
    small_model: Callable[..., Model], make_row: Callable[..., Row]
) -> None:
    model = small_model()
    row = make_row([1, 4, 4])
    other = Row(row.tokens, np.array([1, 2, 6], dtype=np.int32), row.documents)
    assert not torch.allclose(logits_of(model, row)[3], logits_of(model, other)[3], atol=1e-6)


def test_a_token_far_behind_every_window_still_reaches_the_prediction_through_the_global_transformer(
    small_model: Callable[..., Model], make_row: Callable[..., Row]
) -> None:
    model = small_model(window=2, visible=1, encoder_layers=1, decoder_layers=1)
    row = make_row([1] + [4] * 6)
    moved = changed(row, 2, row.lengths.tolist())
    assert not torch.allclose(logits_of(model, row)[-1], logits_of(model, moved)[-1], atol=1e-9)


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_a_batch_of_nothing_has_a_loss_of_nothing_and_gradients_for_all(
    small_model: Callable[..., Model], architecture: str
) -> None:
    model = small_model(architecture).train()
    total, each = model(collate([join([])]))
    total.backward()
    assert (float(total.detach()), each.tolist()) == (0.0, [0.0])
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_under_autocast_residuals_are_added_in_single_precision(
    small_model: Callable[..., Model], make_row: Callable[..., Row], architecture: str
) -> None:
    """In every stack of either model: what many layers add up would lose its small parts in half precision."""
    model = small_model(architecture).float()
    kinds = []
    for module in model.modules():
        if isinstance(module, Block):
            module.register_forward_hook(lambda _, inputs, output: kinds.extend((inputs[0].dtype, output.dtype)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model(collate([make_row(DOCUMENT)]))
    assert len(kinds) >= 4 and set(kinds) == {torch.float32}


def test_the_model_needs_nothing_but_torch() -> None:
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {'yaml', 'click', 'fairseq2', 'pyarrow', 'tokenizers', 'lhotse', 'ray', 'sklearn'}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import lstdata.model.generation, lstdata.model.patch_session
"""
    subprocess.run([sys.executable, "-c", code], check=True)
