"""What a document may hold next: spans of text and of speech, each opened by its marker, and EOS."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstdata.vocab import VocabCard

Kind = Literal["text", "speech"]

Wanted = Literal["text", "speech", "free"]
"""One span of a modality, or spans in turn as the model has it."""


@dataclass(frozen=True)
class Span:
    kind: Kind
    ids: list[int]
    """Of the text tokenizer; or units, or their pieces, from 0 on."""


class Language:
    """The ids of a vocabulary by what they are; never drawn are pad, BOS, what is reserved, and `never`."""

    def __init__(self, vocab: VocabCard, never: Collection[int] = (), frames: NDArray[np.int64] | None = None) -> None:
        """`frames` are those that each unit stands for, where it is not one: a piece of none is never drawn."""
        self.vocab = vocab
        self._frames = np.ones(vocab.units, dtype=np.int64) if frames is None else frames
        text = torch.zeros(vocab.size, dtype=torch.bool)
        text[: vocab.text_size] = True
        text[[vocab.bos, *never]] = False
        speech = torch.zeros_like(text)
        speech[vocab.first_unit :] = torch.from_numpy(self._frames > 0)
        self._ids: dict[Kind, Tensor] = {"text": text, "speech": speech}
        for ids in self._ids.values():
            ids[vocab.eos] = True
        self._markers: tuple[Kind, ...] = ("text",) if vocab.is_text else ("text", "speech")

    def marker(self, kind: Kind) -> int:
        return self.vocab.text_marker if kind == "text" else self.vocab.speech_marker

    def kind_of(self, tokens: Sequence[int]) -> Kind | None:
        """Of the span in which tokens end; None before the first marker."""
        opened: dict[int, Kind] = {self.marker("text"): "text", self.marker("speech"): "speech"}
        return next((opened[token] for token in reversed(tokens) if token in opened), None)

    def allowed(self, kind: Kind | None, wanted: Wanted) -> Tensor:
        """(V,) what may follow in a span: its own ids and EOS, and, where all is free, the other's marker.

        Before the first marker it is a marker alone.
        """
        ids = torch.zeros(self.vocab.size, dtype=torch.bool) if kind is None else self._ids[kind].clone()
        if wanted == "free":
            ids[[self.marker(other) for other in self._markers if other != kind]] = True
        return ids

    def seconds(self, tokens: Sequence[int]) -> float:
        """Of the speech among tokens."""
        ids = np.asarray(tokens, dtype=np.int64) - self.vocab.first_unit
        return int(self._frames[ids[ids >= 0]].sum()) * self.vocab.hop / self.vocab.sample_rate

    def spans(self, tokens: Sequence[int], kind: Kind | None) -> list[Span]:
        """Tokens without BOS and EOS as spans, the first of them within a span of `kind`; none is empty."""
        found: list[Span] = [] if kind is None else [Span(kind, [])]
        for token in tokens:
            if token in (self.marker("text"), self.marker("speech")):
                found.append(Span("text" if token == self.marker("text") else "speech", []))
            else:
                found[-1].ids.append(token - self.vocab.first_unit if found[-1].kind == "speech" else token)
        return [span for span in found if span.ids]
