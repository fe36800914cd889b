"""Whisper checkpoints: words and their times by the library's own pipeline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.loading import EXTRACTOR, TOKENIZER, exact_arithmetic, load_model, load_part
from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE, Waveform
from lstdata.source_row import TimedWord
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Transcript


class WhisperRecogniser:
    """Greedy, one window of 30 s; word times come from cross-attention, every 20 ms. It says no score."""

    longest: float | None = 30.0

    def __init__(self, checkpoint: Checkpoint, config: TranscribeConfig) -> None:
        from transformers import AutoFeatureExtractor, AutoTokenizer, WhisperForConditionalGeneration, pipeline

        self._model = load_model(
            WhisperForConditionalGeneration, checkpoint, config.device, config.dtype, attn_implementation="eager"
        )
        self._extractor = load_part(AutoFeatureExtractor, checkpoint, EXTRACTOR)
        self._pipeline = pipeline(
            "automatic-speech-recognition",
            model=self._model,
            tokenizer=load_part(AutoTokenizer, checkpoint, TOKENIZER),
            feature_extractor=self._extractor,
            device=config.device,
        )
        self._languages = _languages(checkpoint, self._model.generation_config)
        self._language = _told(checkpoint, config.language, self._languages)
        self._lower = config.case == "lower"

    def transcribe(self, batch: Sequence[Waveform]) -> list[Transcript]:
        generate: dict[str, Any] = {"num_beams": 1, "do_sample": False}
        inputs = [{"raw": wave, "sampling_rate": SAMPLE_RATE} for wave in batch]
        with exact_arithmetic():
            spoken = self._spoken(batch)
            if self._languages:
                generate |= {"task": "transcribe", "language": spoken}
            said = self._pipeline(inputs, batch_size=len(inputs), return_timestamps="word", generate_kwargs=generate)
        heard = zip(said, batch, spoken, strict=True)
        return [self._transcript(one["chunks"], len(wave), language) for one, wave, language in heard]

    def _spoken(self, batch: Sequence[Waveform]) -> Sequence[str | None]:
        """The language of each waveform: as told, else as the model hears it; None for a model of one language."""
        if self._language is not None or not self._languages:
            return [self._language] * len(batch)
        features = self._extractor(list(batch), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
        ids = self._model.detect_language(features.to(self._model.device, self._model.dtype))
        return [self._languages[int(id)] for id in ids]

    def _transcript(self, chunks: Iterable[dict[str, Any]], samples: int, language: str | None) -> Transcript:
        words = timed_words(((c["text"], *c["timestamp"]) for c in chunks), samples / SAMPLE_RATE)
        if self._lower:
            words = [TimedWord(word.text.lower(), word.start, word.end) for word in words]
        return Transcript(tuple(words), language=language)


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


def _languages(checkpoint: Checkpoint, generation: Any) -> dict[int, str]:
    """Tags by token id; empty for a model of one language. ConfigError where the model cannot tell word times."""
    if not getattr(generation, "alignment_heads", None):
        missing = "its generation_config.json must name `alignment_heads`, without which there are no word times"
        raise ConfigError(f"`model` `{checkpoint.name}`: {missing}.")
    tokens = getattr(generation, "lang_to_id", None) or {}
    return {id: token.strip("<|>") for token, id in tokens.items()}


def _told(checkpoint: Checkpoint, language: str | None, known: dict[int, str]) -> str | None:
    """The model's own tag for a language such as `en-US`; None where nobody said or it knows but one."""
    if language is None or not known:
        return None
    tag = language.lower().partition("-")[0]
    if tag not in known.values():
        raise ConfigError(f"`language` must be one that `{checkpoint.name}` knows, but is {language!r}.")
    return tag
