from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from lstdata.model import loss
from lstdata.model.batch import IGNORED

TARGETS = torch.tensor([3, IGNORED, 0, 6, 6, IGNORED, 1])


@pytest.mark.parametrize("logits_at_once", [1, 3 * 7, 2**20])
def test_the_loss_and_its_gradients_are_those_of_all_logits_at_once(
    logits_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "LOGITS", logits_at_once)
    torch.manual_seed(0)
    states = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    expected = cross_entropy(states @ weight.t(), TARGETS, ignore_index=IGNORED, reduction="none")
    total, each = loss.token_losses(states, weight, TARGETS)
    torch.testing.assert_close(each, expected)
    torch.testing.assert_close(total, expected.sum())
    assert not each.requires_grad
    wanted = torch.autograd.grad(expected.sum() * 0.3, (states, weight))
    got = torch.autograd.grad(total * 0.3, (states, weight))
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_no_logits_of_all_tokens_exist() -> None:
    """The largest tensor made on the way to the gradients, by its elements."""
    from torch.utils._python_dispatch import TorchDispatchMode

    largest = 0

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                largest = max(largest, made.numel())
            return made

    tokens, width, vocabulary = 4096, 8, 40_000
    states = torch.randn(tokens, width, requires_grad=True)
    weight = torch.randn(vocabulary, width, requires_grad=True)
    with Sizes():
        total, _ = loss.token_losses(states, weight, torch.randint(vocabulary, (tokens,)))
        total.backward()  # type: ignore[no-untyped-call]
    assert largest <= loss.LOGITS < tokens * vocabulary


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_no_gradient_is_made_where_none_is_wanted(mode: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in validation: the output matrix is a parameter, whatever the mode."""
    states, weight = torch.randn(7, 5), torch.nn.Parameter(torch.randn(7, 5))
    total, each = loss.token_losses(states, weight, TARGETS)
    monkeypatch.delattr(loss, "_to_logits")
    with mode():
        for got, want in zip(loss.token_losses(states, weight, TARGETS), (total, each), strict=True):
            torch.testing.assert_close(got, want.detach())


def test_under_autocast_products_are_in_half_and_sums_in_single_precision() -> None:
    torch.manual_seed(0)
    states, weight = torch.randn(64, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)
    targets = torch.randint(50, (64,))
    exact, _ = loss.token_losses(states, weight, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, each = loss.token_losses(states, weight, targets)
    assert (total.dtype, each.dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(total, exact, rtol=5e-3, atol=0)
    assert all(g.dtype == torch.float32 for g in torch.autograd.grad(total, (states, weight)))


def test_without_a_gradient_none_is_made() -> None:
    with torch.no_grad():
        total, each = loss.token_losses(torch.randn(7, 5), torch.randn(7, 5), TARGETS)
    assert float(total) == pytest.approx(float(each.sum()))
