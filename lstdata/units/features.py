"""Which features a build makes units of, and making them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lstdata.checkpoints import Checkpoint
from lstdata.errors import ConfigError
from lstdata.records import HOP, Waveform
from lstdata.unit_options import PRESETS, UnitsConfig
from lstdata.units import MfccUnits, UnitExtractor, Units, mfcc
from lstdata.units.codebook import Codebook

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lstdata.units.encoder.encoder import Encoder
    from lstdata.units.encoder.stream import EncoderStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Picklable: what a worker needs to make the same features."""

    config: UnitsConfig
    device: str
    hop: int
    """Samples per frame."""
    dimensions: int
    checkpoint: Checkpoint | None = None
    """None: MFCC."""
    normalize: bool = False

    @property
    def identity(self) -> str:
        """What a codebook says that it is for: JSON, keys sorted; empty for MFCC."""
        if self.checkpoint is None:
            return ""
        known = {"model": self.checkpoint.name, "sha256": self.checkpoint.sha256, "layer": self.config.layer}
        return json.dumps(known | {"normalize": self.normalize, "hop": self.hop}, sort_keys=True)

    @property
    def is_scaled(self) -> bool:
        """Whether a codebook is fitted with every dimension scaled to unit variance; hidden states are taken as is."""
        return self.checkpoint is None

    def check(self, codebook: Codebook, path: str) -> None:
        """ConfigError where a codebook is for other features."""
        if codebook.extractor not in (self.config.extractor, "unknown"):
            raise ConfigError(
                f"`{path}` was made for {codebook.extractor} features, but `units.extractor` is "
                f"{self.config.extractor}."
            )
        if codebook.dimensions != self.dimensions:
            raise ConfigError(
                f"`{path}` is for features of {codebook.dimensions} dimensions, but these have {self.dimensions}."
            )
        preset = PRESETS.get(self.config.preset or "")
        if preset is not None and codebook.clusters != preset.clusters:
            raise ConfigError(f"`{path}` must have {preset.clusters} clusters, but has {codebook.clusters}.")
        known = json.loads(codebook.features or "{}")
        if preset is not None and preset.model is not None and known.get("model", preset.model) != preset.model:
            raise ConfigError(
                f"`{path}` is for features of {known['model']}, but `units.preset` {self.config.preset} is of "
                f"{preset.model}."
            )
        self._check_identity(known, path)

    def _check_identity(self, known: dict[str, Any], path: str) -> None:
        """What both sides say must agree; a model is known by the sum of its files, else by its public name.

        A folder's name says nothing of what is in it.
        """
        mine: dict[str, Any] = json.loads(self.identity or "{}")
        if "sha256" in known or self.checkpoint is None or not self.checkpoint.is_public:
            known = {name: value for name, value in known.items() if name != "model"}
        wrong = [name for name in sorted(known.keys() & mine.keys()) if known[name] != mine[name]]
        if wrong:
            name = wrong[0]
            raise ConfigError(
                f"`{path}` is for features whose {name} is {known[name]!r}, but here it is {mine[name]!r}."
            )


class FeatureStream:
    """Features of recordings, as `UnitExtractor` gives units: (frames, dimensions) float32."""

    def __init__(self, features: Features) -> None:
        self._stream = None if features.checkpoint is None else _stream(features, None)

    def add(self, number: int, samples: Waveform) -> list[tuple[int, NDArray[Any]]]:
        return [(number, mfcc.features(samples))] if self._stream is None else self._stream.add(number, samples)

    def finish(self) -> list[tuple[int, NDArray[Any]]]:
        return [] if self._stream is None else self._stream.finish()


