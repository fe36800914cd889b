"""The built-in resynthesiser: features averaged over one's own recordings, spoken by pulses and noise."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.randomness import rng
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.storage import read_given
from lstdata.vocab import VocabCard
from lstdata.vocoder.contexts import KINDS, ContextMeans
from lstdata.vocoder.pitch import track
from lstdata.vocoder.spectra import (
    BANDS,
    Floats,
    Spectrum,
    amplitudes,
    bin_hertz,
    log_bands,
    overlap_add,
    step_spectra,
    steps_per_unit,
    white_amplitude,
)

VERSION: Final = 1
WIDTH: Final = BANDS + 2
"""Features of a step: its bands, its voicing, and voicing times how far ln pitch is from the speaker's own."""

_PITCHES: Final = 50.0, 500.0
_NOISY: Final = 4_500.0, 500.0
"""Hertz above which a voice has noise in place of harmonics, and how gradually."""

_PEAK: Final = 0.99
_BLOCK: Final = 3_000
"""Steps at a time, for bounded memory."""

_MARGIN: Final = 4
"""Steps on either side of a block that its windows reach into."""


@dataclass(frozen=True, eq=False)
class Resynthesiser:
    """One average voice; satisfies `lstdata.vocoder.Vocoder`."""

    path: str
    means: ContextMeans
    codebook_sha256: str
    hop: int
    """Samples per unit."""
    pitch: float
    """Hertz that the voice speaks around."""
    fitted: Mapping[str, Any]
    """What it was fitted on: recordings, seconds, speakers."""

    rate = SAMPLE_RATE

    @classmethod
    def read(cls, path: str) -> Resynthesiser:
        """From a file or URL; ConfigError where it is none. Pickled arrays are refused."""
        data = read_given(path, "vocoder", "file")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                version = int(arrays["version"])
                if version != VERSION:
                    raise ConfigError(f"it has the version {version}, but this lstdata reads {VERSION}")
                read = cls._of(path, arrays)
        except Exception as error:  # damaged bytes can make the zip and array readers raise anything
            said = " ".join(str(error).split()).rstrip(".")
            raise ConfigError(f"`{path}` is no vocoder of `lstdata fit-vocoder`: {said}.") from error
        mistake = read._mistake()
        if mistake is not None:
            raise ConfigError(f"`{path}` is no vocoder of `lstdata fit-vocoder`: {mistake}.")
        return read

    @classmethod
    def _of(cls, path: str, arrays: Any) -> Resynthesiser:
        keys = {kind: arrays[f"{kind}_keys"].astype(np.uint64) for kind in KINDS}
        means = {kind: arrays[f"{kind}_means"].astype(np.float16) for kind in KINDS}
        return cls(
            path,
            ContextMeans(arrays["units"].astype(np.float16), keys, means),
            codebook_sha256=str(arrays["codebook_sha256"]),
            hop=int(arrays["hop"]),
            pitch=float(arrays["pitch"]),
            fitted=dict(json.loads(str(arrays["fitted"]))),
        )

    def to_bytes(self) -> bytes:
        """A `.npz` without pickles; equal contents give equal bytes."""
        arrays: dict[str, Any] = {
            "version": np.array(VERSION),
            "label": np.array(self.name),
            "codebook_sha256": np.array(self.codebook_sha256),
            "hop": np.array(self.hop),
            "rate": np.array(self.rate),
            "pitch": np.array(self.pitch),
            "fitted": np.array(json.dumps(dict(self.fitted), sort_keys=True)),
            "units": self.means.units,
            **{f"{kind}_keys": self.means.keys[kind] for kind in KINDS},
            **{f"{kind}_means": self.means.means[kind] for kind in KINDS},
        }
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @property
    def clusters(self) -> int:
        return len(self.means.units)

    @property
    def name(self) -> str:
        speakers = self.fitted.get("speakers")
        voices = "" if not speakers else f" of {speakers} speaker{'s' if speakers > 1 else ''}"
        heard = f"{self.fitted.get('seconds', 0):.0f} s of recordings{voices}"
        return (
            f"built-in resynthesiser: spectra averaged over {heard}, spoken by pulses and noise; "
            "one average voice, not a neural vocoder"
        )

    def check(self, vocab: VocabCard) -> None:
        if (vocab.codebook_sha256, vocab.hop) != (self.codebook_sha256, self.hop):
            raise ConfigError(
                f"`{self.path}` was fitted to units of the codebook {self.codebook_sha256[:12]}, of {self.hop} samples "
                f"each, but these are of {vocab.codebook_sha256[:12]}, of {vocab.hop} samples each."
            )

    def speak(self, units: NDArray[np.integer]) -> Waveform:
        """As many samples as the units have."""
        if len(units) and not 0 <= units.min() <= units.max() < self.clusters:
            raise ConfigError(
                f"`{self.path}` speaks the units 0…{self.clusters - 1}, but not {units.min()}…{units.max()}."
            )
        if not len(units):
            return np.zeros(0, dtype=np.float32)
        features = self.means.predict(units).reshape(-1, WIDTH)
        signal = _sound(features, self.hop // steps_per_unit(self.hop), self.pitch)
        return (signal / max(1.0, float(np.abs(signal).max()) / _PEAK)).astype(np.float32)

    def _mistake(self) -> str | None:
        dimensions = WIDTH * steps_per_unit(self.hop) if self.hop > 0 else 0
        tables = [self.means.units, *self.means.means.values()]
        if self.means.units.ndim != 2 or not all(table.shape[1:] == (dimensions,) for table in tables):
            return "its arrays have shapes that do not fit"
        if not all(type(self.fitted.get(name, 0)) in (int, float) for name in ("seconds", "speakers")):
            return "`fitted` must have numbers as `seconds` and `speakers`"
        if any(self.means.keys[kind].shape != self.means.means[kind].shape[:1] for kind in KINDS):
            return "its arrays have shapes that do not fit"
        if not all(np.isfinite(table).all() for table in tables):
            return "its arrays hold values that are not finite"
        if not _PITCHES[0] <= self.pitch <= _PITCHES[1]:
            return f"`pitch` must be from {_PITCHES[0]:g} to {_PITCHES[1]:g}, but is {self.pitch:g}"
        return None


def describe(samples: NDArray[np.floating], frames: int, hop: int) -> tuple[Floats, float | None]:
    """(frames, dimensions) features of a recording, and the speaker's ln pitch; None where nothing is voiced."""
    steps = steps_per_unit(hop)
    count, step = frames * steps, hop // steps
    hertz, voicing = track(samples, count, step)
    voiced = voicing == 1
    own = float(np.median(np.log(hertz[voiced]))) if voiced.any() else None
    deviation = np.zeros(count) if own is None else np.where(voiced, np.log(hertz) - own, 0)
    features = np.column_stack([log_bands(samples, count, step), voicing, voicing * deviation])
    return features.reshape(frames, steps * WIDTH), own


def _sound(features: Floats, step: int, pitch: float) -> Floats:
    """(steps · step,) samples: a source of pulses and noise, shaped by the envelope."""
    voicing = np.clip(features[:, BANDS], 0, 1)
    hertz = np.clip(pitch * np.exp(features[:, BANDS + 1] / np.maximum(voicing, 0.2)), *_PITCHES)
    pulses, noise = _pulses(hertz, step), rng(0, 0, "", "vocoder noise").standard_normal(len(features) * step)
    signal = np.empty(len(features) * step)
    for first in range(0, len(features), _BLOCK):
        last = min(first + _BLOCK, len(features))
        begin, end = max(0, first - _MARGIN), min(last + _MARGIN, len(features))
        source = _source(pulses[begin * step : end * step], noise[begin * step : end * step], voicing[begin:end], step)
        part = overlap_add(source * amplitudes(features[begin:end, :BANDS]), step)
        signal[first * step : last * step] = part[(first - begin) * step :][: (last - first) * step]
    return signal


def _source(pulses: Floats, noise: Floats, voicing: Floats, step: int) -> Spectrum:
    """(steps, bins) of amplitude 1 in the mean."""
    limit, width = _NOISY
    share = voicing[:, None] / (1 + np.exp((bin_hertz() - limit) / width))
    voiced = step_spectra(pulses, len(voicing), step) * np.sqrt(share)
    breath = step_spectra(noise, len(voicing), step) * np.sqrt(1 - share)
    spectra: Spectrum = (voiced + breath) / white_amplitude()
    return spectra


def _pulses(hertz: Floats, step: int) -> Floats:
    """A pulse at the start of each period, of such a height that the power is 1 at any pitch."""
    at = np.arange(len(hertz) * step)
    by_sample = np.interp(at, (np.arange(len(hertz)) + 0.5) * step, hertz)
    periods = np.floor(np.cumsum(by_sample / SAMPLE_RATE))
    begins = np.diff(periods, prepend=0.0) > 0
    return np.where(begins, np.sqrt(SAMPLE_RATE / by_sample), 0.0)
