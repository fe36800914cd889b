"""Units by a pretrained speech encoder (HuBERT and its kin): hidden states of one layer, each recording on its own."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""Raised when hidden states change for equal input."""
