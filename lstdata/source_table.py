"""Source rows as a table: what plans are made of, and what segmenting and transcribing leave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from lstdata.randomness import digest
from lstdata.source_row import Locator, SourceRow, TimedWord

_WORD = pa.struct([("text", pa.string()), ("start", pa.float64()), ("end", pa.float64())])
ROW_FIELDS = [
    ("id", pa.string()),
    ("recording", pa.string()),
    ("duration", pa.float64()),
    ("text", pa.string()),
    ("text_bytes", pa.int32()),
    ("text_digest", pa.string()),
    ("words", pa.list_(_WORD)),
    ("score", pa.float64()),
    ("speaker", pa.string()),
    ("language", pa.string()),
    ("license", pa.string()),
    ("source_split", pa.string()),
    ("custom", pa.string()),
    ("path", pa.string()),
    ("start", pa.int64()),
    ("end", pa.int64()),
    ("channel", pa.int32()),
    ("rate", pa.int32()),
    ("offset", pa.int64()),
    ("size", pa.int64()),
    ("row_group", pa.int32()),
    ("row", pa.int64()),
    ("reason", pa.string()),
    ("message", pa.string()),
    ("fingerprint", pa.string()),
]
ROW_SCHEMA = pa.schema(ROW_FIELDS)


_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


def row_fingerprint(row: SourceRow) -> str:
    """16 hex digits that change with anything the source says of a record."""
    place = row.locator
    located = [place.path, place.start, place.end, place.channel, place.rate]
    located += [place.offset, place.size, place.row_group, place.row]
    words = None if row.words is None else [(w.text, w.start, w.end) for w in row.words]
    described: list[Any] = [row.id, located, row.recording, row.duration, row.text, words, row.score]
    described += [row.text_bytes, row.text_digest]
    described += [row.speaker, row.language, row.license, row.split, dict(row.custom), row.reject]
    return digest(_encode(described)).hex()[:16]


class ScanFingerprint:
    """16 hex digits that change with anything a source says of its records, or their order; grown row by row."""

    def __init__(self) -> None:
        self._state = hashlib.blake2b(b"source", digest_size=8)

    def add(self, row_fingerprint: str) -> None:
        self._state.update(row_fingerprint.encode())

    def __str__(self) -> str:
        return self._state.hexdigest()


def scan_fingerprint(rows: Iterable[SourceRow]) -> str:
    fingerprint = ScanFingerprint()
    for row in rows:
        fingerprint.add(row_fingerprint(row))
    return str(fingerprint)


def flat_row(row: SourceRow, fingerprint: str) -> dict[str, Any]:
    """A row of `ROW_SCHEMA`."""
    reason, message = row.reject or (None, None)
    words = None
    if row.words is not None:
        words = [{"text": w.text, "start": w.start, "end": w.end} for w in row.words]
    return {
        "id": row.id,
        "recording": row.recording,
        "duration": row.duration,
        "text": row.text,
        "text_bytes": row.text_bytes,
        "text_digest": row.text_digest,
        "words": words,
        "score": row.score,
        "speaker": row.speaker,
        "language": row.language,
        "license": row.license,
        "source_split": row.split,
        "custom": json.dumps(dict(row.custom), sort_keys=True, ensure_ascii=False) if row.custom else None,
        "path": row.locator.path,
        "start": row.locator.start,
        "end": row.locator.end,
        "channel": row.locator.channel,
        "rate": row.locator.rate,
        "offset": row.locator.offset,
        "size": row.locator.size,
        "row_group": row.locator.row_group,
        "row": row.locator.row,
        "reason": reason,
        "message": message,
        "fingerprint": fingerprint,
    }


def source_row(flat: Mapping[str, Any], split: str | None) -> SourceRow:
    """The inverse of `flat_row`, with the split that is wanted: the source's or the plan's."""
    words = flat["words"]
    locator = Locator(
        path=flat["path"],
        start=flat["start"],
        end=flat["end"],
        channel=flat["channel"],
        rate=flat["rate"],
        offset=flat["offset"],
        size=flat["size"],
        row_group=flat["row_group"],
        row=flat["row"],
    )
    return SourceRow(
        id=flat["id"],
        locator=locator,
        recording=flat["recording"],
        duration=flat["duration"],
        text=flat["text"],
        text_bytes=flat["text_bytes"],
        text_digest=flat["text_digest"],
        words=None if words is None else tuple(TimedWord(w["text"], w["start"], w["end"]) for w in words),
        score=flat["score"],
        speaker=flat["speaker"],
        language=flat["language"],
        license=flat["license"],
        split=split,
        custom=json.loads(flat["custom"]) if flat["custom"] else {},
        reject=None if flat["reason"] is None else (flat["reason"], flat["message"]),
    )
