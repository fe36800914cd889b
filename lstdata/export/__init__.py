"""A finished run in the formats of other people's trainers, one module each."""

from __future__ import annotations

FORMATS = ("lst", "slamkit", "hf", "lhotse", "webdataset")
"""The LST authors' lines; slamkit's features and tokens; Parquet for `datasets`; lhotse's Shar; shards with audio."""
