from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from upath import UPath

from lstdata.evaluate.speaking.keeping import keep
from lstdata.records import Waveform
from lstdata.vocab import VocabCard
from tests.evaluate.speaking.test_comparing import REFERENCES, attempt


class Hum:
    """A vocoder of forty samples for each unit."""

    name = "hum"
    rate = 1000

    def check(self, vocab: VocabCard) -> None: ...

    def speak(self, units: NDArray[np.integer]) -> Waveform:
        return np.repeat(units, 40).astype(np.float32) / 100


def test_what_was_spoken_is_kept_and_listed(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "of-before.wav").write_bytes(b"")
    attempts = [attempt(0, REFERENCES[0], "one day"), attempt(1, REFERENCES[1], "")]
    units = [np.array([3, 3, 9], dtype=np.uint16), np.zeros(0, dtype=np.uint16)]
    keep(UPath(folder), attempts, units, Hum())
    assert {path.name for path in folder.iterdir()} == {"spoken.json", "u0.npy", "u1.npy", "u0.wav"}
    first, second = json.loads((folder / "spoken.json").read_text())
    assert (first["recognised"], first["wav"], first["vocoder"]) == ("one day", "u0.wav", "hum")
    assert (second["recognised"], second["wav"], second["vocoder"]) == ("", None, None)
    assert np.load(folder / first["units"]).tolist() == [3, 3, 9]
    sound, rate = soundfile.read(io.BytesIO((folder / "u0.wav").read_bytes()))
    assert (rate, len(sound)) == (1000, 120)
