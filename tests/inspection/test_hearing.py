from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from upath import UPath

from lstdata.inspection.finding import find_place
from lstdata.inspection.hearing import Codec, Shown, data_url, encode, show


def test_audio_is_read_again_or_its_absence_explained(run: Path, tones) -> None:  # type: ignore[no-untyped-def]
    def shown() -> list[Shown]:
        return [show(UPath(run), find_place(UPath(run), name), tones) for name in ("A1", "B2")]

    assert [len(one.audio) for one in shown() if one.audio is not None] == [6400, 12800]
    del tones.lengths["A1.wav"]
    tones.lengths["B2.wav"] -= 1
    assert [one.silent_because for one in shown()] == [
        "missing_audio: `A1.wav` is not there any more",
        "it has 12799 samples now, but had 12800",
    ]
    (run / "plan.parquet").unlink()
    assert {one.silent_because for one in shown()} == {"the plan does not name it"}


@pytest.mark.parametrize("codec", ["mp3", "wav"])
def test_encoding_is_reproducible_and_keeps_the_length(codec: Codec) -> None:
    samples = (0.8 * np.sin(np.arange(24_000) / 9)).astype(np.float32)
    data = encode(samples, codec)
    assert data == encode(samples, codec)
    assert codec == "wav" or b"Info" in data[:200], "players trim LAME's delay by this header"
    decoded, rate = soundfile.read(io.BytesIO(data))
    assert (len(decoded), rate) == (24_000, 16_000)
    assert np.corrcoef(decoded, samples)[0, 1] > 0.99
    assert data_url(samples, codec).startswith(f"data:audio/{'mpeg' if codec == 'mp3' else codec};base64,")
