"""Quantizers as their makers write them, as bytes."""

from __future__ import annotations

import io
from typing import Any

import joblib
import numpy as np
import pytest
import torch


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def safetensors(**arrays: Any) -> bytes:
    save = pytest.importorskip("safetensors.torch").save

    return bytes(save({name: torch.as_tensor(array) for name, array in arrays.items()}))


def checkpoint(value: Any, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def dumped(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(value, buffer, **options)
    return buffer.getvalue()
