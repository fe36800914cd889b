from __future__ import annotations

import json

import pytest

from lstdata.errors import ConfigError
from lstdata.vocab import VocabCard


def card(**changes: object) -> VocabCard:
    values: dict[str, object] = {
        "text_size": 32_000,
        "tokenizer_sha256": "aa",
        "tokenizer_bos": 1,
        "tokenizer_eos": 2,
        "units": 500,
        "codebook_sha256": "bb",
    }
    return VocabCard(**{**values, **changes})  # type: ignore[arg-type]


def test_ids_of_a_tokenizer_of_32000() -> None:
    vocab = card()
    assert (vocab.pad, vocab.bos, vocab.eos) == (32_000, 1, 2)
    assert (vocab.text_marker, vocab.speech_marker, vocab.first_unit, vocab.size) == (32_004, 32_005, 32_006, 32_506)


def test_reserved_bos_and_eos_stand_in() -> None:
    vocab = card(tokenizer_bos=None, tokenizer_eos=None)
    assert (vocab.bos, vocab.eos) == (32_001, 32_002)


def test_a_card_survives_json() -> None:
    vocab = card(tokenizer_bos=None)
    assert VocabCard.from_json(json.loads(json.dumps(vocab.to_json()))) == vocab


def test_differences_are_listed_all_at_once() -> None:
    card().check_same(card())
    with pytest.raises(ConfigError) as caught:
        card().check_same(card(units=100, codebook_sha256="cc"))
    assert caught.value.mistakes[1:] == (
        "`units` is 500 here, but 100 there.",
        "`codebook_sha256` is 'bb' here, but 'cc' there.",
    )


def test_a_bad_card_names_file_and_every_mistake() -> None:
    value = card().to_json() | {"units": "many", "colour": 1, "format": 9}
    del value["hop"]
    with pytest.raises(ConfigError) as caught:
        VocabCard.from_json(value, "OUT/vocab.json")
    assert caught.value.mistakes == (
        "`OUT/vocab.json` lacks `hop`.",
        "`OUT/vocab.json` has an unknown key `colour`.",
        "`OUT/vocab.json`: `format` must be 2, but is 9.",
        "`OUT/vocab.json`: `units` must be an integer ≥ 0, but is 'many'.",
    )
    with pytest.raises(ConfigError, match="must hold an object"):
        VocabCard.from_json([])
