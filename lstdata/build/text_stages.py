"""What happens to one document of text in one worker process: read, filtered, coded."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lstdata.build.letters import dead_letter
from lstdata.build.plan_table import PlannedRecord
from lstdata.config import BuildConfig
from lstdata.errors import Unavailable
from lstdata.filters import STAGE as FILTER
from lstdata.filters import active_rules, check_record
from lstdata.quality import Measures
from lstdata.records import DeadLetter, Sample, TextDocument
from lstdata.shards import StoredSample, token_type
from lstdata.sources import Source
from lstdata.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from lstdata.build.units_run import TakenUnits
    from lstdata.build.whereabouts import Whereabouts

T = TypeVar("T")

READ, TOKENS = "read", "tokens"


@dataclass
class TextStages:
    """The stages of a build of text, for `ShardBuilder` what `Stages` are for speech."""

    config: BuildConfig
    source: Source
    tokenizer: TextTokenizer
    place: Whereabouts | None = None
    """Told which document is at which stage; None where nobody asks."""

    frames = (0, 0)
    """No encoder takes part."""

    def __post_init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """Wall time by stage."""
        self._rules = active_rules(self.config.filter)

    def process(
        self, records: Mapping[int, PlannedRecord], taken: TakenUnits | None = None
    ) -> dict[int, StoredSample | DeadLetter]:
        """For each record, by position, a sample or a dead letter; read in the order of their places in their files."""
        assert taken is None, "a source of text brings no units"
        done: dict[int, StoredSample | DeadLetter] = {}
        for number, record in sorted(records.items(), key=lambda item: (by_place(item[1]), item[0])):
            if self.place is not None:
                self.place.at(number, record.row.id)
            done[number] = self._sample(record)
        return done

    def _sample(self, record: PlannedRecord) -> StoredSample | DeadLetter:
        stage = READ
        try:
            document = self._timed(stage, lambda: read_document(self.source, record))
            stage = FILTER
            if self._rules:
                measures = Measures(language=record.row.language, characters=len(document.text))
                check_record(measures, self._rules, self.config.filter)
            stage = TOKENS
            tokens = self._timed(stage, lambda: text_tokens(document.text, self.tokenizer))
        except Exception as error:
            return dead_letter(record, stage, error)
        return StoredSample(_sample_of(record, document, tokens), {}, ())

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        if self.place is not None:
            self.place.stage = stage
        started = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] += time.perf_counter() - started


def read_document(source: Source, record: PlannedRecord) -> TextDocument:
    """The document that was planned; Unavailable where another one is there now."""
    document = source.open(record.row.locator)
    assert isinstance(document, TextDocument), "a source without units or audio delivers text"
    if document.digest != record.row.text_digest:
        raise Unavailable(f"`{record.row.id}` in `{record.row.locator.path}` has changed since the build was planned.")
    return document


def text_tokens(text: str, tokenizer: TextTokenizer) -> NDArray[Any]:
    """(tokens,) ids of a document, of `token_type`."""
    return np.array(tokenizer.encode(text), dtype=token_type(tokenizer.size))


def _sample_of(record: PlannedRecord, document: TextDocument, tokens: NDArray[Any]) -> Sample:
    row = record.row
    return Sample(
        key=record.key,
        id=row.id,
        split=record.split,
        samples=0,
        units=np.zeros(0, np.uint16),
        activity=np.zeros(0, np.bool_),
        text=document.text,
        words=None,
        word_frames=None,
        language=row.language,
        license=row.license,
        custom=document.custom,
        tokens=tokens,
    )


def by_place(record: PlannedRecord) -> tuple[str, int, int, int]:
    """For sorting: some files can only be read from their beginning on."""
    where = record.row.locator
    return where.path, where.row_group or 0, where.offset or 0, where.row or 0
