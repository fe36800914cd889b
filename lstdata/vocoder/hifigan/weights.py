"""A checkpoint's weights, read as tensors and nothing else, and fitted into the generator."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lstdata.errors import ConfigError

_GAIN, _DIRECTION = "_g", "_v"
"""What the two halves of a normalised weight end in (arXiv 1602.07868)."""


def read_weights(path: str) -> dict[str, Tensor]:
    """The `generator` of a checkpoint, with weight normalisation folded in; ConfigError for what is none."""
    try:
        with warnings.catch_warnings(action="ignore"):
            read: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, PermissionError) as error:
        raise ConfigError(f"`{path}` cannot be read: {error.strerror}.") from error
    except pickle.UnpicklingError as error:
        raise ConfigError(f"`{path}` holds more than tensors, or is damaged; nothing of it was run.") from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes can make the readers raise anything
        raise ConfigError(f"`{path}` is no checkpoint of PyTorch: {' '.join(str(error).split())[:200]}.") from error
    state = read.get("generator") if isinstance(read, Mapping) else None
    if not isinstance(state, Mapping) or not all(map(_plain, state.values())):
        raise ConfigError(f"`{path}` must hold the weights of a unit HiFi-GAN as `generator`, but does not.")
    return _folded({str(name): value.float() for name, value in state.items()}, path)


def fit_weights(module: nn.Module, weights: Mapping[str, Tensor], path: str) -> None:
    """Load them; ConfigError names the first that is missing, has another shape, or has no place."""
    wanted = module.state_dict()
    for name, value in wanted.items():
        if name not in weights:
            raise ConfigError(f"`{path}` lacks `{name}`, which its config.json asks for{_of(wanted, weights)}.")
        if weights[name].shape != value.shape:
            given, asked = (tuple(shape) for shape in (weights[name].shape, value.shape))
            raise ConfigError(f"`{path}`: `{name}` has the shape {given}, but its config.json asks for {asked}.")
        if not weights[name].isfinite().all():
            raise ConfigError(f"`{path}`: `{name}` holds values that are not finite.")
    for name in weights:
        if name not in wanted:
            raise ConfigError(f"`{path}` has `{name}`, which its config.json has no place for{_of(weights, wanted)}.")
    module.load_state_dict(dict(weights), assign=True)


def _of(these: Mapping[str, Any], those: Mapping[str, Any]) -> str:
    more = len(these.keys() - those.keys()) - 1
    return f", and {more} others" if more > 0 else ""


def _plain(value: object) -> bool:
    """Whether it is a tensor of real numbers, all of them there."""
    return isinstance(value, Tensor) and value.layout is torch.strided and value.is_floating_point()


def _folded(state: dict[str, Tensor], path: str) -> dict[str, Tensor]:
    """`NAME_g` and `NAME_v` become `NAME` = g · v / |v|, the length being taken over all but the first axis."""
    folded = dict(state)
    for name in [name for name in state if name.endswith(_DIRECTION)]:
        plain = name.removesuffix(_DIRECTION)
        gain = folded.pop(plain + _GAIN, None)
        if gain is not None:
            direction = folded.pop(name)
            lengths = (*direction.shape[:1], *[1] * (direction.ndim - 1))
            if direction.ndim < 2 or gain.shape != lengths:
                raise ConfigError(f"`{path}`: `{plain}{_GAIN}` and `{name}` have shapes that do not fit together.")
            folded[plain] = gain * direction / direction.flatten(1).norm(dim=1).reshape(lengths)
    return folded
