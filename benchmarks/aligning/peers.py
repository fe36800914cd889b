"""The aligners, each beside the bare calls of the library that it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligning.clips import Clip
from models.small_ctc import characters

from lstdata.align import Aligner
from lstdata.align.ctc import MIN_SCORE as CTC_MIN_SCORE
from lstdata.align.ctc import CtcAligner, find_ctc_model
from lstdata.align.normalise import spoken_tokens
from lstdata.align.pronounce import Pronouncer
from lstdata.align.sphinx import BEAMS, SphinxAligner, pcm16
from lstdata.align.sphinx import MIN_SCORE as SPHINX_MIN_SCORE
from lstdata.config import WordsConfig
from lstdata.records import SAMPLE_RATE

Call = Callable[[], object]


@dataclass(frozen=True)
class Peer:
    aligner: Aligner
    """One that accepts any score."""
    min_score: float
    """Its default threshold."""
    bare: Callable[[Clip], Call]
    """A clip's bare calls on prepared input: no rules, no checks, words in the library's own form."""


def sphinx() -> Peer:
    from pocketsphinx import Decoder

    decoder = Decoder(lm=None, bestpath=False, compallsen=True, loglevel="FATAL")
    taught: set[str] = set()

    def lookup(word: str) -> str | None:
        phones: str | None = None if not word or word in taught else decoder.lookup_word(word)
        return phones

    pronouncer = Pronouncer(lookup)

    def bare(clip: Clip) -> Call:
        tokens = spoken_tokens(clip.text, lambda word: lookup(word) is not None)
        for word in sorted({token.text for token in tokens} - taught):
            if lookup(word) is None:
                for number, phones in enumerate(pronouncer.pronunciations(word), start=1):
                    decoder.add_word(word if number == 1 else f"{word}({number})", phones, update=False)
                taught.add(word)
        pcm, transcript = pcm16(clip.samples), " ".join(token.text for token in tokens)
        return lambda: _decoded(decoder, pcm, transcript)

    return Peer(SphinxAligner(WordsConfig(min_score=None)), SPHINX_MIN_SCORE, bare)


def _decoded(decoder: Any, pcm: bytes, transcript: str) -> list[tuple[str, int, int]]:
    for beams in BEAMS:
        for key, value in beams.items():
            decoder.config[key] = value
        decoder.set_align_text(transcript)
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        if decoder.seg() is not None:
            break
    return [(entry.word, entry.start_frame, entry.end_frame) for entry in decoder.seg() or ()]


def ctc(folder: Path) -> Peer:
    import torch
    from torchaudio.functional import forced_align, merge_tokens
    from transformers import AutoFeatureExtractor, AutoModelForCTC

    config = WordsConfig(aligner="ctc", model=str(folder), min_score=None)
    aligner = CtcAligner(find_ctc_model(config), config)
    extractor, model = AutoFeatureExtractor.from_pretrained(folder), AutoModelForCTC.from_pretrained(folder).eval()
    blank: int = model.config.pad_token_id

    def bare(clip: Clip) -> Call:
        ids = torch.tensor([characters(clip.text)])

        @torch.inference_mode()
        def call() -> object:
            heard = extractor(clip.samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            logs = model(heard.input_values).logits.log_softmax(-1)
            path, scores = forced_align(logs, ids, blank=blank)
            return merge_tokens(path[0], scores[0].exp(), blank)

        return call

    return Peer(aligner, CTC_MIN_SCORE, bare)
