"""Word times by the letters that a CTC model hears."""

from __future__ import annotations

from typing import Final

from lstdata.align.ctc.aligner import MIN_SCORE as MIN_SCORE
from lstdata.align.ctc.aligner import CtcAligner as CtcAligner
from lstdata.align.ctc.model import find_ctc_model as find_ctc_model

VERSION: Final = 1
"""Raised when times or scores change for an equal recording, transcript and model."""
