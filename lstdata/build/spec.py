"""What a worker needs to build any shard of a run: picklable, and equal on every node."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from lstdata import __version__
from lstdata.build import plan as planning
from lstdata.build import stages
from lstdata.build.finish import shard_fingerprint
from lstdata.config import BuildConfig, fingerprint
from lstdata.units import fit, mfcc

_PACKAGES: tuple[str, ...] = ("numpy", "torch", "torchaudio", "soundfile", "pocketsphinx", "gruut", "num2words")
_PACKAGES += ("scikit-learn", "tokenizers", "pyarrow", "lhotse")
_FORCED = ("ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "DNNL_MAX_CPU_ISA")
"""Environment variables that choose other kernels, and so other last bits."""

_CPU_FLAGS = ("avx", "avx2", "avx512f", "fma", "asimd", "sve")


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


def versions() -> dict[str, str]:
    """The libraries that can change a byte, and the decoder behind soundfile."""
    import soundfile

    found = {"lstdata": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in _PACKAGES}
    found["libsndfile"] = soundfile.__libsndfile_version__
    return found


@lru_cache(maxsize=1)
def compute_class() -> str:
    """Machines of one class give equal bytes: instruction set, numeric type and library versions."""
    forced = {name: os.environ[name] for name in _FORCED if name in os.environ}
    libraries = fingerprint("versions", 1, {k: v for k, v in versions().items() if k != "python"}, forced)
    return f"{platform.system().lower()}-{platform.machine()}-{_instruction_set()}-float32-{libraries}"


def _instruction_set() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    words = set(text.split())
    return "+".join(flag for flag in _CPU_FLAGS if flag in words) or "plain"
