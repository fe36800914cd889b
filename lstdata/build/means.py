"""What a build is done with, found and checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from lstdata.build.units_run import UnitsRun, open_units_run
from lstdata.build.word_times import WordSource, find_word_source
from lstdata.computing import Computing, computing_of, uses_models
from lstdata.config import BuildConfig
from lstdata.errors import ConfigError
from lstdata.sources import Source
from lstdata.units.features import Features, find_features


@dataclass(frozen=True)
class Means:
    """Models and files that a build's workers will load."""

    computing: Computing
    features: Features | None
    """What units are made of; None where they are brought by the source or taken from a run."""
    words: WordSource
    taken: UnitsRun | None
    """The run that units are taken from."""

    @property
    def compute_class(self) -> str:
        """Of the bytes: where units are taken, the class in which they were made."""
        return self.computing.compute_class if self.taken is None else self.taken.compute_class


def find_means(source: Source, config: BuildConfig, *, allow_mixed_compute: bool = False) -> Means:
    """ConfigError where a file or a model that the config names cannot be used."""
    from lstdata.build.freeze import check_given

    computing = computing_of(config.run, uses_models(config))
    taken = open_units_run(config)
    if taken is not None and not allow_mixed_compute:
        _refuse_another_class(taken, computing, config)
    given = taken is not None or source.inventory() is not None
    features = None if given else find_features(config.units, computing.device)
    check_given(config, features)
    return Means(computing, features, find_word_source(config.words), taken)


def _refuse_another_class(taken: UnitsRun, computing: Computing, config: BuildConfig) -> None:
    """Units may come from a GPU, but all else of them must be as it would be here."""
    there, here = taken.compute_class, computing.compute_class
    same = there == here if uses_models(config) else there.split(" ")[0] == here
    if not same:
        raise ConfigError(
            f"`{taken.root}` was built on compute class {there}, but this machine is {here}: bytes could differ from "
            "those of one build. Give --allow-mixed-compute to take its units all the same."
        )
