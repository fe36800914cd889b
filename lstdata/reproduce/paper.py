"""Figures of the paper, to stand beside ours: of other models, data and tasks, so shapes compare and values do not.

Lu et al., Latent Speech-Text Transformer, arXiv 2510.06195 v2, as collected in this project's specification of the
method. What is not there is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAPER: Final = "Lu et al., arXiv 2510.06195 v2"
TASK: Final = "HellaSwag (1 of 4)"
CHANCE: Final = 25.0


@dataclass(frozen=True, slots=True)
class Published:
    """Accuracies in per cent, S→S and T→T, with standard deviations over seeds where there are some."""

    speech: float
    text: float
    speech_std: float | None = None
    text_std: float | None = None

    def of(self, mode: str) -> tuple[float, float | None] | None:
        """In a mode of `lstdata evaluate`; None in those across modalities."""
        return {"s-s": (self.speech, self.speech_std), "t-t": (self.text, self.text_std)}.get(mode)


COMPUTE: Final = {
    "base": Published(39.0, 47.0),
    "unit-bpe": Published(38.0, 47.5),
    "static-4": Published(44.3, 51.1),
    "aligned": Published(42.7, 51.7),
    "mixed": Published(44.3, 51.9),
    "curriculum": Published(45.5, 52.2),
}
"""1B, equal steps and positions. `static-4` is its `static`, of four units."""

DATA: Final = {"base": Published(40.2, 49.6)}
"""1B, the baseline on as many raw tokens as the LST; the LST's own figures are those of `COMPUTE`."""

SEEDS: Final = {
    "base": Published(36.5, 46.3, 0.2, 0.8),
    "static-4": Published(40.9, 48.5, 0.7, 0.4),
    "curriculum": Published(41.4, 49.1, 0.1, 0.1),
}
"""1B, 200,000 steps, three seeds."""

PATCH_SIZES: Final = {"static-6": Published(39.4, 49.2), "static-9": Published(37.2, 49.4)}
"""Static patches of six and of nine units. The collection does not say after how many steps: no difference is given."""

SIZES: Final = {
    "420M": (Published(28.4, 31.1), Published(29.2, 31.6)),
    "1.8B": (Published(35.3, 45.7), Published(39.0, 46.3)),
    "7B": (Published(42.0, 54.8), Published(44.2, 55.3)),
}
"""By size: the baseline, the LST."""

SAVED: Final = "19 to 20 %"
"""Positions that the LST takes fewer than the baseline for equal raw tokens of the mix."""

WER: Final = "6.8 and 10.4 % (LST), 140 and 202 % (baseline)"
"""LibriSpeech's two test sets, after 1,000 steps of fine-tuning."""

TTS_STEPS: Final = 4
"""How many times fewer global steps the LST takes in synthesis."""


def published(budget: str, arm: str) -> Published | None:
    """Of the main table."""
    return DATA.get(arm, COMPUTE.get(arm)) if budget == "data" else COMPUTE.get(arm)


def expected(ours: str, theirs: str, budget: str, mode: str) -> float | None:
    """By how many points two arms differ in the main table; None where it does not say."""
    found = [row.of(mode) for row in (published(budget, arm) for arm in (ours, theirs)) if row is not None]
    known = [values[0] for values in found if values is not None]
    return known[0] - known[1] if len(known) == 2 else None
