"""Finished batches as JSON values."""

from __future__ import annotations

import json

from lstdata.errors import Rejected
from lstdata.source_row import TimedWord
from lstdata.transcribe.batches import Heard
from lstdata.transcribe.journal import from_json, to_json
from lstdata.transcribe.recogniser import Transcript


def test_a_batch_comes_back_as_it_was_to_the_last_digit() -> None:
    spoken = Transcript((TimedWord("für", 0.02, 0.30000000000000004), TimedWord("7", 0.3, 0.3)), -0.1234567890123, "de")
    heard = Heard(3, ("f0", "f1"), (spoken, Rejected("empty_file", "`x.wav` has 0 bytes.")))
    read = from_json(3, json.loads(json.dumps(to_json(heard))))
    assert (read.number, read.fingerprints, read.outcomes[0]) == (3, ("f0", "f1"), spoken)
    verdict = read.outcomes[1]
    assert isinstance(verdict, Rejected) and str(verdict) == "empty_file: `x.wav` has 0 bytes."
