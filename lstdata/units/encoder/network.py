"""A pretrained speech encoder, cut after one of its blocks and deaf to padding."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from lstdata.checkpoints.convolutions import ConvStack


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
        self._norms = [*_padding_proof(convolutions, stack)]

    def forward(self, waves: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(rows, samples) → (rows, frames, dimensions).

        With `lengths` (rows,), the samples of each row that count, a row's frames do not depend on what comes after
        these, nor on other rows; its frames after its own last one mean nothing. Without, all samples count.
        """
        for norm, depth in self._norms:
            norm.frames = None if lengths is None else _frames(self.stack, lengths, depth)
        hidden = self._project(self._convolve(waves))
        padding = None
        if lengths is not None:
            own = _frames(self.stack, lengths, None)
            padding = torch.arange(hidden.shape[1], device=hidden.device) >= own[:, None]
            hidden = hidden.masked_fill(padding[:, :, None], 0)
        return self._transform(hidden, padding)

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

    The library's runs over padding too: by 5 s of it 42 % of a recording's units changed.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.frames: Tensor | None = None
        """(rows,) frames that count; None: all."""

    def forward(self, x: Tensor) -> Tensor:
        """(rows, channels, frames) → the same."""
        if self.frames is None:
            normed: Tensor = self.norm(x)
            return normed
        count = self.frames[:, None, None]
        own = torch.arange(x.shape[2], device=x.device) < count
        exact = x.float()
        mean = (exact * own).sum(2, keepdim=True) / count
        centred = exact - mean
        variance = (centred.square() * own).sum(2, keepdim=True) / count
        scale = torch.rsqrt(variance + self.norm.eps) * self.norm.weight.float()[:, None]
        return (centred * scale + self.norm.bias.float()[:, None]).to(x.dtype)


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
