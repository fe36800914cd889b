"""Checkpoints that the tests make themselves, and recordings that they understand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcribe.tones import RATE, TONES, VOCABULARY, save_ctc, save_whisper, write_tones


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


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings without transcripts: three that say something, one silent, one too long, one no audio."""
    return write_tones(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="session")
def whisper_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WhisperForConditionalGeneration of two layers with random weights and a tokenizer of bytes."""
    return save_whisper(tmp_path_factory.mktemp("whisper-model"))
