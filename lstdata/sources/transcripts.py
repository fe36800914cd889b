"""Transcripts in files of their own: one beside each recording, or a LibriSpeech `*.trans.txt` per chapter."""

from __future__ import annotations

from lstdata.errors import ConfigError, Rejected
from lstdata.sources.encoding import check_decoded, open_text


def read_transcript(path: str) -> str | None:
    """The whole file as one text, its lines joined by spaces; None if it is blank. Raises Rejected `bad_encoding`."""
    try:
        with open_text(path) as file:
            lines = [check_decoded(line, path, number).strip() for number, line in enumerate(file, 1)]
    except ConfigError as error:
        raise Rejected("bad_encoding", str(error)) from error
    return " ".join(line for line in lines if line) or None


def read_chapter(path: str) -> dict[str, str | Rejected | None]:
    """Transcripts by id from lines `ID TRANSCRIPT`; a line that cannot be decoded is a verdict on its own id only."""
    transcripts: dict[str, str | Rejected | None] = {}
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            id, _, text = line.strip().replace("\t", " ", 1).partition(" ")
            if not id:
                continue
            try:
                check_decoded(line, path, number)
                transcripts[id] = text.strip() or None
            except Rejected as error:
                transcripts[id] = error
    return transcripts
