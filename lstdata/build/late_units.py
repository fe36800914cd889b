"""Records that wait for their units, which an extractor may give for several at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from lstdata.build.letters import dead_letter
from lstdata.build.plan_table import PlannedRecord
from lstdata.build.task import FailedTogether
from lstdata.build.utterance import Utterance
from lstdata.errors import LstDataError, Rejected, Unavailable
from lstdata.records import DeadLetter
from lstdata.units import UnitExtractor, Units

Extracted: TypeAlias = list[tuple[int, Units | None]]

Ready: TypeAlias = list[tuple[int, Utterance | DeadLetter]]
"""(number, with units or a dead letter)."""


@dataclass
class LateUnits:
    """Those of one shard; audio is held by the extractor alone."""

    extractor: UnitExtractor | None
    dtype: str
    """For messages."""
    timed: Callable[[str, Callable[[], Extracted]], Extracted]
    """Does the work of a stage, and takes its time."""
    _waiting: dict[int, Utterance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.extractor is not None:
            self.extractor.forget()

    @property
    def last(self) -> tuple[int, PlannedRecord] | None:
        """(number, record) of the one that was added last, if any is waiting."""
        number = next(reversed(self._waiting), None)
        return None if number is None else (number, self._waiting[number].record)

    def add(self, number: int, utterance: Utterance) -> Ready:
        """Give a record to the extractor; those that are ready now."""
        audio = utterance.audio
        assert audio is not None
        if self.extractor is None:
            raise Unavailable("speech could be read that was unreadable when the codebook was fitted; run again")
        self._waiting[number] = replace(utterance, audio=None)
        return self._take(partial(self.extractor.add, number, audio.samples), number)

    def finish(self) -> Ready:
        """All that are left."""
        last = self.last
        if last is None:
            return []
        assert self.extractor is not None
        ready = self._take(self.extractor.finish, last[0])
        for utterance in self._waiting.values():
            raise LstDataError(f"`{utterance.record.row.id}` was given to the extractor and is lost")
        return ready

    def _take(self, extract: Callable[[], Extracted], last: int) -> Ready:
        """Where that fails, only a record that waited alone is known to be at fault: FailedTogether for several."""
        assert self.extractor is not None
        try:
            finished = self.timed("units", extract)
        except Exception as error:
            self.extractor.forget()
            waited = len(self._waiting)
            if waited > 1 and not isinstance(error, LstDataError | OSError):
                raise FailedTogether(f"the units of {waited} records failed together: {error}") from error
            return [(last, dead_letter(self._waiting.pop(last).record, "units", error))]
        return [(number, self._with_units(self._waiting.pop(number), units)) for number, units in finished]

    def _with_units(self, utterance: Utterance, units: Units | None) -> Utterance | DeadLetter:
        if units is not None:
            return replace(utterance, units=units)
        verdict = f"the model gave numbers that are not finite, in `units.dtype` {self.dtype}."
        return dead_letter(utterance.record, "units", Rejected("non_finite_features", verdict))
