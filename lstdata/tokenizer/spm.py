"""SentencePiece models of byte-pair pieces, with or without bytes to fall back on: Llama 2's layout, and its like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from lstdata.errors import ConfigError

CHECKED: Final = 2000
"""Texts on which the outcome is compared with the model, at most."""

_NORMAL, _UNKNOWN, _CONTROL, _OF_USER, _UNUSED, _BYTE = range(1, 7)
"""Types of pieces, as the format numbers them."""
_BPE = 2


def read_model(data: bytes) -> Any:
    """The message of a `.model` file; None where it is none."""
    from google.protobuf.message import DecodeError
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return None
    return model if len(model.pieces) and model.HasField("trainer_spec") else None


def from_sentencepiece(model: Any, name: str) -> bytes:
    """The `tokenizer.json` with the ids of the model; ConfigError for what it cannot express."""
    import tokenizers

    if model.trainer_spec.model_type != _BPE:
        raise ConfigError(f"`{name}` must be a SentencePiece model of type bpe: others cannot be expressed exactly.")
    if any(piece.type in (_UNUSED, _OF_USER) for piece in model.pieces):
        raise ConfigError(f"`{name}` has unused pieces, or such as users define: a tokenizer.json cannot express them.")
    if model.trainer_spec.treat_whitespace_as_suffix:
        raise ConfigError(f"`{name}` has spaces at the ends of words, which a tokenizer.json cannot express.")
    tokenizer = tokenizers.Tokenizer(_bpe(model))
    tokenizer.normalizer = _normalizer(model.normalizer_spec)
    tokenizer.decoder = _decoder(model.normalizer_spec)
    special = [piece.piece for piece in model.pieces if piece.type in (_UNKNOWN, _CONTROL)]
    tokenizer.add_special_tokens([tokenizers.AddedToken(piece, normalized=False, special=True) for piece in special])
    return str(tokenizer.to_str(pretty=False)).encode()


def check_same(model: Any, made: bytes, texts: Iterable[str], name: str) -> None:
    """ConfigError where a text gets other ids than the model gives it."""
    import sentencepiece

    from lstdata.tokenizer import TextTokenizer

    original = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    tokenizer = TextTokenizer.from_bytes(made, name)
    for text in islice(texts, CHECKED):
        expected, found = original.encode(text), tokenizer.encode(text)
        if found != expected:
            raise ConfigError(
                f"`{name}` cannot be expressed as a tokenizer.json: {text!r} must be {expected}, but would be {found}."
            )


def _bpe(model: Any) -> Any:
    from tokenizers import models

    pieces = {piece.piece: number for number, piece in enumerate(model.pieces)}
    scores = {piece.piece: piece.score for piece in model.pieces if piece.type == _NORMAL}
    return models.BPE(
        vocab=pieces,
        merges=_merges(scores),
        unk_token=_unknown(model),
        fuse_unk=True,
        byte_fallback=bool(model.trainer_spec.byte_fallback),
    )


def _merges(scores: Mapping[str, float]) -> list[tuple[str, str]]:
    """Every pair of pieces that makes a piece, best score first: SentencePiece merges whatever gives the best piece."""
    found: list[tuple[str, str]] = []
    for piece in sorted(scores, key=scores.__getitem__, reverse=True):
        pairs = ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
        found += [pair for pair in pairs if pair[0] in scores and pair[1] in scores]
    return found


def _unknown(model: Any) -> str | None:
    return next((str(piece.piece) for piece in model.pieces if piece.type == _UNKNOWN), None)


def _normalizer(spec: Any) -> Any:
    from tokenizers import Regex, normalizers

    steps: list[Any] = []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    if spec.remove_extra_whitespaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex(r"\A "), "")]
    if spec.add_dummy_prefix:
        steps.append(normalizers.Prepend("▁"))
    steps.append(normalizers.Replace(" ", "▁"))
    if spec.remove_extra_whitespaces:  # at the end, and there alone, also those that were ▁ in the text
        steps.append(normalizers.Replace(Regex(r"▁+\z"), ""))
    return normalizers.Sequence(steps)


def _decoder(spec: Any) -> Any:
    from tokenizers import decoders

    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if spec.add_dummy_prefix else steps)
