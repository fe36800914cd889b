"""Checkpoints that the tests make themselves, and recordings that they understand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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


@pytest.fixture(scope="session")
def tone_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Wav2Vec2ForCTC of one convolution whose weights spell tones: 500 Hz is A, 800 Hz is B, silence is `|`."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    shape = {"conv_dim": (4,), "conv_kernel": (400,), "conv_stride": (320,), "hidden_size": 4, "intermediate_size": 4}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 1, "num_conv_pos_embeddings": 4}
    config = Wav2Vec2Config(
        **shape, **layers, num_conv_pos_embedding_groups=1, vocab_size=5, pad_token_id=0, conv_bias=False
    )
    model = Wav2Vec2ForCTC(config)
    time = torch.arange(400) / RATE
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name and not name.endswith("original1"):
                weight.zero_()
        convolution = model.wav2vec2.feature_extractor.conv_layers[0].conv.weight
        for channel, hertz in enumerate(TONES.values()):
            convolution[channel, 0] = torch.sin(2 * torch.pi * hertz * time)
        model.wav2vec2.feature_projection.projection.weight.copy_(torch.eye(4))
        model.lm_head.bias.copy_(torch.tensor([-10.0, 0.0, -10.0, 0.0, 0.0]))
        model.lm_head.weight[1, 2] = model.lm_head.weight[3, 0] = model.lm_head.weight[4, 1] = 3.0
    return save_ctc(model, VOCABULARY, tmp_path_factory.mktemp("tone-model"))


def save_ctc(model: Any, vocabulary: dict[str, int], folder: Path, **extractor: Any) -> Path:
    from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

    model.save_pretrained(folder)
    (folder / "v.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "v.json"), bos_token=None, eos_token=None)
    (folder / "v.json").unlink()
    tokenizer.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(**{"return_attention_mask": True} | extractor).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings without transcripts: three that say something, one silent, one too long, one no audio."""
    return write_tones(tmp_path_factory.mktemp("tones"))


def write_tones(folder: Path, said: Sequence[str] = ("..AB...A..BB.", ".B..AAB..A.B...", "...ABAB...A..")) -> Path:
    for number, letters in enumerate(said):
        soundfile.write(folder / f"r{number}.wav", tone(letters, 3200), RATE)
    soundfile.write(folder / "r7-silent.wav", np.zeros(32_000), RATE)
    soundfile.write(folder / "r8-long.wav", tone("..AB" * 20, 3200), RATE)
    (folder / "r9-broken.wav").write_bytes(b"RIFF and nothing more")
    return folder
