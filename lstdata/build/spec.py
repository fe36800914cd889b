"""What a worker needs to build any shard of a run: picklable, and equal on every node."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from upath import UPath

from lstdata.align.ctc import VERSION as CTC
from lstdata.build import plan as planning
from lstdata.build import stages
from lstdata.build.finish import shard_fingerprint
from lstdata.build.word_times import WordSource
from lstdata.config import BuildConfig, fingerprint
from lstdata.patching import CHOSEN_LATER
from lstdata.units import mfcc
from lstdata.units.encoder import VERSION as ENCODER
from lstdata.units.features import Features

BY_CONTENT = ("codebook", "model", "revision", "files", "taken_from")
"""Options that name files: what is in these counts, not where they lie."""


@dataclass(frozen=True)
class BuildSpec:
    """A build as its workers see it."""

    source: str
    out: UPath
    config: BuildConfig
    compute_class: str
    """Of the bytes."""
    worker_class: str
    """That workers must be of; another one where units come from a run that was built on a GPU."""
    stages: tuple[tuple[str, str], ...]
    """(name, fingerprint) of each stage, codebook and tokenizer included."""
    features: Features | None = None
    """What units are made of; None where the source brings them, or `units_run` does."""
    units_run: UPath | None = None
    device: str = "cpu"
    word_source: WordSource = field(default_factory=WordSource, compare=False)

    def shard_fingerprint(self, records: str) -> str:
        """Changes with anything that could change a byte of a shard of these records."""
        return shard_fingerprint(records, dict(self.stages))


def stage_fingerprints(
    config: BuildConfig, unit_set: str | None, tokenizer: str, features: Features | None, words: str | None
) -> dict[str, str]:
    """Fingerprint of each stage: its name, its version and its own part of the config; files by their sha256.

    `unit_set` is the sha256 of the codebook, or of what stands for it where the source brings units; `words` that of
    the model or the files by which words are found, where there are any.
    """
    versions = stages.VERSIONS
    units = {name: value for name, value in asdict(config.units).items() if name not in BY_CONTENT}
    aligning = {name: value for name, value in asdict(config.words).items() if name not in BY_CONTENT}
    cuts = {name: value for name, value in asdict(config.patching).items() if name not in CHOSEN_LATER}
    made_of = None if features is None else [features.identity, ENCODER if features.checkpoint else mfcc.VERSION]
    return {
        "plan": fingerprint("plan", planning.VERSION, asdict(config.plan), _of_source(config)),
        "decode": fingerprint("decode", versions["decode"]),
        "units": fingerprint("units", versions["units"], made_of, units, unit_set),
        "words": fingerprint("words", versions["words"], CTC, aligning, words),
        "activity": fingerprint("activity", versions["activity"], asdict(config.activity)),
        "filter": fingerprint("filter", versions["filter"], asdict(config.filter)),
        "sample": fingerprint(
            "sample", versions["sample"], cuts, config.interleave.stored(), tokenizer, config.audio.keep
        ),
    }


def _of_source(config: BuildConfig) -> dict[str, Any]:
    """Not where the runs and the list of ids lie of which a selection is made: the plan's rows are what they hold."""
    source = asdict(config.source)
    source["select"] = {name: value for name, value in source["select"].items() if name not in ("runs", "ids")}
    return source
