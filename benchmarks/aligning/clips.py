"""What the aligners are measured on: real recordings, and held-out utterances of the demo corpus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.small_ctc import utterances

from lstdata.audio import read
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.source_row import TimedWord

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "speech"

DUPLICATES = frozenset({"jfk-44k-stereo", "jfk-mp3"})
"""The same utterance as jfk-16k."""

MISLABELLED = frozenset({"arctic_a0024"})
"""Another sentence is spoken than the transcript says: counted with the swapped ones."""

HAND, LJSPEECH, NOISY, BY_SPHINX, NOBODY, DEMO = (
    "by hand", "MFA, LJSpeech", "MFA, noisy room", "pocketsphinx", "no reference", "demo, exact"
)  # fmt: skip
"""Who says where the words are."""


@dataclass(frozen=True)
class Clip:
    name: str
    samples: Waveform
    text: str
    origin: str
    reference: tuple[TimedWord, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    @property
    def is_right(self) -> bool:
        """Whether its transcript is its own."""
        return self.name not in MISLABELLED


def real_clips() -> Iterator[Clip]:
    """None where the recordings are absent."""
    for transcript in sorted((SPEECH / "english").glob("*.txt")):
        name = transcript.stem
        if name in DUPLICATES:
            continue
        audio = next(p for p in sorted(transcript.parent.glob(f"{name}.*")) if p.suffix != ".txt")
        origin, reference = _reference(name)
        yield Clip(name, read(str(audio)).samples, transcript.read_text(encoding="utf-8").strip(), origin, reference)


def _reference(name: str) -> tuple[str, tuple[TimedWord, ...]]:
    path = SPEECH / "words" / f"{name}.json"
    if not path.is_file():
        return NOBODY, ()
    found = json.loads(path.read_text(encoding="utf-8"))
    kind = found["origin"].split()[0].strip(",;:")
    origin = {"human": HAND, "pocketsphinx": BY_SPHINX}.get(kind, LJSPEECH if name.startswith("LJ") else NOISY)
    return origin, tuple(TimedWord(word["word"], word["start"], word["end"]) for word in found["words"])


def demo_clips(corpus: Path, count: int) -> list[Clip]:
    """Stories that the model was not trained on, of skeletons that occur in none that it was."""
    return [Clip(u.id, u.samples, u.text, DEMO, u.words) for u in utterances(corpus, "validation", count)]
