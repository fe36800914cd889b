"""The document that a draw makes of an utterance, position by position, as training sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, cast

from upath import UPath

from lstdata.config import BuildConfig, InterleaveConfig, PatchingConfig, from_dict
from lstdata.documents import Document, Drawn, assemble, drawn_spans
from lstdata.loader.corpus import open_run
from lstdata.patching import CHANGING, STRATEGIES, chosen_for, noise_for
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer
from lstdata.vocab import VocabCard

PATCHINGS: Final = (*STRATEGIES, *CHANGING)
"""How a drawn document can be cut; `unit-bpe`, for which units are replaced by pieces, is not drawn."""


@dataclass(frozen=True, slots=True)
class Position:
    """One position of a document: a marker, a piece of text or a patch of speech."""

    kind: str
    """`marker`, `piece` (of text) or `patch` (of speech)."""
    text: str
    """The marker's name, what the piece adds to the text (maybe nothing, where it is part of a character), or ``."""
    ids: tuple[int, ...]
    """In the joint vocabulary."""
    units: tuple[int, ...] = ()
    frames: tuple[int, int] | None = None
    """Of a patch: its first frame and one past its last."""


@dataclass(frozen=True)
class DrawnDocument:
    """A draw with all that it depends on, but the sample."""

    interleave: InterleaveConfig
    patching: PatchingConfig
    """As chosen for this document where the strategy changes."""
    epoch: int
    drawn: Drawn
    positions: tuple[Position, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "strategy": self.interleave.strategy,
            "patching": self.patching.strategy,
            "seed": self.interleave.seed,
            "drawn": self.drawn,
            "positions": [asdict(position) for position in self.positions],
        }

    @property
    def made(self) -> str:
        """In a few words."""
        if not any(kind == "s" for kind, *_ in self.drawn):
            return f"epoch {self.epoch}, {self.interleave.strategy}, all of it text"
        return f"epoch {self.epoch}, {self.interleave.strategy}, speech patched {self.patching.strategy}"

    @property
    def tokens(self) -> int:
        return sum(len(position.ids) for position in self.positions)


def draw_document(
    out: UPath,
    run: Mapping[str, Any],
    sample: Sample,
    *,
    epoch: int = 0,
    strategy: str | None = None,
    patching: str | None = None,
) -> DrawnDocument:
    """Draw a sample as training on the run folder would; without a strategy, as the run was configured.

    A document of text is drawn as it is. ConfigError where the sample lacks what a strategy takes, such as word times.
    """
    config = from_dict(BuildConfig, run["config"])
    folder = open_run(out)
    interleave, cut = config.interleave, config.patching
    if strategy is not None:
        interleave = replace(interleave, strategy=cast(Any, strategy))
    if patching is not None:
        cut = replace(cut, strategy=cast(Any, patching))
    cut = chosen_for(sample, cut, seed=interleave.seed, epoch=epoch, progress=0.0)
    if sample.tokens is not None:
        drawn: Drawn = [["t", sample.tokens.tolist()]]
    else:
        drawn = drawn_spans(sample, folder.tokenizer, interleave=interleave, epoch=epoch)
    noise = noise_for(sample, cut, seed=interleave.seed, epoch=epoch)
    document = assemble(drawn, sample, folder.vocab, cut, noise=noise)
    positions = tuple(_positions(drawn, document, folder.vocab, folder.tokenizer))
    return DrawnDocument(interleave, cut, epoch, drawn, positions)


def _positions(drawn: Drawn, document: Document, vocab: VocabCard, tokenizer: TextTokenizer) -> Iterator[Position]:
    tokens, lengths = iter(document.tokens.tolist()), iter(document.lengths.tolist())

    def following() -> tuple[int, ...]:
        return tuple(next(tokens) for _ in range(next(lengths)))

    yield Position("marker", "BOS", following())
    for kind, *what in drawn:
        yield Position("marker", f"<{kind}>", following())
        if kind == "t":
            for text in tokenizer.pieces(what[0]):
                yield Position("piece", text, following())
            continue
        frame, end = what
        while frame < end:
            ids = following()
            units = tuple(token - vocab.first_unit for token in ids)
            yield Position("patch", "", ids, units, (frame, frame + len(ids)))
            frame += len(ids)
    yield Position("marker", "EOS", following())
