"""docs/training.md says what the presets are."""

from __future__ import annotations

import re
from pathlib import Path

from lstdata.model.parameters import count_parameters
from lstdata.model.presets import PRESETS, model_config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"


def size(parameters: int) -> str:
    return f"{parameters / 1e9:.2f} B" if parameters >= 1e9 else f"{parameters / 1e6:.0f} M"


def test_the_table_of_presets_is_that_of_the_code() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## Presets\n")[1].split("\n## ")[0]
    shown = {row[0]: row[1:] for row in (re.split(r" \| ", line) for line in section.splitlines()) if len(row) == 6}
    del shown["| `--preset`"], shown["| ---"]
    expected = {}
    for name in PRESETS:
        lst, plain = model_config(name, 32_506), model_config(name, 32_506, "plain")
        expected[f"| `{name}`"] = [
            f"{lst.global_layers}×{lst.global_width} ({lst.global_heads})",
            f"{lst.encoder_layers} + {lst.decoder_layers}×{lst.local_width} ({lst.local_heads})",
            size(count_parameters(lst)),
            size(count_parameters(plain)),
        ]
    assert {name: cells[:-1] for name, cells in shown.items()} == expected
