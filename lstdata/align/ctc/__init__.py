"""Word times by the letters that a CTC model hears."""

from __future__ import annotations

from lstdata.align.ctc.aligner import MIN_SCORE as MIN_SCORE
from lstdata.align.ctc.aligner import CtcAligner as CtcAligner
from lstdata.align.ctc.model import find_ctc_model as find_ctc_model
