"""Long recordings with a transcript but without word times: aligned whole, so that they can be cut between words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lstdata.align import chosen_aligner
from lstdata.align.ctc import MIN_SCORE, VERSION, CtcAligner
from lstdata.align.gate import check_score, least_score
from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.bundles import find_again
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import Waveform, Word
from lstdata.source_row import SourceRow

STAMP: Final = "aligned_by"


@dataclass(frozen=True, slots=True)
class AlignSpec:
    """What a worker needs to align as the driver would: picklable, and equal on every node."""

    words: WordsConfig
    checkpoint: Checkpoint
    device: str = "cpu"


def divides_transcripts(words: WordsConfig) -> bool:
    """Whether transcripts of long recordings are aligned: `ctc` takes in hours, no other aligner does."""
    return chosen_aligner(words) == "ctc"


def aligned_by(spec: AlignSpec) -> dict[str, Any]:
    """What decides where words are found, beside the recording and its transcript."""
    return {
        "aligner": "ctc",
        "version": VERSION,
        "min_score": least_score(spec.words, MIN_SCORE),
        "model": spec.checkpoint.identity(),
    }


class TranscriptDivider:
    """Aligns whole recordings, and says of each segment how well its words were found."""

    def __init__(self, spec: AlignSpec) -> None:
        self._aligner = CtcAligner(spec.checkpoint, spec.words, spec.device)
        self._least = least_score(spec.words, MIN_SCORE)
        checkpoint = spec.checkpoint
        self._stamp = {"model": checkpoint.name, "revision": checkpoint.revision, "sha256": checkpoint.sha256}

    def words(self, row: SourceRow, blocks: Iterable[Waveform]) -> tuple[Word, ...]:
        """The transcript's words in the 16 kHz signal that comes in blocks. Raises Rejected where it does not fit."""
        samples = np.concatenate(list(blocks) or [np.zeros(0, dtype=np.float32)])
        return self._aligner.align(samples, row.text or "", row.language).words

    def judged(self, segment: SourceRow, words: Sequence[Word]) -> SourceRow:
        """A segment with the mean of its words' scores; rejected where that is below the least that is believed."""
        scores = [word.score for word in words if word.score is not None]
        score = sum(scores) / len(scores) if scores else None
        told = replace(segment, score=score, custom={**segment.custom, STAMP: self._stamp})
        try:
            if score is not None:
                check_score(score, self._least)
        except Rejected as verdict:
            return replace(told, reject=(verdict.reason, verdict.detail))
        return told


def divider_here(spec: AlignSpec) -> TranscriptDivider:
    """In a worker, which finds the model there and makes sure that it is the driver's."""
    return TranscriptDivider(replace(spec, checkpoint=find_again(spec.checkpoint, spec.words.model or "")))
