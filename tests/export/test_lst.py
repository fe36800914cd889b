"""`lst`: what the authors' loader and our own source read is what the run holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from lstdata.config import SourceConfig
from lstdata.export.lst import line_of, spoken_words
from lstdata.records import Sample
from lstdata.sources import open_source
from lstdata.sources.interleaved import coded
from tests.export.conftest import json_lines, samples, spoken

SEGMENT = re.compile(r"<LST MODE SEP>(TEXT|HUBERT) ([^<]*)")


def pairs(interleaved: str) -> list[tuple[str, list[int]]]:
    """By the authors' rule: text and units in turn, of a text the first word."""
    found = SEGMENT.findall(interleaved)
    assert "".join(f"<LST MODE SEP>{kind} {rest}" for kind, rest in found) == interleaved
    assert [kind for kind, _ in found] == ["TEXT", "HUBERT"] * (len(found) // 2)
    assert all(len(rest.split()) == 1 and rest.endswith(" ") for kind, rest in found if kind == "TEXT")
    words = [rest.split()[0] for kind, rest in found if kind == "TEXT"]
    return list(zip(words, [[int(u) for u in rest.split()] for kind, rest in found if kind == "HUBERT"], strict=True))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Geese", ["geese"]),
        ("“Well-known,", ["well", "known"]),
        ("miller’s!", ["miller's"]),
        ("'tis", ["tis"]),
        ("rest'", ["rest"]),
        ("<LST", ["lst"]),
        ("[SIL]", ["sil"]),
        ("—", []),
        ("1,000", ["1", "000"]),
        ("É́tude", ["é́tude"]),
        ("नमस्ते।", ["नमस्ते"]),
        ("İstanbul", ["i̇stanbul"]),
    ],
)
def test_words_are_lower_case_without_punctuation(written: str, words: list[str]) -> None:
    assert [word for word, _ in spoken_words(written)] == words


def test_a_word_that_is_read_as_two_shares_its_frames() -> None:
    sample = Sample(
        key="a",
        id="a",
        split="train",
        samples=12 * 640,
        units=np.arange(12, dtype=np.uint16),
        activity=np.ones(12, dtype=np.bool_),
        text="to-morrow — yes",
        words=("to-morrow", "—", "yes"),
        word_frames=np.array([[1, 9], [9, 10], [12, 12]]),
    )
    line = json.loads(line_of(sample) or "")["interleaved"]
    shared = [("[SIL]", [0]), ("to", [1, 2]), ("morrow", [3, 4, 5, 6, 7, 8]), ("[SIL]", [9, 10, 11]), ("yes", [])]
    assert pairs(line) == shared


def test_a_word_that_is_read_as_two_is_cut_by_its_characters() -> None:
    sample = Sample(
        key="a",
        id="a",
        split="train",
        samples=8 * 640,
        units=np.arange(8, dtype=np.uint16),
        activity=np.ones(8, dtype=np.bool_),
        text="to-day",
        words=("to-day",),
        word_frames=np.array([[0, 8]]),
        character_frames=((0, 1, 4, 5, 6, 7),),
    )
    assert pairs(json.loads(line_of(sample) or "")["interleaved"]) == [("to", [0, 1, 2, 3, 4]), ("day", [5, 6, 7])]


@given(spoken())
def test_all_units_come_back_and_every_word_with_its_frames(sample: Sample) -> None:
    line = line_of(sample)
    if line is None:
        assert not sample.words
        return
    found = coded(json.loads(line))
    assert found.units.tolist() == sample.units.tolist() and found.words == sample.words
    assert found.word_frames is not None and sample.word_frames is not None
    assert found.word_frames.tolist() == sample.word_frames.tolist()


def test_a_run_comes_back_through_its_chunks(built: Path, export: Callable[..., Path]) -> None:
    dst = export(built, "lst", "--chunks", "3")
    wanted = {sample.id: sample for sample in samples(built)}
    assert {path.name for path in dst.iterdir()} == {"export.json", "train", "validation"}
    chunks = sorted(path.name for path in (dst / "train").iterdir())
    assert chunks == [f"train.chunk.{n:02d}.on_the_fly" for n in range(3)]
    lines = [len(json_lines(dst / "train" / name)) for name in chunks]
    assert max(lines) - min(lines) <= 1
    found = 0
    for split in ("train", "validation"):
        source = open_source(str(dst / split), SourceConfig())
        for row in source.scan():
            sample, read = wanted[row.id], source.open(row.locator)
            assert row.split == split == sample.split
            assert read.units.tolist() == sample.units.tolist() and read.words == sample.words
            assert read.word_frames.tolist() == sample.word_frames.tolist()
            found += 1
    assert found == len(wanted) == 12


def test_lines_keep_every_unit_and_samples_without_words_are_named(mixed: Path, export: Callable[..., Path]) -> None:
    dst = export(mixed, "lst")
    left = json_lines(dst / "left_out.jsonl")
    assert {(line["id"], line["reason"]) for line in left} == {(f"book/{n}.b", "no_word_times") for n in (3, 6)}
    written = [line for path in dst.rglob("*.on_the_fly") for line in json_lines(path)]
    wanted = {sample.id: sample for sample in samples(mixed) if sample.words}
    assert {line["file_id"] for line in written} == set(wanted) and len(written) == 10
    said = ["well", "known", "the", "old", "miller's", "geese", "saw", "7", "rivers", "étude"]
    for line in written:
        items = pairs(line["interleaved"])
        assert list(chain.from_iterable(ids for _, ids in items)) == wanted[line["file_id"]].units.tolist()
        assert [word for word, _ in items if word != "[SIL]"] == said
        assert all(ids for word, ids in items if word == "[SIL]")
    folders = {path.parent for path in dst.rglob("*.on_the_fly")}
    assert {folder.name for folder in folders} == {"train", "validation", "test-clean"}
    for folder in folders:
        assert {row.split for row in open_source(str(folder), SourceConfig()).scan()} == {folder.name}
