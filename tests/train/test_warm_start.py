"""A Llama of transformers under our plain model predicts what it predicts there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lstdata.config import load
from lstdata.errors import ConfigError
from lstdata.loader.corpus import open_run
from lstdata.model.batch import collate
from lstdata.model.config import Architecture, ModelConfig
from lstdata.model.lst import build_model
from lstdata.packing import Row
from lstdata.storage import place
from lstdata.train.checkpoint import read_weights
from lstdata.train.config import TrainConfig
from lstdata.train.run import train
from lstdata.train.warm_start import open_warm_start
from lstdata.vocab import VocabCard

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "rope_theta": 1e4,
    "rms_norm_eps": 1e-5,
}


def llama(folder: Path, vocab: VocabCard, **changes: Any) -> Any:
    """A random Llama in its folder, in several files."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**{"vocab_size": vocab.text_size + 3, **SIZES, **changes})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.2 if parameter.ndim > 1 else 1.0))
    model.save_pretrained(folder, max_shard_size="40KB")
    return model


def config(vocab: VocabCard, architecture: Architecture = "plain", **changes: Any) -> ModelConfig:
    sizes: dict[str, Any] = {
        "global_width": 32,
        "global_layers": 2,
        "global_heads": 4,
        "global_theta": 1e4,
        "local_width": 16,
        "local_heads": 2,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "feedforward_multiple": 32,
    }
    return ModelConfig(vocabulary=vocab.size, architecture=architecture, **{**sizes, **changes})


@pytest.fixture(scope="session")
def vocab(built: Path) -> VocabCard:
    return open_run(place(built)).vocab


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """With the tokenizer of the data."""
    shutil.copy(built / "tokenizer.json", tmp_path)
    return tmp_path


@pytest.mark.parametrize("tied", [False, True])
def test_the_plain_model_predicts_what_the_llama_predicts(folder: Path, vocab: VocabCard, tied: bool) -> None:
    theirs = llama(folder, vocab, tie_word_embeddings=tied)
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    ours = build_model(config(vocab)).eval()
    units = ours.embedding.weight[vocab.text_size :].clone()
    open_warm_start(str(folder), config(vocab), vocab).load(ours)
    tokens = torch.randint(vocab.text_size, (2, 30))
    lengths, documents = np.ones(60, dtype=np.int32), np.array([30, 30], dtype=np.int32)
    with torch.no_grad():
        states: Tensor = ours.states(collate([Row(tokens.flatten().int().numpy(), lengths, documents)]))
        logits = ours.logits(states)[:, : vocab.text_size].view(2, 30, -1)
        expected = theirs(tokens).logits[:, :, : vocab.text_size]
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(ours.embedding.weight[vocab.text_size :], units)


def test_the_lst_takes_the_global_transformer_alone(folder: Path, vocab: VocabCard) -> None:
    theirs = llama(folder, vocab)
    ours = build_model(config(vocab, "lst"))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    start = open_warm_start(str(folder), config(vocab, "lst"), vocab)
    start.load(ours)
    changed = {name for name, value in ours.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == start.names == {name for name in before if name.startswith("trunk.")}
    assert torch.equal(ours.trunk.blocks[1].feedforward.output.weight, theirs.model.layers[1].mlp.down_proj.weight)
    said = start.describe(config(vocab, "lst"))
    assert said == f"trunk from {folder.name}; fresh: embedding, norm, logits, encoder, decoder"


def test_tables_of_another_tokenizer_stay_fresh(tmp_path: Path, vocab: VocabCard) -> None:
    llama(tmp_path, vocab)
    names = open_warm_start(str(tmp_path), config(vocab), vocab).names
    assert "norm.weight" in names and not names & {"embedding.weight", "logits.weight"}


def test_all_that_does_not_fit_is_said_at_once(folder: Path, vocab: VocabCard) -> None:
    llama(folder, vocab, attention_bias=True, rope_theta=5e5)
    with pytest.raises(ConfigError) as error:
        open_warm_start(str(folder), config(vocab, global_layers=3, feedforward_multiple=128), vocab)
    assert [mistake.split(" must")[0].split(" of")[0] for mistake in error.value.mistakes] == [
        "`model.global_layers`",
        "`model.global_theta`",
        "The feed-forward layers",
        "`attention_bias`",
    ]
    assert "`model.feedforward_multiple`, 128), but are 96" in error.value.mistakes[2]


def test_other_models_and_incomplete_ones_are_refused(folder: Path, vocab: VocabCard) -> None:
    llama(folder, vocab)
    described = json.loads((folder / "config.json").read_text())
    next(iter(sorted(folder.glob("model-*.safetensors")))).unlink()
    with pytest.raises(ConfigError, match="has no weights for `model"):
        open_warm_start(str(folder), config(vocab), vocab)
    (folder / "config.json").write_text(json.dumps({**described, "architectures": ["GPT2LMHeadModel"]}))
    with pytest.raises(ConfigError, match="must be a LlamaForCausalLM, but is a GPT2LMHeadModel"):
        open_warm_start(str(folder), config(vocab), vocab)
    with pytest.raises(ConfigError, match="there is no folder"):
        open_warm_start("./nowhere", config(vocab), vocab)


def test_training_begins_with_the_weights_and_names_them_ever_after(
    built: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With a learning rate of next to nothing the weights of the first step are those that were given."""
    pytest.importorskip("fairseq2")
    out = tmp_path_factory.mktemp("run") / "out"
    card = open_run(place(built)).vocab
    theirs = llama(folder, card)
    sizes = {"global_width": 32, "global_theta": 1e4, "local_width": 16, "feedforward_multiple": 32}
    sets = [*(f"model.{name}={value}" for name, value in sizes.items()), "optimizer.lr=1e-12", "steps=2", "stop_at=1"]
    sets += ["rows.per_step=2", "rows.positions=64", "rows.tokens=128", "optimizer.warmup=1"]

    def begin(*more: str) -> list[str]:
        lines: list[str] = []
        train(load(TrainConfig, None, [*sets, *more]), place(built), place(out), lines.append)
        return lines

    assert f"trunk from {folder.name}" in begin(f"init_from={folder}")[1]
    _, weights = read_weights(out)
    taken = weights["trunk.blocks.0.feedforward.output.weight"]
    torch.testing.assert_close(taken, theirs.model.layers[0].mlp.down_proj.weight, atol=1e-9, rtol=0)

    recorded = json.loads((out / "train.json").read_text())["init_from"]
    assert recorded["name"] == folder.name and len(recorded["sha256"]) == 64
    begin("stop_at=2")
    assert json.loads((out / "train.json").read_text())["init_from"] == recorded
    (folder / "generation_config.json").write_text("{}")
    with pytest.raises(ConfigError, match=f"`{out}` began with `{folder.name}`, {recorded['sha256'][:12]}, but"):
        begin(f"init_from={folder}")

    config_of_run, weights = read_weights(out)
    model = build_model(config_of_run)
    start = open_warm_start(str(out), config_of_run, card)
    start.load(model)
    assert all(torch.equal(value, weights[name]) for name, value in model.named_parameters())
    assert start.identity["name"] == "out/step_2" and "fresh: nothing" in start.describe(config_of_run)
    with pytest.raises(ConfigError, match="`global_layers` 2 → 3"):
        open_warm_start(str(out), replace(config_of_run, global_layers=3), card)
