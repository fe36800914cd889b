"""What an exception means for the record over which it was raised."""

from __future__ import annotations

from lstdata.build.plan_table import PlannedRecord
from lstdata.errors import LstDataError, Rejected, Unavailable
from lstdata.records import DeadLetter


def dead_letter(record: PlannedRecord, stage: str, error: Exception) -> DeadLetter:
    """A verdict as a dead letter; so is what nobody expected, to be tried again. Raises the world's and the user's."""
    where = record.row.locator.path
    if isinstance(error, Rejected):
        return DeadLetter(record.row.id, stage, error.reason, error.detail, where)
    if isinstance(error, MemoryError | OSError):
        raise Unavailable(f"`{record.row.id}`, stage {stage}: {error or 'not enough memory'}") from error
    if isinstance(error, LstDataError):
        raise error
    message = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    return DeadLetter(record.row.id, stage, "unexpected_error", message, where, environmental=True)
