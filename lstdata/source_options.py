"""What a user may choose about where records come from and which shard each goes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lstdata.options import seed_mistakes
from lstdata.select_options import SelectConfig


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where records come from and how a table names its columns."""

    kind: Literal["auto", "lhotse", "kaldi", "hub", "folder", "table", "units", "run", "rows", "text"] = "auto"
    """`auto` takes a source for speech, unless it is a run folder of text."""
    files: str | None = None
    """Of kind `text`: which files of a folder, a pattern such as `en/*.jsonl.gz`; None: all of the one kind it has."""
    documents: Literal["file", "line", "paragraph"] = "file"
    """Of kind `text`: what is a document of a plain text file; paragraphs have empty lines between them."""
    id: str = "id"
    audio: str = "audio"
    audio_folder: str | None = None
    """Where a table's relative audio paths start, itself relative to the table; None: beside the table."""
    text: str | None = "text"
    """None: a table without transcripts."""
    words: str = "words"
    """Column of a JSONL or Parquet table with word times: a list of {word, start, end}, in seconds."""
    start: str = "start"
    """Column with the time at which the record starts in its recording; a table without it has whole recordings."""
    end: str = "end"
    duration: str = "duration"
    time_unit: Literal["s", "ms"] = "s"
    """Of the columns `start`, `end` and `duration`."""
    channel: str = "channel"
    recording: str = "recording"
    speaker: str = "speaker"
    language: str = "language"
    license: str = "license"
    split: str = "split"
    splits: Literal["names", "ignore"] = "names"
    """`names`: what a source, or the name of its part, says of splits is kept; `ignore`: `plan.validation` rules."""
    supervisions: Literal["join", "split"] = "join"
    """A lhotse cut with several supervisions: one record, or one for each."""
    select: SelectConfig = field(default_factory=SelectConfig)
    """Of finished run folders: which, and which of their samples."""


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Which record goes to which shard, position and split."""

    order: Literal["block", "source", "global"] = "block"
    seed: int = 0
    validation: float = 0.01
    """Share of groups held out where the source names no splits."""
    shard_seconds: float | None = None
    """Audio per shard; None: a 64th of all, between 300 s and 4 h."""
    shard_bytes: int | None = None
    """Text per shard, where the source brings text; None: a 64th of all, between 1 and 128 MB."""
    shard_samples: int | None = None
    """None: 4096 utterances, or 65,536 documents of text."""

    def mistakes(self) -> Iterator[str]:
        if not 0 <= self.validation < 1:
            yield f"`validation` must be in [0, 1), but is {self.validation}."
        if self.shard_seconds is not None and self.shard_seconds <= 0:
            yield f"`shard_seconds` must be > 0, but is {self.shard_seconds}."
        for name in ("shard_bytes", "shard_samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"`{name}` must be ≥ 1, but is {value}."
        yield from seed_mistakes(self.seed)
