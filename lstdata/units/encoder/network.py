"""A pretrained speech encoder, cut after one of its blocks and deaf to padding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.records import SAMPLE_RATE

_BLOCK: Final = 10 * SAMPLE_RATE
"""Samples of which moments are taken at once."""


class Statistics(NamedTuple):
    """Of recordings, for rows that are parts of them."""

    known: Tensor
    """(rows,) False where a row is a recording of its own."""
    mean: Tensor
    """(rows, channels)."""
    variance: Tensor
    """(rows, channels)."""


class Network(nn.Module, ABC):
    """Hidden state `layer` of an encoder: 0 is what goes into the first block, n what comes out of the n-th.

    No final normalisation follows, whatever the architecture has after its last block.
    """

    def __init__(self, stack: ConvStack, dimensions: int, normalization: float | None, convolutions: nn.Module) -> None:
        super().__init__()
        self.stack = stack
        self.dimensions = dimensions
        self.normalization = normalization
        """Added to the variance where waveforms are scaled to mean 0 and variance 1 first; None: they are not."""
        self._norms = _padding_proof(convolutions, stack)
        self._first: nn.Module = next(convolutions.children()).conv  # type: ignore[assignment]

    def forward(self, waves: Tensor, lengths: Tensor | None = None, given: Statistics | None = None) -> Tensor:
        """(rows, samples) → (rows, frames, dimensions).

        With `lengths` (rows,), the samples of each row that count, a row's frames do not depend on what comes after
        these, nor on other rows; its frames after its own last one mean nothing. Without, all samples count. `given`
        are the statistics of the recordings that rows are parts of.
        """
        for norm, depth in self._norms:
            norm.frames = None if lengths is None else _frames(self.stack, lengths, depth)
            norm.given = given
        hidden = self._project(self._convolve(waves))
        padding = None
        if lengths is not None:
            own = _frames(self.stack, lengths, None)
            padding = torch.arange(hidden.shape[1], device=hidden.device) >= own[:, None]
            hidden = hidden.masked_fill(padding[:, :, None], 0)
        return self._transform(hidden, padding)

    @property
    def normalized_channels(self) -> int:
        """Channels that are normalised over time; 0 where none is."""
        return self._norms[0][0].norm.num_channels if self._norms else 0

    def moments(self, waves: Tensor) -> Tensor | None:
        """(samples,) → (2, channels): mean and variance over time of what the first convolution makes of a recording.

        None where the model does not normalise over time. Taken in blocks of ten seconds and summed in 64 bits.
        """
        if not self._norms:
            return None
        kernel, stride = self.stack.kernels[0], self.stack.strides[0]
        frames = self.stack.frames(len(waves), 1)
        step = _BLOCK // stride
        sums = torch.zeros(2, self.normalized_channels, dtype=torch.float64, device=waves.device)
        for first in range(0, frames, step):
            last = min(first + step, frames)
            made = self._first(waves[None, None, first * stride : (last - 1) * stride + kernel])[0].float()
            sums += torch.stack([made.sum(1, dtype=torch.float64), made.square().sum(1, dtype=torch.float64)])
        mean, square = sums / frames
        return torch.stack([mean, (square - mean.square()).clamp(min=0)]).float()

    @abstractmethod
    def _convolve(self, waves: Tensor) -> Tensor:
        """(rows, samples) → (rows, frames, channels)."""

    @abstractmethod
    def _project(self, features: Tensor) -> Tensor:
        """(rows, frames, channels) → (rows, frames, dimensions)."""

    @abstractmethod
    def _transform(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        """(rows, frames, dimensions) → the same; `padding` (rows, frames) is True where nothing may be read."""


class PaddingProofNorm(nn.Module):
    """Normalisation over time, channel by channel, over each row's own frames only.

    The library's runs over padding too: by 5 s of it 42 % of a recording's units changed. Parts of a recording are
    normalised by the statistics of the whole, where they are given: by their own, a quarter of the units changed.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.frames: Tensor | None = None
        """(rows,) frames that count; None: all."""
        self.given: Statistics | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels, frames) → the same."""
        if self.frames is None and self.given is None:
            normed: Tensor = self.norm(x)
            return normed
        exact = x.float()
        mean, variance = self._own(exact) if self.given is None else self._merged(exact, self.given)
        scale = torch.rsqrt(variance + self.norm.eps) * self.norm.weight.float()[:, None]
        return ((exact - mean) * scale + self.norm.bias.float()[:, None]).to(x.dtype)

    def _own(self, exact: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, channels, 1) mean and variance of the frames that count."""
        length = exact.shape[2]
        frames = torch.tensor([length], device=exact.device) if self.frames is None else self.frames
        count = frames[:, None, None]
        own = torch.arange(length, device=exact.device) < count
        mean = (exact * own).sum(2, keepdim=True) / count
        return mean, ((exact - mean).square() * own).sum(2, keepdim=True) / count

    def _merged(self, exact: Tensor, given: Statistics) -> tuple[Tensor, Tensor]:
        """Those given for the rows that have some, their own for the others."""
        mean, variance = self._own(exact)
        known = given.known[:, None, None]
        return torch.where(known, given.mean[:, :, None], mean), torch.where(
            known, given.variance[:, :, None], variance
        )


def additive(padding: Tensor, dtype: torch.dtype) -> Tensor:
    """(rows, frames) padding as what is added to attention scores, (rows, 1, frames, frames): the least number there.

    Never left out, also where there is no padding: attention without a mask runs by another kernel, and what a
    recording gives would depend on whether its neighbours fill their rows.
    """
    rows, frames = padding.shape
    mask = torch.zeros(rows, 1, 1, frames, dtype=dtype, device=padding.device)
    mask = mask.masked_fill(padding[:, None, None, :], torch.finfo(dtype).min)
    return mask.expand(rows, 1, frames, frames)


def _padding_proof(convolutions: nn.Module, stack: ConvStack) -> list[tuple[PaddingProofNorm, int]]:
    """Replace what normalises over time among the convolutions; each with how many convolutions it comes after."""
    replaced: list[tuple[PaddingProofNorm, int]] = []
    layers = list(convolutions.children())
    assert len(layers) == len(stack.kernels)
    for depth, layer in enumerate(layers, 1):
        for name, norm in list(layer.named_children()):
            if isinstance(norm, nn.GroupNorm):
                assert norm.num_groups == norm.num_channels, "a group of several channels has another formula"
                proof = PaddingProofNorm(norm)
                setattr(layer, name, proof)
                replaced.append((proof, depth))
    return replaced


def _frames(stack: ConvStack, lengths: Tensor, depth: int | None) -> Tensor:
    """`stack.frames`, of every row; at least one, so that nothing is divided by 0."""
    found = lengths
    for kernel, stride in list(zip(stack.kernels, stack.strides, strict=True))[:depth]:
        found = (found - kernel) // stride + 1
    return found.clamp(min=1)
