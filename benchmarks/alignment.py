"""Word times by pocketsphinx against reference times, scores of right and swapped transcripts, cost over bare calls.

Run from the project's root: `.venv/bin/python benchmarks/alignment.py`. Needs the recordings in `../shared/speech`.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from lstdata.align.normalise import spoken_tokens
from lstdata.align.sphinx import BEAMS, MIN_SCORE, SphinxAligner, pcm16
from lstdata.audio import read
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import SAMPLE_RATE, Alignment, Waveform

SPEECH = Path(__file__).resolve().parents[2] / "shared" / "speech"
DUPLICATES = {"jfk-44k-stereo", "jfk-mp3"}
"""The same utterance as jfk-16k."""

MISLABELLED = {"arctic_a0024"}
"""Another sentence is spoken than the transcript says: counted with the swapped ones."""

NEIGHBOURS = (-1, 1)
"""A clip gets the transcripts of these neighbours in order of length."""


@dataclass(frozen=True)
class Clip:
    name: str
    samples: Waveform
    text: str


def main() -> int:
    if not SPEECH.is_dir():
        print(f"No recordings at {SPEECH}: nothing is measured.")
        return 0
    clips = {clip.name: clip for clip in load_clips()}
    aligner, ungated = SphinxAligner(WordsConfig()), SphinxAligner(WordsConfig(min_score=None))
    aligned: dict[str, Alignment] = {}
    for clip in clips.values():
        try:
            aligned[clip.name] = aligner.align(clip.samples, clip.text, None)
        except Rejected as verdict:
            print(f"rejected: {clip.name}: {verdict}")
    accuracy = report_accuracy(clips, aligned)
    separation = report_separation(list(clips.values()), ungated)
    cost = report_cost(list(clips.values()), ungated)
    print(f"summary: {len(aligned)} of {len(clips)} clips aligned; {accuracy}; {separation}; {cost}")
    return 0


def load_clips() -> Iterator[Clip]:
    for transcript in sorted((SPEECH / "english").glob("*.txt")):
        audio = next(p for p in sorted(transcript.parent.glob(f"{transcript.stem}.*")) if p.suffix != ".txt")
        yield Clip(transcript.stem, read(str(audio)).samples, transcript.read_text(encoding="utf-8").strip())


def report_accuracy(clips: dict[str, Clip], aligned: dict[str, Alignment]) -> str:
    """Differences of word starts, by who made the reference."""
    differences: dict[str, list[float]] = defaultdict(list)
    words: dict[str, int] = defaultdict(int)
    counted: dict[str, int] = defaultdict(int)
    for path in sorted((SPEECH / "words").glob("*.json")):
        reference = json.loads(path.read_text(encoding="utf-8"))
        name, origin = reference["id"], reference["origin"].split()[0].strip(",;:")
        if origin == "pocketsphinx" or name in DUPLICATES or name not in clips:
            continue
        origin = "MFA, LJSpeech" if name.startswith("LJ") else origin
        counted[origin] += 1
        words[origin] += len(reference["words"])
        if name in aligned:
            differences[origin] += start_differences(reference["words"], aligned[name])
    print(
        f"{'origin':16}{'clips':>6}{'words':>7}{'compared':>10}{'median':>9}{'signed':>9}{'p90':>9}{'within 50 ms':>14}"
    )
    for origin in sorted(counted):
        ms = 1000 * np.array(differences[origin])
        print(
            f"{origin:16}{counted[origin]:6}{words[origin]:7}{len(ms) / words[origin]:10.1%}"
            f"{np.median(abs(ms)):6.1f} ms{np.median(ms):6.1f} ms{np.quantile(abs(ms), 0.9):6.1f} ms"
            f"{(abs(ms) <= 50).mean():14.1%}"
        )
    ms = 1000 * np.abs(differences["MFA, LJSpeech"])
    return f"LJSpeech word starts median {np.median(ms):.1f} ms, p90 {np.quantile(ms, 0.9):.1f} ms"


def start_differences(reference: list[dict[str, float | str]], alignment: Alignment) -> list[float]:
    """Seconds by which each word starts late, for words whose first letters match in the two texts."""
    ours, our_starts = _letters([(w.text, w.start / SAMPLE_RATE) for w in alignment.words])
    theirs, their_starts = _letters([(str(w["word"]), float(w["start"])) for w in reference])
    found: list[float] = []
    for block in SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
        for i in range(block.size):
            start, other = our_starts.get(block.a + i), their_starts.get(block.b + i)
            if start is not None and other is not None:
                found.append(start - other)
    return found


def _letters(words: list[tuple[str, float]]) -> tuple[str, dict[int, float]]:
    text, starts = "", {}
    for word, start in words:
        letters = "".join(c for c in word.lower() if c.isalnum())
        if letters:
            starts[len(text)] = start
        text += letters
    return text, starts


def report_separation(clips: list[Clip], aligner: SphinxAligner) -> str:
    """Scores of clips with their own transcripts and with those of clips of similar length."""
    by_length = sorted(clips, key=lambda clip: (len(clip.samples), clip.name))
    right: list[float | None] = []
    swapped: list[float | None] = []
    for i, clip in enumerate(by_length):
        (swapped if clip.name in MISLABELLED else right).append(score_of(aligner, clip.samples, clip.text))
        for step in NEIGHBOURS:
            other = by_length[i + step] if 0 <= i + step < len(by_length) else clip
            if other.text != clip.text:
                swapped.append(score_of(aligner, clip.samples, other.text))
    minimum = MIN_SCORE
    for label, scores in (("right", right), ("swapped", swapped)):
        found = np.array([s for s in scores if s is not None])
        quantiles = " ".join(f"{q:.0%}: {np.quantile(found, q):.2f}" for q in (0, 0.02, 0.5, 0.98, 1))
        print(f"scores, {label} transcripts ({len(scores)}, {len(scores) - len(found)} rejected unscored): {quantiles}")
    kept = sum(s is not None and s >= minimum for s in right) / len(right)
    caught = sum(s is None or s < minimum for s in swapped) / len(swapped)
    return f"at min_score {minimum} {kept:.1%} of right transcripts kept, {caught:.1%} of swapped ones rejected"


def score_of(aligner: SphinxAligner, samples: Waveform, text: str) -> float | None:
    try:
        return aligner.align(samples, text, "en").score
    except Rejected:
        return None


def report_cost(clips: list[Clip], aligner: SphinxAligner) -> str:
    """CPU time of the aligner over that of the pocketsphinx calls it makes, on prepared input, alternating."""
    from pocketsphinx import Decoder

    bare = Decoder(lm=None, bestpath=False, compallsen=True, loglevel="FATAL")
    prepared = [(pcm16(clip.samples), spoken_tokens(clip.text, aligner._is_known)) for clip in clips]
    for word in sorted(aligner._taught):
        bare.add_word(word, aligner._decoder.lookup_word(word), update=False)
    ours = theirs = 0.0
    for clip, (pcm, tokens) in zip(clips, prepared, strict=True):
        before = time.process_time()
        aligner.align(clip.samples, clip.text, "en")
        between = time.process_time()
        for beams in BEAMS:
            for key, value in beams.items():
                bare.config[key] = value
            bare.set_align_text(" ".join(token.text for token in tokens))
            bare.start_utt()
            bare.process_raw(pcm, full_utt=True)
            bare.end_utt()
            if bare.seg() is not None:
                break
        ours, theirs = ours + between - before, theirs + time.process_time() - between
    seconds = sum(len(clip.samples) for clip in clips) / SAMPLE_RATE
    print(f"CPU time: {seconds / ours:.1f}x real time on one core; bare pocketsphinx calls {seconds / theirs:.1f}x")
    return f"{seconds / ours:.0f}x real time, {ours / theirs:.2f} of the bare calls' time"


if __name__ == "__main__":
    sys.exit(main())
