"""Word times from files that other tools made: CTM, TextGrid, Whisper's JSON, the LST authors' lines."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lstdata.align.files import ctm, pairs, textgrid, whisper
from lstdata.align.files.entries import Entry, bad_file, checked_lengths
from lstdata.align.files.lookup import Found, Lookup
from lstdata.align.files.place import content_hash, decoded, place_at, read_bytes
from lstdata.align.files.placing import transcript_words
from lstdata.align.files.recognise import Kind, parsed_as
from lstdata.align.files.timing import own_entries, spans_of
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.records import Alignment, Word
from lstdata.source_row import SourceRow

NAME = "files"
"""What an alignment by files says of its aligner."""


@dataclass(frozen=True)
class WordFiles:
    """Files of word times, by the names of the records they are about; opening them costs a look at each beginning.

    Can be sent to another process: it holds names and no open file.
    """

    lookup: Lookup

    def align(self, row: SourceRow, samples: int) -> Alignment:
        """The words of a record of `samples` samples at 16 kHz: its transcript's, or the file's where it has none.

        `score` is the mean of the file's confidences, where each word with times has one. Raises Rejected.
        """
        found, is_of_recording = self.lookup.find(row)
        entries = checked_lengths(self._entries(found, row), found.file)
        try:
            own = own_entries(entries, row, samples) if is_of_recording else entries
            if not own:
                raise Rejected("missing_word_times", f"nothing is said in what it has of `{row.id}`.")
            words = _words((row.text or "").strip(), own, samples)
        except Rejected as error:
            raise Rejected(error.reason, f"{found}: {error.detail}") from error
        return Alignment(words=words, aligner=NAME, score=_score(own))

    def fingerprint(self) -> str:
        """Changes with the name or the content of any file; reads those that have changed since it was last asked.

        Raises Unavailable where a file cannot be read any more.
        """
        lookup, whole = self.lookup, hashlib.sha256()
        for name, kind in zip(lookup.names, lookup.kinds, strict=True):
            content = b"" if kind == Kind.ESCAPES else content_hash(lookup.root, name)
            whole.update(f"{len(name.encode('utf-8', 'surrogateescape'))}:".encode())
            whole.update(name.encode("utf-8", "surrogateescape") + content)
        return whole.hexdigest()

    def _entries(self, found: Found, row: SourceRow) -> list[Entry]:
        kind = parsed_as(found.file, self.lookup.wanted) if found.kind == Kind.UNSURE else found.kind
        if kind == Kind.ESCAPES:
            raise bad_file(found.file, "", "this is a link that leads out of the folder, and is not followed")
        if kind in (Kind.CTM, Kind.PAIRS):
            lines = self._lines(found)
            if not lines:
                raise bad_file(found.file, "", "this is no CTM and holds no pairs")
            if kind == Kind.CTM:
                return ctm.parse(lines, found.file, found.recording, row.locator.channel)
            return pairs.parse(lines[0][1], found.file, lines[0][0])
        text = decoded(read_bytes(self.lookup.root, found.file), found.file)
        if not text.strip():
            raise bad_file(found.file, "", "the file is empty")
        if kind == Kind.WHISPER:
            return whisper.parse(text, found.file)
        return textgrid.parse(text, found.file, row.speaker)

    def _lines(self, found: Found) -> list[tuple[int, str]]:
        """A record's numbered lines in a file of many."""
        lines: list[tuple[int, str]] = []
        for start, end, line in found.stretches:
            text = decoded(read_bytes(self.lookup.root, found.file, start, end), found.file, line)
            lines += enumerate(text.split("\n"), line)
        return lines


def open_word_files(config: WordsConfig) -> WordFiles:
    """The files at `config.files`; ConfigError where there are none, Unavailable where they cannot be reached."""
    if not config.files:
        raise ConfigError("`words.aligner` files needs `words.files`: a folder, or one file.")
    return WordFiles(Lookup.of(place_at(config.files), config.files_format))


def _words(text: str, entries: list[Entry], samples: int) -> tuple[Word, ...]:
    spans = spans_of(entries, samples)
    if text:
        return transcript_words(text, spans, samples)
    words = [Word(span.text, span.start, span.end, interpolated=span.is_guess) for span in spans if not span.is_unknown]
    if not words:
        raise Rejected("missing_word_times", "nothing but unknown speech is named.")
    return tuple(words)


def _score(entries: list[Entry]) -> float | None:
    timed = [entry.confidence for entry in entries if entry.start is not None and not entry.is_unknown]
    known = [confidence for confidence in timed if confidence is not None]
    return sum(known) / len(known) if known and len(known) == len(timed) else None
