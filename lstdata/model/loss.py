"""Cross-entropy over the joint vocabulary without the logits of all tokens at once.

Shapes: N tokens, d width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import cross_entropy

from lstdata.model.batch import IGNORED

LOGITS: Final = 2**25
"""Float32 logits that exist at once: 128 MiB."""


def token_losses(states: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy in nats, and (N,) that of each token, 0 where the target is IGNORED.

    States (N, d), the output matrix (V, d). Only the sum has a gradient: it is made in the forward pass, chunk by chunk
    of tokens, so that a chunk's logits are forgotten with it. Softmax in float32, products in the autocast type.
    """
    wanted = torch.is_grad_enabled() and (states.requires_grad or weight.requires_grad)
    apply: Callable[..., tuple[Tensor, Tensor]] = _TokenLosses.apply
    return apply(states, weight, targets, wanted)


class _TokenLosses(Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, wanted: bool) -> tuple[Tensor, Tensor]:
        """`wanted`: the gradients; here grad mode is off, and `ctx.needs_input_grad` does not know of it."""
        device = states.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else states.dtype
        precise = torch.promote_types(kind, torch.float32)
        each = torch.empty(len(states), dtype=precise, device=states.device)
        to_states = torch.empty_like(states) if wanted else None
        to_weight = torch.zeros_like(weight, dtype=precise) if wanted else None
        with torch.autocast(device, enabled=False):
            x, w = states.to(kind), weight.to(kind)
            size = max(1, LOGITS // len(weight))
            for start in range(0, len(states), size):
                chunk = slice(start, start + size)
                logits = (x[chunk] @ w.t()).to(precise)
                each[chunk] = cross_entropy(logits, targets[chunk], ignore_index=IGNORED, reduction="none")
                if to_states is not None and to_weight is not None:
                    gradient = _to_logits(logits, targets[chunk]).to(kind)
                    to_states[chunk] = gradient @ w
                    to_weight += gradient.t() @ x[chunk]
        ctx.save_for_backward(to_states, None if to_weight is None else to_weight.to(weight.dtype))
        ctx.mark_non_differentiable(each)
        return each.sum(), each

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        of_sum = gradients[0]
        to_states, to_weight = ctx.saved_tensors
        return to_states * of_sum.to(to_states.dtype), to_weight * of_sum.to(to_weight.dtype), None, None


def _to_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """Softmax less one at the target; 0 for tokens that predict nothing."""
    gradient = logits.softmax(dim=-1)
    gradient.scatter_add_(1, targets.clamp(min=0)[:, None], gradient.new_full((len(targets), 1), -1.0))
    return gradient.masked_fill_((targets == IGNORED)[:, None], 0.0)
