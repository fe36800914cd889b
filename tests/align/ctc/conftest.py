"""The tone model of `tests/transcribe`, and what aligns by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.align.ctc import CtcAligner, find_ctc_model
from lstdata.checkpoints.ctc_alphabet import Alphabet
from lstdata.config import WordsConfig
from tests.transcribe.conftest import tone_model as tone_model

LETTERS = ("<pad>", "|", "<unk>", *"abcdefghijklmnopqrstuvwxyz'")


@pytest.fixture(scope="session")
def english() -> Alphabet:
    return Alphabet(LETTERS, 0, "|", frozenset({2}))


def aligner_of(folder: Path, **options: object) -> CtcAligner:
    config = WordsConfig(aligner="ctc", model=str(folder), **options)  # type: ignore[arg-type]
    return CtcAligner(find_ctc_model(config), config)


@pytest.fixture(scope="session")
def aligner(tone_model: Path) -> CtcAligner:
    """Spells with A and B, which it hears in tones; every score is accepted."""
    return aligner_of(tone_model, min_score=None)
