"""Encoders as `transformers` and torchaudio have them."""

from __future__ import annotations

import warnings
from typing import Any, Final

from torch import Tensor, nn

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.bundles import load_bundle
from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.loading import load_model, quieten_transformers
from lstdata.units.encoder.network import Network, additive

_TRANSFORMERS_EPSILON: Final = 1e-7
_TORCHAUDIO_EPSILON: Final = 1e-5
"""What each library adds to the variance of a waveform."""


def load_network(checkpoint: Checkpoint, layer: int, normalize: bool) -> Network:
    """A checkpoint's encoder up to a layer, on the CPU in float32, made for waveforms that are scaled first or not.

    Raises ConfigError for a layer that there is not, or weights that are not whole.
    """
    if checkpoint.bundle is not None:
        return TorchaudioNetwork(load_bundle(checkpoint)[1], layer, normalize)
    quieten_transformers("an encoder (`units.model`)")
    from transformers import AutoModel

    return TransformersNetwork(load_model(AutoModel, checkpoint, option="units.model"), layer, normalize)


class TransformersNetwork(Network):
    """HuBERT, Wav2Vec2 or WavLM of `transformers`."""

    def __init__(self, model: Any, layer: int, normalize: bool) -> None:
        config = model.config
        stack = ConvStack(tuple(config.conv_kernel), tuple(config.conv_stride))
        epsilon = _TRANSFORMERS_EPSILON if normalize else None
        super().__init__(stack, config.hidden_size, epsilon, model.feature_extractor.conv_layers)
        self._convolutions, self._projection = model.feature_extractor, model.feature_projection
        self._positions, self._norm = model.encoder.pos_conv_embed, model.encoder.layer_norm
        self._blocks = nn.ModuleList(model.encoder.layers[:layer])
        self._norm_first = not getattr(config, "do_stable_layer_norm", False)
        self._is_wavlm = config.model_type == "wavlm"

    def _convolve(self, waves: Tensor) -> Tensor:
        features: Tensor = self._convolutions(waves)
        return features.transpose(1, 2)

    def _project(self, features: Tensor) -> Tensor:
        projected: Tensor | tuple[Tensor, Tensor] = self._projection(features)
        return projected[0] if isinstance(projected, tuple) else projected

    def _transform(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        hidden = hidden + self._positions(hidden)
        if self._norm_first:
            hidden = self._norm(hidden)
        if self._is_wavlm:
            return self._transform_wavlm(hidden, padding)
        mask = None if padding is None else additive(padding, hidden.dtype)
        for block in self._blocks:
            hidden = _first(block(hidden, attention_mask=mask))
        return hidden

    def _transform_wavlm(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        """Its blocks hand on a bias by relative position, and take padding as it is, over which torch warns."""
        bias = None
        own = None if padding is None else ~padding
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask and attn_mask")
            for block in self._blocks:
                hidden, bias = block(hidden, attention_mask=own, position_bias=bias)[:2]
        return hidden


class TorchaudioNetwork(Network):
    """A `Wav2Vec2Model` of torchaudio: HuBERT, Wav2Vec2 or WavLM."""

    def __init__(self, model: Any, layer: int, normalize: bool) -> None:
        transformer = model.encoder.transformer
        convolutions = model.feature_extractor.conv_layers
        kernels, strides = (tuple(getattr(c, name) for c in convolutions) for name in ("kernel_size", "stride"))
        epsilon = _TORCHAUDIO_EPSILON if normalize else None
        super().__init__(ConvStack(kernels, strides), transformer.pos_conv_embed.embed_dim, epsilon, convolutions)
        self._convolutions, self._projection = model.feature_extractor, model.encoder.feature_projection
        self._positions, self._norm = transformer.pos_conv_embed, transformer.layer_norm
        self._blocks = nn.ModuleList(transformer.layers[:layer])
        self._norm_first = transformer.layer_norm_first
        self._is_wavlm = type(transformer.layers[0].attention).__name__.startswith("WavLM")

    def _convolve(self, waves: Tensor) -> Tensor:
        features: Tensor = self._convolutions(waves, None)[0]
        return features

    def _project(self, features: Tensor) -> Tensor:
        projected: Tensor = self._projection(features)
        return projected

    def _transform(self, hidden: Tensor, padding: Tensor | None) -> Tensor:
        hidden = hidden + self._positions(hidden)
        if self._norm_first:
            hidden = self._norm(hidden)
        mask = None if padding is None else additive(padding, hidden.dtype)
        masks = {"attention_mask": mask}
        if self._is_wavlm:
            masks = {"key_padding_mask": None if mask is None else mask[:, 0, 0]}
        bias = None
        for block in self._blocks:
            hidden, bias = block(hidden, position_bias=bias, **masks)
        return hidden


def _first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, tuple) else outputs
