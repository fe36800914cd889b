"""Whisper checkpoints: words and their times by the library's own pipeline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from lstdata.records import SAMPLE_RATE, TimedWord, Waveform
from lstdata.transcribe.checkpoint import Checkpoint
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Transcript, exact_arithmetic


class WhisperRecogniser:
    """Greedy, one window of 30 s; word times come from cross-attention, every 20 ms. It says no score."""

    longest: float | None = 30.0

    def __init__(self, checkpoint: Checkpoint, config: TranscribeConfig) -> None:
        import torch
        from transformers import AutoFeatureExtractor, AutoTokenizer, WhisperForConditionalGeneration, pipeline

        folder, local = checkpoint.folder, {"local_files_only": True, "trust_remote_code": False}
        model = WhisperForConditionalGeneration.from_pretrained(
            folder, use_safetensors=checkpoint.is_safe, attn_implementation="eager", **local
        )
        self._pipeline = pipeline(
            "automatic-speech-recognition",
            model=model.to(config.device, getattr(torch, config.dtype)).eval(),
            tokenizer=AutoTokenizer.from_pretrained(folder, **local),
            feature_extractor=AutoFeatureExtractor.from_pretrained(folder, **local),
            device=config.device,
        )
        self._generate: dict[str, Any] = {"num_beams": 1, "do_sample": False}
        if getattr(model.generation_config, "is_multilingual", True):
            self._generate |= {"task": "transcribe", "language": config.language}
        self._lower = config.case == "lower"

    def transcribe(self, batch: Sequence[Waveform]) -> list[Transcript]:
        inputs = [{"raw": wave, "sampling_rate": SAMPLE_RATE} for wave in batch]
        with exact_arithmetic():
            heard = self._pipeline(
                inputs, batch_size=len(inputs), return_timestamps="word", generate_kwargs=dict(self._generate)
            )
        return [self._transcript(said["chunks"], len(wave)) for said, wave in zip(heard, batch, strict=True)]

    def _transcript(self, chunks: Iterable[dict[str, Any]], samples: int) -> Transcript:
        words = timed_words(((c["text"], *c["timestamp"]) for c in chunks), samples / SAMPLE_RATE)
        return Transcript(tuple(TimedWord(w.text.lower(), w.start, w.end) if self._lower else w for w in words))


def timed_words(chunks: Iterable[tuple[str, float | None, float | None]], seconds: float) -> list[TimedWord]:
    """Whisper's (text, start, end) in order, inside of the record; the last end is often None, texts may be blank."""
    words: list[TimedWord] = []
    cursor = 0.0
    for text, start, end in chunks:
        if not text.strip():
            continue
        begin = min(max(_known(start, cursor), cursor), seconds)
        cursor = min(max(_known(end, seconds), begin), seconds)
        words.append(TimedWord(" ".join(text.split()), begin, cursor))
    return words


def _known(time: float | None, otherwise: float) -> float:
    return otherwise if time is None or not math.isfinite(time) else float(time)
