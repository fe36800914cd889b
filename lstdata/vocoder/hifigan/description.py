"""What a checkpoint's `config.json` says of its generator; options of training are not looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lstdata.errors import ConfigError

_CONDITIONS: Final = {
    "f0": "a pitch contour",
    "f0_quant_num_bin": "a pitch contour",
    "embedder_params": "vectors of a model of speakers",
    "lang_embedding_dim": "languages",
}
"""What this reader has no input for, by the key that asks for it."""

_LARGEST: Final = 2**20
"""Of any size: more than any of them has, and few enough to be multiplied."""

_SPEAKERS, _STYLES = 200, 100
"""How many there are where the file does not say."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """The generator's shape, under the names of its papers."""

    num_embeddings: int
    """Units."""
    embedding_dim: int
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channel: int
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    speakers: int
    """0: there are none to choose."""
    styles: int
    predictor: tuple[int, int] | None
    """Width and kernel size of the predictor of durations; None: it has none."""
    sampling_rate: int

    @property
    def hop(self) -> int:
        """Samples of a unit."""
        return math.prod(self.upsample_rates)

    @property
    def width(self) -> int:
        """Of what the generator reads: unit, speaker and style, one after the other."""
        return self.embedding_dim * (1 + bool(self.speakers) + bool(self.styles))

    @property
    def channels(self) -> tuple[int, ...]:
        """Before the first step of upsampling and after each."""
        return tuple(self.upsample_initial_channel >> step for step in range(len(self.upsample_rates) + 1))

    @property
    def reach(self) -> int:
        """Units on either side that a sample may depend on."""
        samples, per_sample = 0.0, float(self.hop)
        blocks = [
            sum((kernel - 1) // 2 * (dilation + 1) for dilation in dilations)
            for kernel, dilations in zip(self.resblock_kernel_sizes, self.resblock_dilation_sizes, strict=True)
        ]
        for rate, kernel in zip(self.upsample_rates, self.upsample_kernel_sizes, strict=True):
            samples += -(-kernel // rate) * per_sample
            per_sample /= rate
            samples += max(blocks) * per_sample
        return 3 + math.ceil((samples + 3) / self.hop)


def read_description(said: Any, name: str) -> Description:
    """From the value in a `config.json`; ConfigError for what is none, or asks for what cannot be given."""
    if not isinstance(said, Mapping):
        raise ConfigError(f"`{name}` must hold an object, but holds a {type(said).__name__}.")
    for key, what in _CONDITIONS.items():
        if said.get(key):
            raise ConfigError(f"`{name}`: the generator is conditioned on {what} (`{key}`), which is not supported.")
    try:
        found = _description(said)
    except KeyError as error:
        raise ConfigError(f"`{name}` lacks `{error.args[0]}`: it describes no unit HiFi-GAN.") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"`{name}` describes no unit HiFi-GAN: {error}.") from error
    mistake = _mistake(found, said)
    if mistake is not None:
        raise ConfigError(f"`{name}`: {mistake}.")
    return found


def _description(said: Mapping[str, Any]) -> Description:
    predictor = said.get("dur_predictor_params")
    return Description(
        num_embeddings=int(said["num_embeddings"]),
        embedding_dim=int(said["embedding_dim"]),
        upsample_rates=_ints(said["upsample_rates"]),
        upsample_kernel_sizes=_ints(said["upsample_kernel_sizes"]),
        upsample_initial_channel=int(said["upsample_initial_channel"]),
        resblock_kernel_sizes=_ints(said["resblock_kernel_sizes"]),
        resblock_dilation_sizes=tuple(_ints(row) for row in said["resblock_dilation_sizes"]),
        speakers=int(said.get("num_speakers", _SPEAKERS)) if said.get("multispkr") else 0,
        styles=int(said.get("num_styles", _STYLES)) if said.get("multistyle") else 0,
        predictor=None
        if not predictor
        else _ints([predictor[f"var_pred_{key}"] for key in ("hidden_dim", "kernel_size")]),
        sampling_rate=int(said.get("sampling_rate", 16_000)),
    )


def _ints(values: Any) -> Any:
    return tuple(int(value) for value in values)


def _mistake(found: Description, said: Mapping[str, Any]) -> str | None:
    sizes = [found.num_embeddings, found.embedding_dim, found.sampling_rate, *found.upsample_rates]
    sizes += [*found.resblock_kernel_sizes, *(size for row in found.resblock_dilation_sizes for size in row)]
    sizes += [*(found.predictor or ()), found.channels[-1]]
    every = [*sizes, found.upsample_initial_channel, *found.upsample_kernel_sizes, found.speakers, found.styles]
    if max(every) > _LARGEST:
        return f"its sizes must be ≤ {_LARGEST}, but one is {max(every)}"
    if min(sizes) < 1 or min(found.speakers, found.styles) < 0:
        return "its sizes must be ≥ 1, and each step of upsampling halves the channels"
    if not found.upsample_rates or len(found.upsample_rates) != len(found.upsample_kernel_sizes):
        return "`upsample_rates` and `upsample_kernel_sizes` must be of one length, at least 1"
    if not found.resblock_kernel_sizes or len(found.resblock_kernel_sizes) != len(found.resblock_dilation_sizes):
        return "`resblock_kernel_sizes` and `resblock_dilation_sizes` must be of one length, at least 1"
    if any(
        (kernel - rate) % 2 or kernel < rate
        for rate, kernel in zip(found.upsample_rates, found.upsample_kernel_sizes, strict=True)
    ):
        return "each of `upsample_kernel_sizes` must exceed its rate by an even number, so that every unit is as long"
    kernels = [*found.resblock_kernel_sizes, *(found.predictor or ())[1:]]
    if not all(kernel % 2 for kernel in kernels):
        return "each of `resblock_kernel_sizes`, and `var_pred_kernel_size`, must be odd"
    hop = said.get("code_hop_size", found.hop)
    if hop != found.hop:
        return f"`code_hop_size` is {hop}, but the product of `upsample_rates` is {found.hop}"
    width = said.get("model_in_dim", found.width)
    if width != found.width:
        known = [name for name, count in (("speakers", found.speakers), ("styles", found.styles)) if count]
        return (
            f"`model_in_dim` is {width}, but {' and '.join(['units', *known])} have {found.width}: the generator is "
            "conditioned on something else, which is not supported"
        )
    return None
