"""Word times by each aligner against reference times, scores of right and swapped transcripts, cost over bare calls.

Run from the project's root: `.venv/bin/python benchmarks/alignment.py`. It trains a small CTC model on the demo corpus,
which is kept in the system's folder for temporary files. The real recordings are those of `../shared/speech`, where
they are; unknown words are included.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from aligning import peers
from aligning.boundaries import described, differences
from aligning.clips import BY_SPHINX, DEMO, HAND, LJSPEECH, NOBODY, NOISY, SPEECH, Clip, demo_clips, real_clips
from models.small_ctc import error_rate, trained, utterances

from lstdata.errors import Rejected
from lstdata.records import Alignment

DEMO_CLIPS = 50
ORIGINS = (HAND, LJSPEECH, NOISY, BY_SPHINX, NOBODY, DEMO)

NEIGHBOURS = (-1, 1)
"""A clip is given the transcripts of these neighbours in order of length."""

TARGET = 1.3
"""Our time over that of the bare calls."""


class Outcome(NamedTuple):
    """A clip aligned with its own transcript."""

    clip: Clip
    alignment: Alignment | None
    accepted: bool
    """Whether the aligner's default threshold lets it through."""


@dataclass
class Clock:
    """Seconds of processor time."""

    ours: float = 0.0
    bare: float = 0.0

    @property
    def ratio(self) -> float:
        return self.ours / self.bare


def main() -> int:
    warnings.filterwarnings("ignore", "torchaudio")
    folder, corpus = trained()
    torch.set_num_threads(1)
    wrong = error_rate(folder, utterances(corpus, "validation", DEMO_CLIPS))
    print(f"the CTC model, without a transcript: {wrong:.1%} of the characters of the demo corpus wrong")
    real, demo = list(real_clips()), demo_clips(corpus, DEMO_CLIPS)
    if not real:
        print(f"No recordings at {SPEECH}: the demo corpus alone is measured.")
    summary = []
    for peer in (peers.sphinx(), peers.ctc(folder)):
        for kind, clips in (("real recordings", real), ("demo corpus", demo)):
            if clips:
                print(f"\n{peer.aligner.name}, {kind}", flush=True)
                summary.append(f"{peer.aligner.name}, {kind}: {report(peer, clips)}")
    print("\nsummary:", *summary, sep="\n  ")
    return 0


def report(peer: peers.Peer, clips: Sequence[Clip]) -> str:
    """The tables of one kind of clips; its line of the summary."""
    clock = Clock()
    outcomes = aligned(peer, clips, clock)
    words = report_boundaries(outcomes, peer.aligner.name)
    separation = report_separation(outcomes, swapped(peer, clips), peer.min_score)
    speed = sum(clip.seconds for clip in clips) / clock.ours
    verdict = "met" if clock.ratio <= TARGET else "missed"
    cost = f"{speed:.0f}x real time, {clock.ratio:.2f} of the bare calls' time, target {TARGET} {verdict}"
    print(f"processor time on one thread: {cost}")
    return f"{words}; {separation}; {cost}"


def aligned(peer: peers.Peer, clips: Sequence[Clip], clock: Clock) -> list[Outcome]:
    """Every clip with its own transcript; the aligner and the bare calls take turns in going first."""
    scores: dict[str, Alignment | None] = {}

    def ours(clip: Clip) -> None:
        before = time.process_time()
        scores[clip.name] = attempt(peer, clip, clip.text)
        clock.ours += time.process_time() - before

    def bare(clip: Clip) -> None:
        call = peer.bare(clip)
        before = time.process_time()
        call()
        clock.bare += time.process_time() - before

    sides = [ours, bare]
    for clip in (clips[0], *clips):
        if clip is clips[0]:  # the first round warms up
            clock.ours = clock.bare = 0.0
        for side in sides:
            side(clip)
        sides.reverse()
    return [Outcome(clip, scores[clip.name], passes(scores[clip.name], peer.min_score)) for clip in clips]


def swapped(peer: peers.Peer, clips: Sequence[Clip]) -> list[Alignment | None]:
    """Every clip with the transcripts of its neighbours in length."""
    by_length = sorted(clips, key=lambda clip: (len(clip.samples), clip.name))
    pairs = [(i, i + step) for i in range(len(clips)) for step in NEIGHBOURS if 0 <= i + step < len(clips)]
    others = [(by_length[i], by_length[j].text) for i, j in pairs if by_length[i].text != by_length[j].text]
    return [attempt(peer, clip, text) for clip, text in others]


def attempt(peer: peers.Peer, clip: Clip, text: str) -> Alignment | None:
    try:
        return peer.aligner.align(clip.samples, text, "en")
    except Rejected:
        return None


def passes(alignment: Alignment | None, min_score: float) -> bool:
    return alignment is not None and alignment.score is not None and alignment.score >= min_score


def report_boundaries(outcomes: Sequence[Outcome], aligner: str) -> str:
    """By who made the reference; an alignment that the threshold rejects counts here as well, if there is one."""
    columns = f"{'median':>8}{'signed':>8}{'p90':>8}{'≤ 50 ms':>8}"
    print(f"{'':16}{'':30}{'word starts, ms':^32}  {'word ends, ms':^32}")
    print(f"{'origin':16}{'clips':>6}{'aligned':>8}{'words':>7}{'found':>9}{columns}  {columns}")
    said = []
    for origin in ORIGINS:
        own = [outcome for outcome in outcomes if outcome.clip.origin == origin]
        if not own or (aligner == "sphinx" and origin == BY_SPHINX):
            continue
        share = sum(outcome.accepted for outcome in own) / len(own)
        words = sum(len(outcome.clip.reference) for outcome in own)
        print(f"{origin:16}{len(own):6}{share:8.1%}{words or '-':>7}", end="")
        if not words:
            print()
            continue
        found = [differences(o.alignment.words, o.clip.reference) for o in own if o.alignment is not None]
        starts, ends = np.concatenate(found, axis=1) if found else np.zeros((2, 0))
        print(f"{len(starts) / words:9.1%}{described(starts)}  {described(ends)}")
        if origin in (LJSPEECH, DEMO) and len(starts):
            said.append(f"word starts median {np.median(abs(starts)):.1f} ms ({origin})")
    return ", ".join(said)


def report_separation(outcomes: Sequence[Outcome], others: Sequence[Alignment | None], min_score: float) -> str:
    """Scores of right and of swapped transcripts, and what the default threshold makes of them."""
    right = [o.alignment for o in outcomes if o.clip.is_right]
    wrong = [o.alignment for o in outcomes if not o.clip.is_right] + list(others)
    for label, alignments in (("right", right), ("swapped", wrong)):
        scores = np.array([a.score for a in alignments if a is not None])
        quantiles = [f"{q:.0%}: {np.quantile(scores, q):.2f}" for q in (0, 0.02, 0.5, 0.98, 1) if len(scores)]
        unscored = len(alignments) - len(scores)
        print(f"scores, {label} transcripts ({len(alignments)}, {unscored} rejected unscored):", *quantiles)
    lost = sum(not passes(alignment, min_score) for alignment in right) / len(right)
    caught = sum(not passes(alignment, min_score) for alignment in wrong) / len(wrong)
    return f"at min_score {min_score} {caught:.1%} of swapped transcripts rejected, {lost:.1%} of right ones"


if __name__ == "__main__":
    sys.exit(main())
