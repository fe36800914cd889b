"""The options of the first of two phases, which makes units and nothing that the second could make without a GPU."""

from __future__ import annotations

from dataclasses import replace

from lstdata.config import BuildConfig, WordsConfig
from lstdata.errors import ConfigError


def first_phase(config: BuildConfig) -> BuildConfig:
    """The same build without word times, and so without a rule on their scores.

    ConfigError where it would itself take its units from a first phase.
    """
    if config.units.taken_from is not None:
        raise ConfigError("`--units-only` makes units, so that `units.taken_from` must not be given.")
    words = WordsConfig(aligner="none", missing="speech")
    return replace(config, words=words, filter=replace(config.filter, min_score=None))
