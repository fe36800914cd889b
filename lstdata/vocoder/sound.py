"""Units from arrays of numpy, spoken into WAV files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError
from lstdata.records import Waveform
from lstdata.storage import commit_bytes
from lstdata.units.arrays import read_row
from lstdata.vocoder import Vocoder

WAV: Final = ".wav"


def wav_bytes(samples: Waveform, rate: int) -> bytes:
    """16-bit mono; what is beyond full scale is clipped."""
    import soundfile

    made = io.BytesIO()
    soundfile.write(made, np.clip(samples, -1.0, 1.0), rate, format="WAV", subtype="PCM_16")
    return made.getvalue()


def write_speech(vocoder: Vocoder, units: NDArray[np.integer], path: Path) -> float:
    """Speak units into a file; seconds of sound."""
    sound = vocoder.speak(units)
    commit_bytes(path, wav_bytes(sound, vocoder.rate))
    return len(sound) / vocoder.rate


def vocode(vocoder: Vocoder, arrays: Sequence[str], out: Path) -> dict[str, Any]:
    """Speak each array of units into `out`, a `.wav`, or of several into STEM.wav in the folder `out`."""
    pairs = list(zip(arrays, _outputs(arrays, out), strict=True))
    units = [read_row(path, "units") for path in arrays]
    written = [
        {"units": path, "wav": str(wav), "count": len(row), "seconds": write_speech(vocoder, row, wav)}
        for (path, wav), row in zip(pairs, units, strict=True)
    ]
    return {"vocoder": vocoder.name, "rate": vocoder.rate, "written": written}


def _outputs(arrays: Sequence[str], out: Path) -> list[Path]:
    if len(arrays) == 1:
        if out.suffix != WAV:
            raise ConfigError(f"the sound of one array goes into a {WAV}, but OUT is `{out}`.")
        if out.is_dir():
            raise ConfigError(f"OUT must be a file, but `{out}` is a folder.")
        return [out]
    if out.suffix == WAV or out.is_file():
        raise ConfigError(f"the sounds of {len(arrays)} arrays go into a folder, but OUT is `{out}`.")
    stems = [Path(path).stem for path in arrays]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise ConfigError(f"two of the arrays are called `{twice}`, and would be one file of OUT.")
    return [out / f"{stem}{WAV}" for stem in stems]
