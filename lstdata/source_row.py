"""A record as its source describes it, before any of it is read, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with times in seconds from the start of the record's own audio, as a manifest gives them."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Locator:
    """Where a record's audio is: enough, alone, to open it on any node."""

    path: str
    """Relative to the source's root, or an absolute path or URL."""
    start: int | None = None
    """First sample, at the file's own rate; None from the beginning."""
    end: int | None = None
    """One past the last sample, at the file's own rate; None to the end."""
    channel: int | None = None
    """One channel of several; None mixes all down."""
    rate: int | None = None
    """Hertz that `start` and `end` were counted at; None where nobody said."""
    offset: int | None = None
    """First byte of the record in the file at `path`, where that holds many."""
    size: int | None = None
    """How many bytes from `offset` on are the record's; None: as many as its own header says."""
    row_group: int | None = None
    """In a Parquet or Arrow file: the row group or record batch that holds the record. In a file of lines of text: the
    stretch of it that does. What is in one is best read in one go."""
    row: int | None = None
    """Its row in there, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One record as its source describes it, before any audio is read."""

    id: str
    locator: Locator
    recording: str
    """Records of one recording stay together: one block, one split."""
    duration: float | None = None
    """Seconds by the manifest or the header; the decoded length is the truth."""
    text: str | None = None
    """The transcript; that of a document of text is not here, but only where it is and what it is known by."""
    text_bytes: int | None = None
    """Of a document of text, in UTF-8; None for speech."""
    text_digest: str | None = None
    """`TextDocument.digest` of it; None for speech."""
    words: tuple[TimedWord, ...] | None = None
    score: float | None = None
    """How sure whoever found the words is of them, on a scale of its own, higher is better; None where nobody said."""
    speaker: str | None = None
    language: str | None = None
    license: str | None = None
    split: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that travel into the sample."""
    reject: tuple[str, str] | None = None
    """(reason code, message) where the source itself already knows that the record cannot be used."""