def find_features(config: UnitsConfig, device: str) -> Features:
    """Find the model that units are made by, its weights not loaded. Raises ConfigError and Unavailable."""
    if config.extractor == "mfcc":
        return Features(config=config, device="cpu", hop=HOP, dimensions=mfcc.DIMENSIONS)
    from lstdata.checkpoints.bundles import find_model
    from lstdata.units.encoder.described import check_layer, describe, refuse_others

    if config.dtype == "float16" and device == "cpu":
        raise ConfigError("`units.dtype` must be float32 or bfloat16 on a CPU, but is float16.")
    checkpoint = find_model(config.model or "", config.revision, option="units.model", accept=refuse_others)
    said = describe(checkpoint)
    assert config.layer is not None
    check_layer(config.layer, said.blocks)
    normalize = said.normalizes if config.normalize is None else config.normalize
    if normalize is None:
        raise ConfigError(
            "`units.normalize` must be true or false: the checkpoint holds no preprocessor_config.json that says "
            "whether waveforms are scaled to mean 0 and variance 1 for this model."
        )
    preset = PRESETS.get(config.preset or "")
    if preset is not None and (said.hop, said.dimensions) != (preset.hop, preset.dimensions):
        raise ConfigError(
            f"`units.model` `{checkpoint.name}` has {said.dimensions} dimensions every {said.hop} samples, but "
            f"the model of `units.preset` {config.preset} has {preset.dimensions} every {preset.hop}."
        )
    return Features(
        config=config,
        device=device,
        hop=said.hop,
        dimensions=said.dimensions,
        checkpoint=checkpoint,
        normalize=normalize,
    )


def make_extractor(features: Features, codebook: Codebook) -> UnitExtractor:
    """Load what extracts units; it takes seconds, so it is done once per worker."""
    return MfccUnits(codebook) if features.checkpoint is None else _EncoderUnits(_stream(features, codebook))


def make_whole_extractor(features: Features, codebook: Codebook, dtype: str) -> UnitExtractor:
    """Without windows or batches and in any number format: what other units are compared with."""
    from lstdata.units.encoder.stream import EncoderStream

    encoder = make_encoder(features, dtype)
    return _EncoderUnits(EncoderStream(encoder, _finite_ids(codebook, features.device), batched=False, windowed=False))


def make_encoder(features: Features, dtype: str | None = None) -> Encoder:
    """The model on its device, in `units.dtype` or another number format. Unavailable where its files are others."""
    from lstdata.checkpoints.bundles import find_again
    from lstdata.units.encoder.encoder import Encoder
    from lstdata.units.encoder.libraries import load_network

    wanted, config = features.checkpoint, features.config
    assert wanted is not None and config.layer is not None
    here = find_again(wanted, config.model or "", option="units.model")
    network = load_network(here, config.layer, features.normalize)
    return Encoder(network, features.device, dtype or config.dtype)


def _stream(features: Features, codebook: Codebook | None) -> EncoderStream:
    """Of ids, or without a codebook of the features themselves."""
    from lstdata.units.encoder.stream import EncoderStream

    def itself(hidden: Any) -> Any:
        return hidden

    head = itself if codebook is None else _finite_ids(codebook, features.device)
    return EncoderStream(make_encoder(features), head, batched=features.device != "cpu")


def _finite_ids(codebook: Codebook, device: str) -> Callable[[Any], Any]:
    """A frame's id, −1 where its features are not finite: the nearest centroid of nothing would be unit 0."""
    assign = codebook.on(device)

    def ids(hidden: Any) -> Any:
        return assign(hidden).masked_fill(~hidden.isfinite().all(-1), -1)

    return ids


def _stored(done: Sequence[tuple[int, NDArray[Any]]]) -> list[tuple[int, Units | None]]:
    return [(number, None if (ids < 0).any() else ids.astype("<u2")) for number, ids in done]


class _EncoderUnits:
    """An encoder's ids as they are stored."""

    def __init__(self, stream: EncoderStream) -> None:
        self._stream = stream
        self.hop = stream.encoder.hop

    @property
    def wanted(self) -> int:
        return self._stream.wanted

    @property
    def computed(self) -> int:
        return self._stream.computed

    def forget(self) -> None:
        self._stream.forget()

    def add(self, number: int, samples: Waveform) -> list[tuple[int, Units | None]]:
        return _stored(self._stream.add(number, samples))

    def finish(self) -> list[tuple[int, Units | None]]:
        return _stored(self._stream.finish())
