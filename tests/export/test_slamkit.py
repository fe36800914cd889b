"""`slamkit`: by its own rules and by our source, the run's units and words."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.export.slamkit import features_of
from lstdata.records import Sample
from lstdata.sources import open_source
from lstdata.sources.slamkit import coded
from tests.export.conftest import json_lines, samples, spoken


def slice_of(line: dict[str, Any], first: int, last: int) -> list[int]:
    """The units that slamkit's interleaving tokeniser takes for words first…last."""
    unit_time = np.cumsum(line["duration"]) * 0.04
    start, end = line["aligned_text"][first][1], line["aligned_text"][last][2]
    return line["units"][bisect_left(unit_time, start) : bisect_right(unit_time, end)]


@given(spoken())
def test_units_and_words_come_back(sample: Sample) -> None:
    line = features_of(sample)
    assert all(a != b for a, b in zip(line["units"], line["units"][1:], strict=False))
    found = coded(line)
    assert found.units.tolist() == sample.units.tolist()
    assert (found.words or ()) == (sample.words or ())
    if found.word_frames is not None and sample.word_frames is not None:
        assert found.word_frames.tolist() == sample.word_frames.tolist()


@given(spoken())
def test_slamkit_cuts_each_word_where_it_is(sample: Sample) -> None:
    line = features_of(sample)
    edges = [0, *np.cumsum(line["duration"]).tolist()]
    for number, (start, end) in enumerate([] if sample.word_frames is None else sample.word_frames.tolist()):
        ending = [unit for unit, edge in zip(line["units"], edges[1:], strict=True) if start < edge <= end]
        assert slice_of(line, number, number) == ending


def test_a_run_is_read_by_slamkit_and_by_us(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "slamkit")
    names = ["test-clean.jsonl", "train.jsonl", "validation.jsonl"]
    assert sorted(path.name for path in (dst / "features").iterdir()) == names
    wanted = {sample.id: sample for sample in samples(mixed)}
    for name in names:
        tokens = {line["file_name"]: line["audio_repr"] for line in json_lines(dst / "tokens" / name)}
        for line in json_lines(dst / "features" / name):
            sample = wanted[line["file_name"]]
            units = [int(unit) for unit in re.findall(r"<Un(\d+)>", tokens.pop(sample.id))]
            assert units == line["units"] == [unit for unit, _ in groupby(sample.units.tolist())]
            said = "".join(word for word, _, _ in line.get("aligned_text", []))
            assert said.split() == list(sample.words or ())
        assert not tokens
    source = open_source(str(dst / "features"), SourceConfig())
    rows = list(source.scan())
    assert len(rows) == len(wanted) == 12
    for row in rows:
        read, sample = source.open(row.locator), wanted[row.id]
        assert (row.split, row.text, row.reject) == (sample.split, sample.text, None)
        assert read.units.tolist() == sample.units.tolist() and read.words == sample.words
        assert (read.word_frames is None) == (sample.word_frames is None)
        if sample.word_frames is not None:
            assert read.word_frames.tolist() == sample.word_frames.tolist()


def test_another_frame_rate_is_said_and_refused(mixed: Path) -> None:
    sample = next(sample for sample in samples(mixed) if sample.words)
    line = features_of(replace(sample, hop=320))
    assert line["frame_rate"] == 50 and line["aligned_text"][0][1] == sample.word_frames[0, 0] * 0.02 + 0.005
    with pytest.raises(Rejected, match="`frame_rate` must be 25"):
        coded(line)
