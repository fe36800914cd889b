"""Finished batches as JSON values."""

from __future__ import annotations

from typing import Any

from lstdata.errors import Rejected
from lstdata.source_row import TimedWord
from lstdata.transcribe.batches import Heard, Outcome
from lstdata.transcribe.recogniser import Transcript


def to_json(heard: Heard) -> dict[str, Any]:
    rows = zip(heard.fingerprints, heard.outcomes, strict=True)
    return {"rows": [{"fingerprint": fingerprint} | _plain(outcome) for fingerprint, outcome in rows]}


def from_json(number: int, value: dict[str, Any]) -> Heard:
    """The inverse of `to_json`."""
    rows = value["rows"]
    return Heard(number, tuple(row["fingerprint"] for row in rows), tuple(_outcome(row) for row in rows))


def _plain(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Rejected):
        return {"reject": [outcome.reason, outcome.detail]}
    words = [[word.text, word.start, word.end] for word in outcome.words]
    return {"words": words, "score": outcome.score, "language": outcome.language}


def _outcome(plain: dict[str, Any]) -> Outcome:
    if "reject" in plain:
        reason, detail = plain["reject"]
        return Rejected(reason, detail)
    words = tuple(TimedWord(text, start, end) for text, start, end in plain["words"])
    return Transcript(words, plain["score"], plain["language"])
