"""What the drawings show: samples of the demo's run folder as they lie in their shard, and one recording.

`python -m docs.drawings.excerpt CORPUS RUN` takes it anew from what `make demo` makes; the drawings need nothing else.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import soundfile
from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig, SourceConfig
from lstdata.documents import Document, make_document
from lstdata.inspection.colours import rgb, run_oklch
from lstdata.inspection.finding import find_place
from lstdata.inspection.hearing import encode, open_again, show
from lstdata.records import Waveform
from lstdata.shards import StoredSample, iter_samples, write_shard
from lstdata.tokenizer import TextTokenizer
from lstdata.vocab import VocabCard

FOLDER: Final = Path(__file__).with_name("taken")
CHOSEN: Final = "story-000003"
"""Short, and its first sentence has words of one frame and of eleven."""

_NEIGHBOURS: Final = 7
"""Samples taken beside it, to fill rows: the shortest of its shard."""


@dataclass(frozen=True)
class Excerpt:
    """A corpus of a few samples; the first is the chosen one."""

    samples: tuple[StoredSample, ...]
    audio: Waveform
    """Of the first sample."""
    colours: tuple[str, ...]
    """By unit."""
    vocab: VocabCard
    tokenizer: TextTokenizer

    def __len__(self) -> int:
        return len(self.samples)

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        """As training draws it by default."""
        return make_document(
            self.samples[number].sample,
            self.vocab,
            self.tokenizer,
            interleave=InterleaveConfig(),
            patching=PatchingConfig(),
            epoch=epoch,
            progress=progress,
        )


def read_excerpt() -> Excerpt:
    tar = (FOLDER / "samples.tar").read_bytes()
    card: dict[str, Any] = json.loads((FOLDER / "vocab.json").read_text(encoding="utf-8"))
    audio, _ = soundfile.read(FOLDER / "utterance.flac", dtype="float32")
    return Excerpt(
        samples=tuple(stored for *_, stored in iter_samples(tar, "samples.tar")),
        audio=audio,
        colours=tuple(json.loads((FOLDER / "colours.json").read_text(encoding="utf-8"))),
        vocab=VocabCard.from_json(card, "vocab.json"),
        tokenizer=TextTokenizer.read(str(FOLDER / "tokenizer.json")),
    )


def take(corpus: str, run: UPath) -> None:
    """Write the excerpt anew."""
    place = find_place(run, CHOSEN)
    shown = show(run, place, open_again(corpus, SourceConfig()))
    if shown.audio is None:
        raise SystemExit(f"`{corpus}` must be what `{run}` was built from, but: {shown.silent_because}.")
    shard = run / "shards" / f"{place.shard}.tar"
    others = [stored for *_, stored in iter_samples(shard.read_bytes(), str(shard)) if stored.sample.id != CHOSEN]
    others.sort(key=lambda stored: (stored.sample.frames, stored.sample.key))
    tar = io.BytesIO()
    write_shard(tar, [shown.stored, *others[:_NEIGHBOURS]])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "samples.tar").write_bytes(tar.getvalue())
    (FOLDER / "utterance.flac").write_bytes(encode(shown.audio, "flac"))
    colours = ["#{:02x}{:02x}{:02x}".format(*rgb(colour)) for colour in run_oklch(run)]
    (FOLDER / "colours.json").write_text(json.dumps(colours) + "\n", encoding="utf-8")
    for name in ("tokenizer.json", "vocab.json"):
        (FOLDER / name).write_bytes((run / name).read_bytes())


if __name__ == "__main__":
    take(sys.argv[1], UPath(sys.argv[2]))
