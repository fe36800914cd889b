"""What machine this is, as far as it can change a byte: its instruction set and the versions of libraries."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from lstdata import __version__
from lstdata.options import fingerprint

_PACKAGES: tuple[str, ...] = ("numpy", "torch", "torchaudio", "soundfile", "pocketsphinx", "gruut", "num2words")
_PACKAGES += ("scikit-learn", "tokenizers", "pyarrow", "lhotse")
_FORCED: tuple[str, ...] = ("ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")
_FORCED += ("DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_DEFAULT_FPMATH_MODE")
_FORCED += ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
"""Environment variables that choose other kernels, and so other last bits."""

_CPU_FLAGS: tuple[str, ...] = ("avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni")
_CPU_FLAGS += ("avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "sve", "bf16", "sve2")


def versions() -> dict[str, str]:
    """The libraries that can change a byte, and the decoder behind soundfile."""
    import soundfile

    found = {"lstdata": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in _PACKAGES}
    found["libsndfile"] = soundfile.__libsndfile_version__
    return found


@lru_cache
def compute_class(device: str = "cpu", models: bool = False) -> str:
    """Machines of one class give equal bytes: instruction set, numeric type and library versions.

    Where pretrained `models` take part, their library and, for `device` cuda, the GPU are part of it.
    """
    forced = {name: os.environ[name] for name in _FORCED if name in os.environ}
    libraries = fingerprint("versions", 1, {k: v for k, v in versions().items() if k != "python"}, forced)
    parts = [f"{platform.system().lower()}-{platform.machine()}-{_instruction_set()}-float32-{libraries}"]
    if models:
        parts.append(f"transformers-{_transformers()}")
    if device == "cuda":
        parts.append(_gpu())
    return " ".join(parts)


def _transformers() -> str:
    try:
        return metadata.version("transformers")
    except metadata.PackageNotFoundError:
        return "none"


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cuda"


def _instruction_set() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    words = set(text.split())
    return "+".join(flag for flag in _CPU_FLAGS if flag in words) or "plain"
