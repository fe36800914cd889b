"""What a worker needs to build any shard of a run: picklable, and equal on every node."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from lstdata.build import plan as planning
from lstdata.build import stages
from lstdata.build.finish import shard_fingerprint
from lstdata.config import BuildConfig, fingerprint
from lstdata.units import fit, mfcc


@dataclass(frozen=True)
class BuildSpec:
    """A build as its workers see it."""

    source: str
    out: Path
    config: BuildConfig
    compute_class: str
    stages: tuple[tuple[str, str], ...]
    """(name, fingerprint) of each stage, codebook and tokenizer included."""

    def shard_fingerprint(self, records: str) -> str:
        """Changes with anything that could change a byte of a shard of these records."""
        return shard_fingerprint(records, dict(self.stages))


def stage_fingerprints(config: BuildConfig, unit_set: str | None, tokenizer: str) -> dict[str, str]:
    """Fingerprint of each stage: its name, its version and its own part of the config; files by their sha256.

    `unit_set` is the sha256 of the codebook, or of what stands for it where the source brings units.
    """
    versions = stages.VERSIONS
    units = {name: value for name, value in asdict(config.units).items() if name != "codebook"}
    return {
        "plan": fingerprint("plan", planning.VERSION, asdict(config.plan), asdict(config.source)),
        "decode": fingerprint("decode", versions["decode"]),
        "units": fingerprint("units", versions["units"], mfcc.VERSION, fit.VERSION, units, unit_set),
        "words": fingerprint("words", versions["words"], asdict(config.words)),
        "activity": fingerprint("activity", versions["activity"], asdict(config.activity)),
        "filter": fingerprint("filter", versions["filter"], asdict(config.filter)),
        "sample": fingerprint(
            "sample", versions["sample"], asdict(config.patching), asdict(config.interleave), tokenizer
        ),
    }
