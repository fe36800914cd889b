"""What an exception means for the record over which it was raised."""

from __future__ import annotations

from lstdata.audio.files import MissingFile
from lstdata.build.plan_table import PlannedRecord
from lstdata.build.task import RecordFailed
from lstdata.errors import LstDataError, Rejected, Unavailable
from lstdata.records import DeadLetter
from lstdata.workers.deadline import TookTooLong


def dead_letter(record: PlannedRecord, stage: str, error: Exception) -> DeadLetter:
    """A verdict as a dead letter; so is what nobody expected, to be tried again. Raises the world's and the user's.

    A file that the plan names and that is missing may come back, with the folder or disk that held it: environmental.
    RecordFailed where memory or time did not suffice: it may be the record that wants too much.
    """
    id, where = record.row.id, record.row.locator.path
    if isinstance(error, Rejected):
        return DeadLetter(id, stage, error.reason, error.detail, where, environmental=isinstance(error, MissingFile))
    if isinstance(error, MemoryError):
        raise RecordFailed(id, stage, "out_of_memory", f"not enough memory: {_line(error) or 'none left'}.") from error
    if isinstance(error, TookTooLong):
        raise RecordFailed(id, stage, "timed_out", str(error)) from error
    if isinstance(error, OSError):
        raise Unavailable(f"`{id}`, stage {stage}: {error}") from error
    if isinstance(error, LstDataError):
        raise error
    message = f"{type(error).__name__}: {_line(error)}"
    return DeadLetter(id, stage, "unexpected_error", message, where, environmental=True)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
