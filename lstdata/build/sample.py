"""What the stages have made of a record, as one utterance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lstdata.build.plan_table import PlannedRecord
from lstdata.build.utterance import Utterance
from lstdata.patching import piece_frames
from lstdata.records import Alignment, Coded, Mask, Sample, character_frames, frame_count, word_frames
from lstdata.shards import StoredSample
from lstdata.source_row import SourceRow
from lstdata.sources.runs import PackedSample
from lstdata.tokenizer import TextTokenizer


def coded_utterance(
    samples: int,
    units: NDArray[np.uint16],
    activity: Mask,
    alignment: Alignment | None,
    *,
    header_seconds: float | None,
    hop: int,
) -> Coded:
    """Units, activity and words of an utterance of `samples` samples on the frame grid."""
    coded = Coded(samples=samples, units=units, activity=activity, header_seconds=header_seconds, hop=hop)
    if alignment is None:
        return coded
    words = alignment.words
    frames = word_frames(words, frame_count(samples, hop), hop)
    return replace(
        coded,
        words=tuple(word.text for word in words),
        word_frames=frames,
        word_scores=None if all(word.score is None for word in words) else tuple(word.score for word in words),
        interpolated=tuple(number for number, word in enumerate(words) if word.interpolated),
        character_frames=character_frames(words, frames, hop),
        aligner=alignment.aligner,
        score=alignment.score,
    )


def sample_of(record: PlannedRecord, coded: Coded, tokenizer: TextTokenizer) -> Sample:
    """The sample that shards store; without a transcript of its own its text is that of its words."""
    row = record.row
    words = coded.words or ()
    starts = [] if coded.character_frames is None else tokenizer.piece_starts(" ".join(words))
    return Sample(
        key=record.key,
        id=row.id,
        split=record.split,
        samples=coded.samples,
        header_seconds=coded.header_seconds,
        hop=coded.hop,
        units=coded.units,
        activity=coded.activity,
        text=_text(row, coded),
        words=coded.words,
        word_frames=coded.word_frames,
        word_scores=coded.word_scores,
        interpolated=coded.interpolated,
        character_frames=coded.character_frames,
        piece_frames=piece_frames(words, coded.word_frames, coded.character_frames, starts),
        aligner=coded.aligner,
        align_score=coded.score,
        recording=row.recording,
        speaker=row.speaker,
        language=row.language,
        license=row.license,
        custom=row.custom,
    )


def packed_alike(utterance: Utterance, packing: str | None) -> StoredSample | None:
    """A run's sample as it is, where packing it anew would make the same; else None.

    That is: by the same tokenizer and options (`packing`), with all that the source says of it and all its words.
    """
    coded, record = utterance.coded, utterance.record
    if not isinstance(coded, PackedSample) or coded.packing != packing:
        return None
    sample, row = coded.stored.sample, record.row
    said = (record.key, row.id, record.split, _text(row, coded), coded.words, dict(row.custom))
    stored = (sample.key, sample.id, sample.split, sample.text, sample.words, dict(sample.custom))
    told = all(getattr(row, name) == getattr(sample, name) for name in ("recording", "speaker", "language", "license"))
    return coded.stored if said == stored and told else None


def _text(row: SourceRow, coded: Coded) -> str | None:
    """The transcript, or else the words."""
    return row.text if row.text is not None or coded.words is None else " ".join(coded.words)
