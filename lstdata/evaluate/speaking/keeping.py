"""Some of what was spoken, to be looked at and heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from upath import UPath

from lstdata.evaluate.speaking.results import Attempt
from lstdata.evaluate.speaking.utterances import Units
from lstdata.members import npy
from lstdata.storage import commit_bytes, commit_json, remove_folder
from lstdata.vocoder import Vocoder
from lstdata.vocoder.sound import wav_bytes

SPOKEN: Final = "spoken.json"


def keep(folder: UPath, attempts: Sequence[Attempt], units: Sequence[Units], vocoder: Vocoder | None = None) -> None:
    """KEY.npy of each utterance and, by a vocoder, KEY.wav where something was said; `spoken.json` lists all.

    What the folder held before is gone.
    """
    remove_folder(folder)
    listed: list[dict[str, Any]] = []
    for attempt, spoken in zip(attempts, units, strict=True):
        one, wav = attempt.utterance, None
        commit_bytes(folder / f"{one.key}.npy", npy(spoken.astype(np.uint16)))
        if vocoder is not None and len(spoken):
            wav = f"{one.key}.wav"
            commit_bytes(folder / wav, wav_bytes(vocoder.speak(spoken), vocoder.rate))
        listed.append(
            {
                "id": one.id,
                "text": one.text,
                "recognised": None if attempt.heard is None else attempt.heard.text,
                "seconds": attempt.made.seconds,
                "units": f"{one.key}.npy",
                "wav": wav,
                "vocoder": None if wav is None or vocoder is None else vocoder.name,
            }
        )
    commit_json(folder / SPOKEN, listed)
