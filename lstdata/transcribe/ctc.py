"""CTC checkpoints (Wav2Vec2, HuBERT, WavLM and their kin): words from the argmax path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.ctc_alphabet import alphabet_of, check_rate, convolutions
from lstdata.checkpoints.loading import EXTRACTOR, TOKENIZER, exact_arithmetic, load_model, load_part
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.source_row import TimedWord
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.ctc_path import words_on_path
from lstdata.transcribe.recogniser import Transcript


class CtcRecogniser:
    """Frames, tokens and normalisation as the checkpoint has them; the score is a log-probability per frame.

    A word lasts from the first frame of its first letter through the last frame of its last: CTC models are late to
    begin a letter and give it few frames, so that words come out somewhat short.
    """

    longest: float | None = None

    def __init__(self, checkpoint: Checkpoint, config: TranscribeConfig) -> None:
        import torch
        from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

        self._extractor = load_part(AutoFeatureExtractor, checkpoint, EXTRACTOR)
        tokenizer = load_part(AutoTokenizer, checkpoint, TOKENIZER)
        self._model = load_model(AutoModelForCTC, checkpoint, config.device, config.dtype)
        self._device, self._dtype = config.device, getattr(torch, config.dtype)
        self._convolutions = convolutions(checkpoint, self._model.config)
        check_rate(checkpoint, self._extractor.sampling_rate)
        self._alphabet = alphabet_of(checkpoint, tokenizer)
        self._lower = config.case == "lower" or bool(getattr(tokenizer, "do_lower_case", False))

    def transcribe(self, batch: Sequence[Waveform]) -> list[Transcript]:
        import torch

        features = self._extractor(list(batch), sampling_rate=SAMPLE_RATE, padding=True, return_tensors="pt")
        mask = features.get("attention_mask")
        with exact_arithmetic():
            values = features["input_values"].to(self._device, self._dtype)
            logits = self._model(values, attention_mask=None if mask is None else mask.to(self._device)).logits
            best, path = torch.log_softmax(logits.float(), dim=-1).max(dim=-1)
            rows = zip(batch, best.cpu().numpy(), path.cpu().numpy(), strict=True)
            return [self._heard(len(wave), logs, ids) for wave, logs, ids in rows]

    def _heard(self, samples: int, logs: Waveform, ids: Any) -> Transcript:
        """`logs` and `ids` per frame, padding included."""
        frames = min(self._convolutions.frames(samples), len(ids))
        found = words_on_path(ids[:frames].tolist(), self._alphabet)
        if not found:
            return Transcript(())
        inside = np.concatenate([logs[word.start : word.end] for word in found])
        words = tuple(TimedWord(self._cased(w.text), self._seconds(w.start), self._seconds(w.end)) for w in found)
        return Transcript(words, float(inside.mean(dtype=np.float64)))

    def _seconds(self, frame: int) -> float:
        return frame * self._convolutions.hop / SAMPLE_RATE

    def _cased(self, text: str) -> str:
        return text.lower() if self._lower else text
