from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.evaluate.speaking import synthesis
from lstdata.evaluate.speaking.decoding import _batches, check_patching
from lstdata.evaluate.speaking.recognition import recognise, written
from lstdata.evaluate.speaking.synthesis import spoken, synthesise, tts_sampling
from lstdata.evaluate.speaking.utterances import Utterance
from lstdata.model.lst import Model, build_model
from lstdata.model.presets import model_config
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.train.trained import Trained
from lstdata.units.pieces import UnitPieces, fit_pieces
from lstdata.vocab import VocabCard

MakeTrained = Callable[..., Trained]


@pytest.fixture
def make_trained(scorer: Callable[..., Model], vocab: VocabCard, tokenizer: TextTokenizer) -> MakeTrained:
    def make(architecture: str = "lst", strategy: str = "static") -> Trained:
        patching = PatchingConfig(strategy=strategy)  # type: ignore[arg-type]
        return Trained(1, scorer(architecture), vocab, tokenizer, patching, None)

    return make


@pytest.fixture
def utterances(spoken: Callable[..., Sample]) -> list[Utterance]:
    """Of two to six words, in no order of length."""
    samples = [spoken(words, seed=words) for words in (3, 6, 2, 5, 4)]
    return [Utterance(s.id, s.id, s.units, s.frames / 25, " ".join(s.words or ()), "") for s in samples]


def always(trained: Trained, token: int) -> None:
    """Let one token be the likeliest whatever was before."""
    model = trained.model
    logits = torch.nn.Linear(model.logits.in_features, model.logits.out_features, dtype=torch.float64)
    torch.nn.init.zeros_(logits.weight)
    logits.bias.data = torch.nn.functional.one_hot(torch.tensor(token), len(logits.bias)).double()
    model.logits = logits


@pytest.mark.parametrize("architecture", ["lst", "plain"])
def test_what_follows_a_prompt_does_not_depend_on_its_batch(
    make_trained: MakeTrained, utterances: list[Utterance], architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SECONDS_AT_LEAST", 0.2), ("SECONDS_PER_CHARACTER", 0.03)):
        monkeypatch.setattr(synthesis, name, value)
    trained = make_trained(architecture, "static" if architecture == "lst" else "none")
    speech = [(one.id, one.units) for one in utterances]
    alone, few, all_ = (recognise(trained, speech, tokens=tokens).made for tokens in (1, 200, 10_000))
    assert alone == few == all_
    assert recognise(trained, speech[2:]).made == all_[2:]
    assert len({written(trained, made) for made in all_}) > 1
    sampling = tts_sampling(seed=1)
    alone, few, all_ = (synthesise(trained, utterances, sampling, tokens=t).made for t in (1, 100, 10_000))
    assert alone == few == all_
    assert synthesise(trained, utterances[3:], sampling).made == all_[3:]
    assert synthesise(trained, utterances, tts_sampling(seed=2)).made != all_


def test_prompts_are_those_of_the_documents_and_positions_are_counted(
    make_trained: MakeTrained, utterances: list[Utterance]
) -> None:
    """`BOS <s> units <t>`: of 21 units by patches of 4 six positions."""
    trained = make_trained()
    [made] = recognise(trained, [("a", utterances[0].units)]).made
    assert len(utterances[0].units) == 21
    assert (made.prompt_tokens, made.prompt_positions) == (24, 9)
    [made] = synthesise(trained, utterances[:1], tts_sampling()).made
    text = len(trained.tokenizer.encode(utterances[0].text))
    assert (made.prompt_tokens, made.prompt_positions) == (text + 3, text + 3)


def test_what_does_not_end_is_cut_off(make_trained: MakeTrained, utterances: list[Utterance]) -> None:
    """15 tokens and 15 for each second of speech; 2 seconds and 0.2 for each character of text."""
    trained, one = make_trained(), utterances[0]
    always(trained, 70)
    [made] = recognise(trained, [("a", one.units)]).made
    assert (made.ended, made.tokens) == ("tokens", [70] * (15 + 13))
    assert written(trained, made) == trained.tokenizer.decode([70] * 28).strip()
    assert (made.local_steps, made.global_steps) == (27, 27)
    always(trained, trained.vocab.first_unit + 7)
    [made] = synthesise(trained, utterances[2:3], tts_sampling(temperature=0)).made
    assert utterances[2].text == "one day"
    assert (made.ended, made.seconds) == ("tokens", 3.4)
    assert spoken(trained, made).tolist() == [7] * 85
    assert (made.local_steps, made.global_steps) == (84, 21)


def test_what_ends_at_once_says_nothing(make_trained: MakeTrained, utterances: list[Utterance]) -> None:
    trained = make_trained()
    always(trained, trained.vocab.eos)
    [made] = recognise(trained, [("a", utterances[0].units)]).made
    assert (made.ended, written(trained, made)) == ("eos", "")
    [made] = synthesise(trained, utterances[:1], tts_sampling(temperature=0)).made
    assert (made.ended, spoken(trained, made).tolist()) == ("eos", [])


def test_pieces_of_units_are_read_and_spoken_as_units(
    utterances: list[Utterance], vocab: VocabCard, tokenizer: TextTokenizer
) -> None:
    pieces = UnitPieces(fit_pieces([np.tile(one.units, 3) for one in utterances], vocab.units, 70), "units.model")
    card = vocab.with_pieces(pieces.size, pieces.sha256)
    model = build_model(model_config("tiny", card.size, "plain")).eval()
    patching = PatchingConfig(strategy="unit-bpe", unit_bpe="units.model")
    trained = Trained(1, model, card, tokenizer, patching, pieces)
    check_patching(trained, "RUN")
    [made] = recognise(trained, [("a", utterances[0].units)]).made
    assert made.prompt_tokens == made.prompt_positions == len(pieces.encode(utterances[0].units)) + 3
    assert made.global_steps == made.local_steps
    [made] = synthesise(trained, utterances[2:3], tts_sampling(temperature=5, top_p=1)).made
    units = spoken(trained, made)
    assert len(units) == round(made.seconds * 25) and max(units, default=0) < vocab.units
    assert made.seconds < 3.4 + 1 and len(made.tokens) <= len(units)


@given(st.lists(st.integers(1, 400), max_size=40), st.integers(1, 1000))
def test_batches_hold_every_sequence_once_and_no_more_than_they_may(lengths: list[int], most: int) -> None:
    found = list(_batches(lengths, most))
    assert sorted(number for batch in found for number in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[n] for n in batch) <= most for batch in found)
    order = [lengths[number] for batch in found for number in batch]
    assert order == sorted(lengths, reverse=True)


@pytest.mark.parametrize("strategy", ["aligned", "aligned-merged", "aligned-bpe", "silence"])
def test_patches_that_nobody_knows_are_refused(make_trained: MakeTrained, strategy: str) -> None:
    with pytest.raises(ConfigError, match=f"`RUN` was trained with `{strategy}` patches, .*patching.strategy=static"):
        check_patching(make_trained(strategy=strategy), "RUN")
    check_patching(make_trained(), "RUN")
