"""Small checkpoints of unit HiFi-GANs, in the layout that textlesslib, fairseq and Spirit LM read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

CONFIG: dict[str, Any] = {
    "resblock": "1",
    "upsample_rates": [5, 4, 2],
    "upsample_kernel_sizes": [11, 8, 4],
    "upsample_initial_channel": 16,
    "resblock_kernel_sizes": [3, 5],
    "resblock_dilation_sizes": [[1, 3], [1, 2]],
    "num_embeddings": 10,
    "embedding_dim": 6,
    "model_in_dim": 6,
    "code_hop_size": 40,
    "f0": False,
    "segment_size": 8960,
    "learning_rate": 0.0002,
    "sampling_rate": 16_000,
}
SPEAKERS = {"multispkr": "from-path", "num_speakers": 3, "model_in_dim": 12}
VOICES = SPEAKERS | {"multistyle": "from-path", "num_styles": 2, "model_in_dim": 18}
DURATIONS = {
    "dur_predictor_params": {
        "encoder_embed_dim": 6,
        "var_pred_hidden_dim": 8,
        "var_pred_kernel_size": 3,
        "var_pred_dropout": 0.5,
    }
}


def state(config: dict[str, Any]) -> dict[str, Tensor]:
    """Random weights by the checkpoints' names, convolutions of the generator as gain and direction."""
    random = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random) * 0.3

    made: dict[str, Tensor] = {}

    def normed(name: str, *shape: int, out: int) -> None:
        made[f"{name}.weight_g"] = drawn(shape[0], 1, 1).abs() + 0.5
        made[f"{name}.weight_v"] = drawn(*shape)
        made[f"{name}.bias"] = drawn(out)

    width = config["embedding_dim"]
    made["dict.weight"] = drawn(config["num_embeddings"], width)
    if config.get("multispkr"):
        made["spkr.weight"] = drawn(config["num_speakers"], width)
    if config.get("multistyle"):
        made["style.weight"] = drawn(config["num_styles"], width)
    first = config["upsample_initial_channel"]
    normed("conv_pre", first, config["model_in_dim"], 7, out=first)
    number = 0
    for step, kernel in enumerate(config["upsample_kernel_sizes"]):
        before, after = first >> step, first >> (step + 1)
        normed(f"ups.{step}", before, after, kernel, out=after)
        for size, dilations in zip(config["resblock_kernel_sizes"], config["resblock_dilation_sizes"], strict=True):
            for pair in ("convs1", "convs2"):
                for place in range(len(dilations)):
                    normed(f"resblocks.{number}.{pair}.{place}", after, after, size, out=after)
            number += 1
    normed("conv_post", 1, after, 7, out=1)
    if config.get("dur_predictor_params"):
        hidden, kernel = (config["dur_predictor_params"][f"var_pred_{key}"] for key in ("hidden_dim", "kernel_size"))
        made |= {
            "dur_predictor.conv1.0.weight": drawn(hidden, width, kernel),
            "dur_predictor.conv1.0.bias": drawn(hidden),
        }
        made |= {
            "dur_predictor.conv2.0.weight": drawn(hidden, hidden, kernel),
            "dur_predictor.conv2.0.bias": drawn(hidden),
        }
        for name in ("ln1", "ln2"):
            made |= {f"dur_predictor.{name}.weight": drawn(hidden), f"dur_predictor.{name}.bias": drawn(hidden)}
        made |= {"dur_predictor.proj.weight": drawn(1, hidden), "dur_predictor.proj.bias": torch.tensor([2.5])}
    return made


def write(folder: Path, changed: dict[str, Any] | None = None, weights: dict[str, Tensor] | None = None) -> Path:
    """A folder with config.json and generator.pt."""
    config = CONFIG | (changed or {})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    torch.save({"generator": state(config) if weights is None else weights}, folder / "generator.pt")
    return folder
