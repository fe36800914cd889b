"""A record on its way through the stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lstdata.build.plan_table import PlannedRecord
from lstdata.quality import Measures
from lstdata.records import Alignment, Audio, Coded, KeptAudio, Mask
from lstdata.shards import StoredSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One record on its way; each stage fills in one field."""

    record: PlannedRecord
    audio: Audio | None = None
    length: int = 0
    """Samples of its audio, which is dropped while its units are waited for."""
    activity: Mask | None = None
    units: NDArray[np.uint16] | None = None
    alignment: Alignment | None = None
    coded: Coded | None = None
    """All of the above at once: set by `decode` where the source brings units."""
    header_seconds: float | None = None
    kept: KeptAudio | None = None
    """Its audio as shards are to hold it, where they are."""
    measures: Measures = field(default_factory=Measures)
    """What filters ask for, as far as it is known."""
    stored: StoredSample | None = None


Step = Callable[[Utterance], Utterance]
