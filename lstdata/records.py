"""The records that travel through the stages, and the one owner of frame arithmetic.

Inside, time is integer samples of the 16 kHz signal or integer frames; seconds exist only at the edges.
Frame i covers samples [i·hop, (i+1)·hop).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstdata.randomness import digest
from lstdata.redaction import redacted

SAMPLE_RATE = 16_000
"""Hertz of every waveform after decoding."""

HOP = 640
"""Samples per frame at 25 Hz."""

HEADER_TOLERANCE = 0.1
"""Seconds by which a header may miss the decoded length before it is counted: lossy formats are 25–75 ms off."""

Waveform = NDArray[np.float32]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def frame_count(samples: int, hop: int = HOP) -> int:
    """Whole frames in `samples` samples; every unit extractor returns exactly this many ids."""
    return samples // hop


def frame_at(sample: int, hop: int = HOP) -> int:
    """The frame edge nearest to a sample, ties up: `(2·sample + hop) // (2·hop)`."""
    return (2 * sample + hop) // (2 * hop)


def sample_at(seconds: float, rate: int = SAMPLE_RATE) -> int:
    """The sample nearest to a time, ties up. Times are finite and ≥ 0."""
    return int(seconds * rate + 0.5)


def resampled_length(samples: int, rate_in: int, rate_out: int = SAMPLE_RATE) -> int:
    """Samples after resampling: `ceil(samples · rate_out / rate_in)`, in integers."""
    return -(-samples * rate_out // rate_in)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the transcript as it was written, and where it was spoken (samples of the 16 kHz signal)."""

    text: str
    start: int
    end: int
    score: float | None = None
    """How well it fits, on the aligner's own scale, higher is better; None where it does not say."""
    interpolated: bool = False
    """Whether the times are no finding, but lie between those of the neighbours: nothing of the word was aligned."""
    characters: tuple[int, ...] | None = None
    """The sample at which each character of `text` begins, from `start` on, never falling; None where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """One record's decoded signal: mono, 16 kHz, float32 in [-1, 1], shape (samples,)."""

    samples: Waveform
    rate: int
    """Hertz of the file."""
    channels: int
    decoded: int
    """Samples per channel that were really decoded, at the file's rate."""
    promised: int | None
    """Samples per channel that the header promised for the same stretch; None if it promised nothing sane."""

    @property
    def header_seconds(self) -> float | None:
        return None if self.promised is None else self.promised / self.rate

    @property
    def header_mismatch(self) -> float | None:
        """Seconds between what the header promised and what was decoded."""
        return None if self.promised is None else abs(self.promised - self.decoded) / self.rate


