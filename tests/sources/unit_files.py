"""Files of units that somebody else has made, written by tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

WORDS = "the old miller saw seven grey geese above the river and went home early".split()

Part = tuple[str, list[int]]


def interleaved(parts: Iterable[Part]) -> str:
    """Words (or `[SIL]`) with their ids as the LST authors write them."""
    return " ".join(f"<LST MODE SEP>TEXT {word} <LST MODE SEP>HUBERT {' '.join(map(str, ids))}" for word, ids in parts)


def write_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


def spoken(number: int, clusters: int = 500) -> list[Part]:
    """One made-up utterance: silences between its words, one word without ids."""
    rng = np.random.default_rng(number)
    parts: list[Part] = [("[SIL]", rng.integers(clusters, size=4).tolist())]
    for at, word in enumerate(WORDS[: int(rng.integers(8, len(WORDS)))]):
        parts.append((word, rng.integers(clusters, size=0 if at == 5 else int(rng.integers(2, 8))).tolist()))
        parts.append(("[SIL]", rng.integers(clusters, size=int(rng.integers(0, 4))).tolist()))
    return parts


def write_on_the_fly(folder: Path, utterances: int) -> Path:
    """Two chunks of the authors' format."""
    lines = [{"file_id": f"mls/train/{n}_0", "interleaved": interleaved(spoken(n))} for n in range(utterances)]
    write_lines(folder / "mls.chunk.00.on_the_fly", lines[::2])
    write_lines(folder / "mls.chunk.01.on_the_fly", lines[1::2])
    return folder
