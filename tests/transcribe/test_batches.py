"""What happens to a batch's records in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lstdata.checkpoints import Checkpoint
from lstdata.config import SourceConfig
from lstdata.errors import Rejected, Unavailable
from lstdata.records import Waveform
from lstdata.source_row import Locator, SourceRow, TimedWord
from lstdata.sources import Source, open_source
from lstdata.transcribe.batches import Batch, Heard, Transcriber, batches, transcribed
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Transcript

HELLO = Transcript((TimedWord("hello", 0.1, 0.4),), -0.5, "en")
CHECKPOINT = Checkpoint("m", "/m", "WavLMForCTC", "5" * 64)


class Stub:
    """Hears hello in everything, or does what it is told."""

    longest: float | None = None

    def __init__(self, act: Callable[[Sequence[Waveform]], list[Transcript]] | None = None) -> None:
        self.lengths: list[list[int]] = []
        self._act = act or (lambda batch: [HELLO] * len(batch))

    def transcribe(self, batch: Sequence[Waveform]) -> list[Transcript]:
        self.lengths.append([len(wave) for wave in batch])
        return self._act(batch)


def config(**options: object) -> TranscribeConfig:
    return TranscribeConfig(model="m", device="cpu", **{"batch": 1} | options)  # type: ignore[arg-type]


@pytest.fixture
def source(tones: Path) -> Source:
    return open_source(str(tones), SourceConfig())


def hear(source: Source, stub: Stub, **options: object) -> Heard:
    [batch] = batches(source, config(batch=100, **options))
    return Transcriber(source, config(**options), stub)(batch)


def reasons(heard: Heard) -> list[str]:
    return [outcome.reason if isinstance(outcome, Rejected) else "" for outcome in heard.outcomes]


def test_a_record_that_cannot_be_read_leaves_its_neighbours_their_places(source: Source) -> None:
    stub = Stub()
    assert reasons(hear(source, stub)) == ["", "", "", "", "", "undecodable"]
    assert len(stub.lengths[0]) == 5


def test_a_record_that_is_too_long_is_sent_to_be_segmented(source: Source) -> None:
    heard = hear(source, Stub(), max_seconds=3.0)
    verdict = heard.outcomes[4]
    assert isinstance(verdict, Rejected)
    assert str(verdict) == (
        "too_long_to_transcribe: 16.00 s are more than `max_seconds` (3): run `lstdata segment` first."
    )
    assert reasons(heard)[:4] == ["", "", "", ""]


def test_what_the_model_takes_in_bounds_a_record_too(source: Source) -> None:
    stub = Stub()
    stub.longest = 2.7
    assert reasons(hear(source, stub)).count("too_long_to_transcribe") == 2


def test_no_words_are_a_verdict(source: Source) -> None:
    heard = hear(source, Stub(lambda batch: [HELLO, Transcript(()), HELLO, HELLO, HELLO]))
    assert reasons(heard) == ["", "nothing_recognised", "", "", "", "undecodable"]


def test_one_record_that_breaks_the_model_does_not_take_others_along(source: Source) -> None:
    def act(batch: Sequence[Waveform]) -> list[Transcript]:
        if any(len(wave) == 48_000 for wave in batch):
            raise ValueError("a shape\nthat does not fit")
        return [HELLO] * len(batch)

    heard = hear(source, Stub(act))
    assert reasons(heard) == ["", "unexpected_error", "", "", "", "undecodable"]
    assert isinstance(heard.outcomes[1], Rejected)
    assert heard.outcomes[1].detail == "ValueError: a shape that does not fit"


def test_memory_that_runs_out_is_no_verdict(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from lstdata.checkpoints.loading import exact_arithmetic

    def act(batch: Sequence[Waveform]) -> list[Transcript]:
        with exact_arithmetic():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr("lstdata.workers.trying.pause", lambda attempt: None)
    with pytest.raises(Unavailable, match="the model ran out of memory; give it less at once"):
        hear(source, Stub(act))


class Rows:
    """A source of rows alone."""

    kind, root = "rows", "/"

    def __init__(self, *rows: SourceRow) -> None:
        self._rows = rows

    def scan(self) -> Iterator[SourceRow]:
        return iter(self._rows)


PLAIN = SourceRow(id="a", locator=Locator(path="a.wav"), recording="a")
TEXT = replace(PLAIN, id="b", text="said before")
WORDS = replace(PLAIN, id="c", words=(TimedWord("w", 0.0, 0.1),))
BAD = replace(PLAIN, id="d", reject=("bad_row", "no"))
BLANK = replace(PLAIN, id="e", text="  ")


def planned(*rows: SourceRow, **options: object) -> list[list[str]]:
    found: list[Batch] = list(batches(Rows(*rows), config(**options)))  # type: ignore[arg-type]
    assert [batch.number for batch in found] == list(range(len(found)))
    return [[row.id for row in batch.rows] for batch in found]


def test_batches_are_consecutive_records_without_a_transcript() -> None:
    assert planned(PLAIN, TEXT, WORDS, BAD, BLANK) == [["a"], ["e"]]
    assert planned(PLAIN, TEXT, BLANK, batch=2) == [["a", "e"]]
    assert planned(*[PLAIN] * 5, batch=2) == [["a", "a"], ["a", "a"], ["a"]]


def test_all_means_those_with_a_transcript_too_but_no_rejected_one() -> None:
    assert planned(PLAIN, TEXT, WORDS, BAD, BLANK, all=True) == [["a"], ["b"], ["c"], ["e"]]


def test_a_row_takes_over_what_was_heard_and_keeps_the_rest() -> None:
    row = replace(TEXT, words=WORDS.words, speaker="s", custom={"book": 3}, language="en-GB")
    made = transcribed(row, HELLO, config(), CHECKPOINT)
    assert (made.text, made.words, made.score) == ("hello", HELLO.words, -0.5)
    assert (made.id, made.locator, made.speaker, made.language) == ("b", row.locator, "s", "en-GB")
    assert made.custom["book"] == 3 and made.custom["transcribed_by"]["sha256"] == "5" * 64


def test_the_language_is_the_records_else_the_models_else_the_options() -> None:
    assert transcribed(PLAIN, HELLO, config(language="de"), CHECKPOINT).language == "en"
    deaf = replace(HELLO, language=None)
    assert transcribed(PLAIN, deaf, config(language="de"), CHECKPOINT).language == "de"


def test_a_rejected_row_keeps_what_the_source_said() -> None:
    made = transcribed(TEXT, Rejected("nothing_recognised", "why"), config(), CHECKPOINT)
    assert (made.reject, made.text) == (("nothing_recognised", "why"), "said before")
