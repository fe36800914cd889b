"""What GPUs can do at most, to relate what is measured to it."""

from __future__ import annotations

from typing import Final

BFLOAT16_PEAKS: Final[dict[str, float]] = {
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200 NVL": 835e12,
    "H200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
}
"""Dense bfloat16 FLOP/s by NVIDIA's data sheets, which list twice as much, "with sparsity"; plain H100, H200: SXM."""


def bfloat16_peak(device_name: str) -> float | None:
    """Of a device, as the driver names it (`NVIDIA H100 80GB HBM3`); None where it is not in the table."""
    words = device_name.replace("-", " ").split()
    found = [name for name in BFLOAT16_PEAKS if set(name.split()) <= set(words)]
    return BFLOAT16_PEAKS[max(found, key=len)] if found else None
