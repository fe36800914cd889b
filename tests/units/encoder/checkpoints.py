"""Encoders with random weights, in the folders that real ones come in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
AT_50_HZ = {"conv_dim": (16,) * 7}
AT_25_HZ: dict[str, Any] = {
    "conv_dim": (16,) * 8,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2, 2),
    "num_feat_extract_layers": 8,
}
FAMILIES = ("Hubert", "Wav2Vec2", "WavLM")
STYLES = ("group", "layer")
"""HuBERT base normalises over time after its first convolution, HuBERT large over channels after each."""


def random_model(family: str, style: str, shape: dict[str, Any] = AT_50_HZ, seed: int = 0) -> Any:
    import torch
    import transformers

    config = getattr(transformers, f"{family}Config")(
        **SIZES, **shape, feat_extract_norm=style, do_stable_layer_norm=style == "layer", conv_bias=style == "layer"
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return getattr(transformers, f"{family}Model")(config).eval()


def save(model: Any, folder: Path, normalize: bool | None = False, rate: int = 16_000) -> Path:
    model.save_pretrained(folder)
    if normalize is not None:
        described = {"do_normalize": normalize, "sampling_rate": rate}
        (folder / "preprocessor_config.json").write_text(json.dumps(described))
    return folder
