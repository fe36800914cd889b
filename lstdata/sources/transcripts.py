"""Transcripts in files of their own: one beside each recording, or a LibriSpeech `*.trans.txt` per chapter."""

from __future__ import annotations

import os

from lstdata.errors import ConfigError, DamagedSource, Rejected
from lstdata.sources.encoding import check_decoded, open_text


def read_transcript(root: str, name: str) -> str | None:
    """The whole file `name` below `root` as one text, its lines joined by spaces; None if it is blank.

    Raises Rejected `bad_encoding`, which names the file as `name` does.
    """
    try:
        with open_text(os.path.join(root, name)) as file:
            lines = [check_decoded(line, name, number).strip() for number, line in enumerate(file, 1)]
    except (ConfigError, DamagedSource) as error:
        raise Rejected(
            "bad_encoding", f"`{name}` is damaged, no regular file, or a link that leads nowhere."
        ) from error
    return " ".join(line for line in lines if line) or None


def read_chapter(root: str, name: str) -> dict[str, str | Rejected | None]:
    """Transcripts by id from lines `ID TRANSCRIPT`; one that is no text, or contradicts another, costs its id only."""
    transcripts: dict[str, str | Rejected | None] = {}
    with open_text(os.path.join(root, name)) as file:
        for number, line in enumerate(file, 1):
            id, _, text = line.strip().replace("\t", " ", 1).partition(" ")
            if not id:
                continue
            try:
                check_decoded(line, name, number)
                said = text.strip() or None
                if transcripts.setdefault(id, said) != said:
                    detail = f"line {number} of `{name}` gives `{id}` another transcript than an earlier line."
                    raise Rejected("bad_row", detail)
            except Rejected as error:
                transcripts[id] = error
    return transcripts
