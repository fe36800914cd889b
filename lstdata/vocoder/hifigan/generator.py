"""The generator of HiFi-GAN (arXiv 2010.05646, §2.2) over embedded units, with the checkpoints' names of its parts."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from lstdata.vocoder.hifigan.description import Description

_SLOPE: Final = 0.1
"""Of leaky ReLU, but before the last convolution, where it is torch's default."""

_EDGE: Final = 7
"""Kernel size of the first and the last convolution."""

_LONGEST: Final = 1_000
"""Frames that a unit may be predicted to last."""


class Generator(nn.Module):
    """Weight normalisation is folded into the weights before they are loaded."""

    def __init__(self, shape: Description) -> None:
        super().__init__()
        self._blocks = len(shape.resblock_kernel_sizes)
        channels = shape.channels
        self.dict = nn.Embedding(shape.num_embeddings, shape.embedding_dim)
        if shape.speakers:
            self.spkr = nn.Embedding(shape.speakers, shape.embedding_dim)
        if shape.styles:
            self.style = nn.Embedding(shape.styles, shape.embedding_dim)
        if shape.predictor:
            self.dur_predictor = DurationPredictor(shape.embedding_dim, *shape.predictor)
        self.conv_pre = nn.Conv1d(shape.width, channels[0], _EDGE, padding=_EDGE // 2)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(channels[step], channels[step + 1], kernel, rate, padding=(kernel - rate) // 2)
            for step, (rate, kernel) in enumerate(zip(shape.upsample_rates, shape.upsample_kernel_sizes, strict=True))
        )
        self.resblocks = nn.ModuleList(
            ResidualBlock(width, kernel, dilations)
            for width in channels[1:]
            for kernel, dilations in zip(shape.resblock_kernel_sizes, shape.resblock_dilation_sizes, strict=True)
        )
        self.conv_post = nn.Conv1d(channels[-1], 1, _EDGE, padding=_EDGE // 2)

    def forward(self, units_N: Tensor, speaker: int | None = None, style: int | None = None) -> Tensor:
        """(samples,) in [-1, 1]: N times the product of the rates; speaker and style where there are any."""
        x_NC = self.dict(units_N)
        for table, number in (("spkr", speaker), ("style", style)):
            if number is not None:
                row_C: Tensor = getattr(self, table).weight[number]
                x_NC = torch.cat([x_NC, row_C.expand(len(x_NC), -1)], dim=1)
        x_CT: Tensor = self.conv_pre(x_NC.T)
        for step, up in enumerate(self.ups):
            x_CT = up(functional.leaky_relu(x_CT, _SLOPE))
            blocks = self.resblocks[step * self._blocks : (step + 1) * self._blocks]
            x_CT = torch.stack([block(x_CT) for block in blocks]).mean(0)
        return torch.tanh(self.conv_post(functional.leaky_relu(x_CT)))[0]

    def durations(self, units_N: Tensor) -> Tensor:
        """(N,) how many frames each of de-duplicated units lasts: at least one, at most a thousand."""
        logs_N: Tensor = self.dur_predictor(self.dict(units_N))
        return (logs_N.exp() - 1).clamp(1, _LONGEST).round().long()


class ResidualBlock(nn.Module):
    """Pairs of convolutions, the first of each dilated; the paper's first kind (`resblock` 1)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1, self.convs2 = (
            nn.ModuleList(
                nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) // 2 * dilation)
                for dilation in row
            )
            for row in (dilations, (1,) * len(dilations))
        )

    def forward(self, x_CT: Tensor) -> Tensor:
        for wide, narrow in zip(self.convs1, self.convs2, strict=True):
            x_CT = x_CT + narrow(functional.leaky_relu(wide(functional.leaky_relu(x_CT, _SLOPE)), _SLOPE))
        return x_CT


class DurationPredictor(nn.Module):
    """ln(frames + 1) of each unit, as FastSpeech 2 predicts it (arXiv 2006.04558)."""

    def __init__(self, inputs: int, width: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv1d(inputs, width, kernel, padding=kernel // 2), nn.ReLU())
        self.ln1 = nn.LayerNorm(width)
        self.conv2 = nn.Sequential(nn.Conv1d(width, width, kernel, padding=kernel // 2), nn.ReLU())
        self.ln2 = nn.LayerNorm(width)
        self.proj = nn.Linear(width, 1)

    def forward(self, x_NC: Tensor) -> Tensor:
        x_NC = self.ln1(self.conv1(x_NC.T).T)
        x_NC = self.ln2(self.conv2(x_NC.T).T)
        found: Tensor = self.proj(x_NC)[:, 0]
        return found