Codec = Literal["flac", "opus"]
"""FLAC has every sample, to 16 bits; Opus a sixth of the bytes."""


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """A record's audio as shards may hold it: mono, 16 kHz."""

    codec: Codec
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coded:
    """One record as units: what its source delivers in place of audio, or what the stages have made of its audio."""

    samples: int
    """Length in samples at 16 kHz."""
    units: NDArray[np.uint16]
    """(frames,) cluster ids, not de-duplicated."""
    activity: Mask
    """(frames,) True where there is speech; True throughout where nobody knows."""
    words: tuple[str, ...] | None = None
    """The transcript's words as written; None without word times."""
    word_frames: Ints | None = None
    """(words, 2) start and end frame of each word: monotone, disjoint, inside the utterance, maybe empty."""
    word_scores: tuple[float | None, ...] | None = None
    """How well each word fits, per frame on the aligner's own scale; None where nobody said."""
    interpolated: tuple[int, ...] = ()
    """The words, by number, whose times are no finding but lie between those of their neighbours."""
    character_frames: tuple[tuple[int, ...] | None, ...] | None = None
    """For each word the frame at which each of its characters begins, inside the word; None where nobody knows."""
    aligner: str | None = None
    score: float | None = None
    header_seconds: float | None = None
    """What the audio's header promised; None where it promised nothing, or nobody knows."""
    hop: int = HOP
    """Samples per frame."""
    audio: KeptAudio | None = None
    """What of the audio is kept; None where nothing is."""

    def without_words(self) -> Coded:
        """The same without word times and all that is said of them."""
        return replace(
            self,
            words=None,
            word_frames=None,
            word_scores=None,
            interpolated=(),
            character_frames=None,
            aligner=None,
            score=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDocument:
    """One document as its source delivers it in place of audio."""

    text: str
    custom: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that travel into the sample; like the text, they are not in the plan."""

    @property
    def digest(self) -> str:
        """16 hex digits that change with the text and with what travels with it."""
        return digest(self.text, json.dumps(dict(self.custom), sort_keys=True)).hex()[:16]


@dataclass(frozen=True, slots=True)
class UnitInventory:
    """What is known of the unit ids of a source that brings units."""

    clusters: int | None
    """How many ids there are; None where nobody says and `units.clusters` rules; 0 where the source brings text."""
    codebook: bytes | None = None
    """A codebook file (.npz), to be kept beside the shards byte for byte; None where only the ids are known."""
    origin: str = ""
    """Without a codebook: what kind of file the ids came in."""
    audio: Codec | None = None
    """What audio comes with them; None where none does."""
    hop: int = HOP
    """Samples per frame."""

    @property
    def is_text(self) -> bool:
        """Whether the source brings documents of text, and so no units at all."""
        return self.clusters == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The words of an utterance, in order, with times; `score` is on the aligner's own scale, higher is better."""

    words: tuple[Word, ...]
    aligner: str
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One utterance, or one document of text, as shards store it; all that training makes of it is a function of this.

    A document has no samples, units or words.
    """

    key: str
    """`[a-z0-9_-]+`, unique in the run: the WebDataset key."""
    id: str
    split: str
    samples: int
    """Length in samples at 16 kHz: what was decoded."""
    units: NDArray[np.uint16]
    """(frames,) cluster ids, not de-duplicated."""
    activity: Mask
    """(frames,) True where there is speech."""
    text: str | None
    words: tuple[str, ...] | None
    """The transcript's words as written; None without word times."""
    word_frames: Ints | None
    """(words, 2) start and end frame of each word: monotone, disjoint, inside the utterance, maybe empty."""
    word_scores: tuple[float | None, ...] | None = None
    """How well each word fits, per frame on the aligner's own scale; None where nobody said."""
    interpolated: tuple[int, ...] = ()
    """The words, by number, whose times are no finding but lie between those of their neighbours."""
    character_frames: tuple[tuple[int, ...] | None, ...] | None = None
    """For each word the frame at which each of its characters begins, inside the word; None where nobody knows."""
    piece_frames: Ints | None = None
    """(pieces,) frames, rising, inside words, at which pieces of the text tokenizer begin; None where nobody knows."""
    aligner: str | None = None
    align_score: float | None = None
    header_seconds: float | None = None
    """What the file's header promised of the same stretch; None where it promised nothing, or nobody knows."""
    recording: str = ""
    speaker: str | None = None
    language: str | None = None
    license: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    hop: int = HOP
    """Samples per frame: of units, activity, words and patches."""
    tokens: NDArray[np.uint16] | NDArray[np.uint32] | None = None
    """(tokens,) of a document: ids of its text by the run's tokenizer; None for speech."""

    @property
    def frames(self) -> int:
        return int(self.units.shape[0])

    @property
    def in_word(self) -> Mask:
        """(frames,) True inside a word; nowhere without word times."""
        steps = np.zeros(self.frames + 1, dtype=np.int64)
        if self.word_frames is not None:
            np.add.at(steps, self.word_frames[:, 0], 1)
            np.add.at(steps, self.word_frames[:, 1], -1)
        return np.cumsum(steps[:-1]) > 0

    @property
    def belies_header(self) -> bool:
        """Whether the header promised another length than was decoded, by more than the tolerance."""
        promised = self.header_seconds
        return promised is not None and abs(promised - self.samples / SAMPLE_RATE) > HEADER_TOLERANCE


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that did not become a sample, and why."""

    id: str
    stage: str
    reason: str
    message: str
    source: str
    environmental: bool = False

    def __post_init__(self) -> None:
        """Dead letters go into files that others read."""
        object.__setattr__(self, "message", redacted(self.message))
        object.__setattr__(self, "source", redacted(self.source))


def word_frames(words: Sequence[Word], frames: int, hop: int = HOP) -> Ints:
    """(words, 2) start and end frames: nearest edges (ties up), then monotone, disjoint, inside [0, frames].

    A word may get no frame: it then has start == end.
    """
    edges = np.array([[frame_at(w.start, hop), frame_at(w.end, hop)] for w in words], dtype=np.int64)
    edges = np.clip(edges.reshape(-1), 0, frames)
    return np.maximum.accumulate(edges).reshape(-1, 2) if len(edges) else edges.reshape(0, 2)


def character_frames(words: Sequence[Word], frames: Ints, hop: int = HOP) -> tuple[tuple[int, ...] | None, ...] | None:
    """The frame at which each character of each word begins, inside the word's `frames`; None where no word says."""
    if all(word.characters is None for word in words):
        return None
    found: list[tuple[int, ...] | None] = []
    for word, (start, end) in zip(words, frames.tolist(), strict=True):
        begins = None if word.characters is None else [min(max(frame_at(c, hop), start), end) for c in word.characters]
        found.append(None if begins is None else tuple(begins))
    return tuple(found)
