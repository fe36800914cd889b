"""The schedules that go with the model's presets."""

from __future__ import annotations

from typing import Any, Final

_PAPER: Final[dict[str, Any]] = {
    "dropout": 0.0,
    "rows": {"per_step": 128, "positions": 4096, "tokens": 16_384},
    "optimizer": {"lr": 4e-4, "warmup": 2000, "weight_decay": 0.1},
    "steps": 200_000,
    "validate_every": 1000,
    "checkpoint_every": 1000,
}
"""arXiv 2510.06195 for its 1B: 0.5 M positions per step; the budget of raw tokens, validation and checkpoints are
chosen here."""

PRESETS: Final[dict[str, dict[str, Any]]] = {
    # Chosen here, for 200 short utterances on two CPU cores.
    "tiny": {
        "dropout": 0.05,
        "rows": {"per_step": 4, "positions": 256, "tokens": 512},
        "optimizer": {"lr": 1e-2, "warmup": 20, "weight_decay": 0.1},
        "steps": 200,
        "validate_every": 100,
        "checkpoint_every": 100,
    },
    # Chosen here, for a small replica on one GPU: 2.6 G positions.
    "60m": _PAPER
    | {
        "rows": {"per_step": 32, "positions": 4096, "tokens": 16_384},
        "optimizer": {"lr": 1e-3, "warmup": 1000, "weight_decay": 0.1},
        "steps": 20_000,
    },
    **dict.fromkeys(("420m", "630m", "810m", "1b", "1.1b", "1.4b", "1.8b"), _PAPER),
    # The paper's 4 M positions per step; the steps, for as many positions as the 1b, are chosen here.
    "7b": _PAPER | {"rows": {"per_step": 1024, "positions": 4096, "tokens": 16_384}, "steps": 25_000},
}
