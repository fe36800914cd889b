"""torch.compile, layer by layer: layers of one shape share their code, and masks are made outside."""

from __future__ import annotations

from typing import Any

from lstdata.model.attention import allow_variants
from lstdata.model.layers import Block, CrossAttention
from lstdata.model.lst import Model


def compile_blocks(model: Model, **options: Any) -> Model:
    """Compile the forward pass of each layer in place; parameters keep their names.

    `options` are those of torch.compile. Unless they say otherwise a layer is one graph, for any number of tokens and
    positions: every batch has other ones.
    """
    allow_variants()
    chosen = {
        "fullgraph": True,
        "dynamic": True,
        **{name: value for name, value in options.items() if value is not None},
    }
    for module in model.modules():
        if isinstance(module, Block | CrossAttention):
            module.compile(**chosen)  # type: ignore[no-untyped-call]
    return model
