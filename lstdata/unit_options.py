"""What a user may choose for units, and the units that the field has names for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from lstdata.options import seed_mistakes


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What `units.preset` stands for; the codebook is a file that the user gives."""

    extractor: str
    clusters: int
    model: str | None = None
    layer: int | None = None
    normalize: bool | None = None
    hop: int | None = None
    """Samples per frame that the model must have."""
    dimensions: int | None = None
    """Of its hidden states."""
    codebook: str | None = None
    """Where its authors publish the centroids, for `lstdata convert-codebook`; None: fitted on the source."""


PRESETS: Final[dict[str, Preset]] = {
    "mfcc-500": Preset(extractor="mfcc", clusters=500),
    "hubert-base-l9-km500": Preset(
        extractor="encoder",
        clusters=500,
        model="facebook/hubert-base-ls960",
        layer=9,
        normalize=False,
        hop=320,
        dimensions=768,
        codebook="hubert_base_ls960_L9_km500.bin, which fairseq's HuBERT publishes",
    ),
    "mhubert-25hz-l11-km500": Preset(
        extractor="encoder",
        clusters=500,
        model="slprl/mhubert-base-25hz",
        layer=11,
        normalize=False,
        hop=640,
        dimensions=768,
        codebook="mhubert_base_25hz_cp_mls_cv_sp_fisher_L11_km500.bin, which textlesslib publishes",
    ),
}
"""By name. fairseq feeds HuBERT base waveforms as they are, whatever the preprocessor of its copy on the hub says."""

_OF_A_PRESET: Final = ("extractor", "clusters", "model", "layer", "normalize")


@dataclass(frozen=True, kw_only=True)
class UnitsConfig:
    """Discrete speech units."""

    preset: str | None = None
    """A name for all that changes ids: mfcc-500, hubert-base-l9-km500 or mhubert-25hz-l11-km500."""
    extractor: Literal["auto", "mfcc", "encoder"] = "auto"
    """`encoder`: hidden states of a pretrained model; `auto`: that where a model is given, else `mfcc`."""
    model: str | None = None
    """A folder with a HuBERT, Wav2Vec2 or WavLM of `transformers`, its name on the hub, or `torchaudio:HUBERT_BASE`."""
    revision: str | None = None
    """Of a model on the hub."""
    layer: int | None = None
    """Which hidden state: 0 goes into the first block, n comes out of the n-th, without a final normalisation."""
    normalize: bool | None = None
    """Whether waveforms are scaled to mean 0 and variance 1 first; null: as the checkpoint says."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format of the model; distances to centroids are float32."""
    clusters: int | None = None
    """null: 500, fewer where the sample holds less than ten frames for each."""
    codebook: str | None = None
    """A codebook file; null: fitted on this source, once per run folder, then frozen."""
    taken_from: str | None = None
    """A run folder of the same source and plan, as `--units-only` makes it, whose units are taken."""
    fit_frames: int = 250_000
    """Frames of the sample, fixed by record hash, that a codebook is fitted on."""
    seed: int = 0

    def __post_init__(self) -> None:
        """What a preset says, where nothing else is said."""
        preset = PRESETS.get(self.preset or "")
        for name in _OF_A_PRESET:
            if preset is not None and getattr(self, name) in (None, "auto"):
                object.__setattr__(self, name, getattr(preset, name))
        if self.extractor == "auto":
            object.__setattr__(self, "extractor", "mfcc" if self.model is None else "encoder")

    def mistakes(self) -> Iterator[str]:
        if self.preset is not None:
            yield from self._preset_mistakes(self.preset)
        if self.extractor == "encoder" and not self.model:
            yield "`model` must be a folder, a name on the hub or torchaudio:HUBERT_BASE where `extractor` is encoder."
        if self.extractor == "encoder" and self.layer is None:
            yield "`layer` must be given where `extractor` is encoder."
        if self.extractor == "mfcc":
            for name in ("model", "revision", "layer", "normalize"):
                if getattr(self, name) is not None:
                    yield f"`{name}` is of a pretrained model, but `extractor` is mfcc."
            if self.dtype != "float32":
                yield f"`dtype` must be float32 where `extractor` is mfcc, but is {self.dtype}."
        if self.layer is not None and self.layer < 0:
            yield f"`layer` must be ≥ 0, but is {self.layer}."
        if self.clusters is not None and not 2 <= self.clusters <= 65_535:
            yield f"`clusters` must be between 2 and 65535, but is {self.clusters}."
        if self.fit_frames < (self.clusters or 500):
            yield f"`fit_frames` must be ≥ `clusters` ({self.clusters or 500}), but is {self.fit_frames}."
        yield from seed_mistakes(self.seed)

    def _preset_mistakes(self, name: str) -> Iterator[str]:
        preset = PRESETS.get(name)
        if preset is None:
            yield f"`preset` must be one of {', '.join(PRESETS)}, but is {name!r}."
            return
        for option in _OF_A_PRESET:
            fixed, given = getattr(preset, option), getattr(self, option)
            if option != "model" and fixed is not None and given != fixed:
                yield f"`{option}` is {_shown(fixed)} in `units.preset` {name}, but {_shown(given)} was given."
        if preset.codebook is not None and self.codebook is None:
            yield (
                f"`codebook` must be given with `units.preset` {name}: {preset.codebook}, through `lstdata "
                "convert-codebook`. To fit one of your own, give `units.model` and `units.layer` instead."
            )


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
