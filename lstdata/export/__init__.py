"""A finished run in the formats of other people's trainers, one module each."""

from __future__ import annotations

FORMATS = ("lst", "slamkit", "hf", "lhotse")
"""The LST authors' training lines; slamkit's features and tokens; Parquet for `datasets`; lhotse's Shar."""
