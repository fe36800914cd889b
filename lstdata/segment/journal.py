"""Finished recordings as JSON values."""

from __future__ import annotations

from typing import Any

from lstdata.segment.recording import Segmented
from lstdata.source_table import flat_row, row_fingerprint, source_row


def to_json(done: Segmented) -> dict[str, Any]:
    rows = [flat_row(row, row_fingerprint(row)) for row in done.rows]
    return {"rows": rows, "seconds": done.seconds, "speech": done.speech}


def from_json(value: dict[str, Any]) -> Segmented:
    """The inverse of `to_json`."""
    rows = tuple(source_row(flat, flat["source_split"]) for flat in value["rows"])
    return Segmented(rows, value["seconds"], value["speech"])
