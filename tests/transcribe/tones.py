"""Recordings of pure tones, and checkpoints that hear letters in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 16_000
TONES = {"A": 500, "B": 800}
"""Hertz of what the tone model hears as letters: a frame's 320 samples hold whole periods of both."""

VOCABULARY = {"<pad>": 0, "|": 1, "<unk>": 2, "A": 3, "B": 4}


def tone(letters: str, samples: int) -> np.ndarray:
    """`samples` samples of each letter in turn; anything that is no letter is silence."""
    time = np.arange(samples) / RATE
    pieces = [0.5 * np.sin(2 * np.pi * TONES[c] * time) if c in TONES else np.zeros(samples) for c in letters]
    return np.concatenate(pieces).astype(np.float32)


def save_ctc(model: Any, vocabulary: dict[str, int], folder: Path, **extractor: Any) -> Path:
    from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

    model.save_pretrained(folder)
    (folder / "v.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "v.json"), bos_token=None, eos_token=None)
    (folder / "v.json").unlink()
    tokenizer.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(**{"return_attention_mask": True} | extractor).save_pretrained(folder)
    return folder


def write_tones(folder: Path, said: Sequence[str] = ("..AB...A..BB.", ".B..AAB..A.B...", "...ABAB...A..")) -> Path:
    for number, letters in enumerate(said):
        soundfile.write(folder / f"r{number}.wav", tone(letters, 3200), RATE)
    soundfile.write(folder / "r7-silent.wav", np.zeros(32_000), RATE)
    soundfile.write(folder / "r8-long.wav", tone("..AB" * 20, 3200), RATE)
    (folder / "r9-broken.wav").write_bytes(b"RIFF and nothing more")
    return folder


_WHISPER_TOKENS = "endoftext startoftranscript en de translate transcribe startoflm startofprev nospeech notimestamps"


def save_whisper(folder: Path) -> Path:
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    ids = {f"<|{name}|>": 256 + place for place, name in enumerate(_WHISPER_TOKENS.split())}
    end, begin = ids["<|endoftext|>"], ids["<|startoftranscript|>"]
    widths = dict.fromkeys(("d_model", "encoder_ffn_dim", "decoder_ffn_dim"), 16)
    depths = dict.fromkeys(("decoder_layers", "encoder_attention_heads", "decoder_attention_heads"), 2)
    config = WhisperConfig(
        vocab_size=_save_byte_tokenizer(ids, folder),
        encoder_layers=1,
        max_target_positions=64,
        decoder_start_token_id=begin,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        **widths,
        **depths,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(config)
    model.generation_config = _generation(ids)
    model.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def _save_byte_tokenizer(ids: dict[str, int], folder: Path) -> int:
    """Its number of tokens: the bytes, the special ones and every 20 ms up to 30 s."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import AddedToken, WhisperTokenizer

    vocabulary = {sign: id for id, sign in enumerate(sorted(ByteLevel.alphabet()))} | ids
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    end = dict.fromkeys(("unk_token", "bos_token", "eos_token", "pad_token"), "<|endoftext|>")
    tokenizer = WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), **end)
    tokenizer.add_tokens([AddedToken(name, special=True) for name in ids], special_tokens=True)
    times = [AddedToken(f"<|{tick * 0.02:.2f}|>", special=False, normalized=False) for tick in range(1501)]
    tokenizer.add_tokens(times)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _generation(ids: dict[str, int]) -> Any:
    from transformers import GenerationConfig

    end = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), ids["<|endoftext|>"])
    return GenerationConfig(
        is_multilingual=True,
        lang_to_id={tag: ids[tag] for tag in ("<|en|>", "<|de|>")},
        task_to_id={task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
        no_timestamps_token_id=ids["<|notimestamps|>"],
        prev_sot_token_id=ids["<|startofprev|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
        alignment_heads=[[0, 0], [1, 1]],
        max_length=40,
        max_initial_timestamp_index=50,
        **end,
    )
