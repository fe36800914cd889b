from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.errors import CorruptShard
from lstdata.records import DeadLetter
from lstdata.report.corpus import Part
from lstdata.report.numbers import Split, compute_numbers
from lstdata.shards import StoredSample


def test_totals_by_split(run: Path) -> None:
    numbers = compute_numbers(run)
    assert numbers.splits == [
        Split("train", 1, 2, 0, pytest.approx(1.2), 30, 4),  # type: ignore[arg-type]
        Split("validation", 1, 1, 0, 1.0, 25, 0),
    ]
    assert (numbers.total.samples, numbers.total.units, numbers.total.words) == (3, 55, 4)
    assert (numbers.planned, numbers.rejected, numbers.read) == (6, 3, 3)
    corpus = numbers.corpus
    assert corpus.named == {"train": {"ann", "ben"}}
    assert dict(corpus.languages) == {"en": Part(2, pytest.approx(1.4)), "<de>": Part(1, 0.8)}  # type: ignore[arg-type]
    assert dict(corpus.licenses) == {None: Part(2, pytest.approx(1.4)), "CC0": Part(1, 0.8)}  # type: ignore[arg-type]
    assert corpus.header_mismatches == 1


def test_units_used(run: Path) -> None:
    units = compute_numbers(run).units
    assert units.counts.tolist() == [14, 14, 27, 0]
    assert units.used == 3
    assert units.entropy == pytest.approx(1.50885, abs=1e-5)
    assert units.perplexity == pytest.approx(2.8459, abs=1e-3)
    assert (units.repeats, units.transitions) == (31, 52)


def test_patches_by_strategy(run: Path) -> None:
    patches = compute_numbers(run).speech.patches
    words, silences, static = patches["aligned words"], patches["aligned silences"], patches["static"]
    assert (words.count, words.mean, words.median, words.high) == (4, 6.0, 5, 10)
    assert (silences.count, silences.mean, silences.median, silences.high) == (4, 1.5, 1, 2)
    assert (static.count, static.mean, static.high) == (15, pytest.approx(55 / 15), 4)
    assert patches["aligned"].count == 8
    assert patches["silence"].total == 55


def test_silence_and_tempo(run: Path) -> None:
    numbers = compute_numbers(run)
    assert numbers.speech.silence_between_words == pytest.approx(6 / 30)
    assert numbers.speech.silence_by_activity == pytest.approx(6 / 55)
    assert numbers.speech.tokens_per_word == 7.5
    tempo = numbers.corpus.words_per_second
    assert (tempo.count, tempo.low, tempo.high) == (2, pytest.approx(2.5), pytest.approx(5.0))


def test_rejects_are_counted_by_reason_with_a_few_examples(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    letters = [DeadLetter(f"r{i}", "words", "alignment_failed", f"message {i}", "x") for i in range(5)]
    letters += [DeadLetter("d", "decode", "undecodable", "no audio", "x", environmental=True)]
    rejects = compute_numbers(make_run(tmp_path / "run", {}, letters)).rejects
    assert [(r.reason, r.count, r.environmental) for r in rejects] == [
        ("alignment_failed", 5, 0),
        ("undecodable", 1, 1),
    ]
    assert rejects[0].examples == [("r0", "message 0"), ("r1", "message 1"), ("r2", "message 2")]


def test_what_filters_left_out_is_counted_apart(tmp_path: Path, make_run: Callable[..., Path]) -> None:
    letters = [DeadLetter(f"r{i}", "filter", "filtered_min_snr_db", "", "x") for i in range(4)]
    letters += [DeadLetter("d", "filter", "unexpected_error", "", "x", environmental=True)]
    numbers = compute_numbers(make_run(tmp_path / "run", {}, letters))
    assert (numbers.rejected, numbers.filtered) == (5, 4)


def test_a_large_run_is_read_in_evenly_spread_shards(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    shards = {f"train-{i:06}": [make_stored(f"s{i}", [i], None)] for i in range(12)}
    run = make_run(tmp_path / "run", shards, [], units=12)
    numbers = compute_numbers(run, limit=3)
    assert numbers.read == 3
    assert numbers.units.counts.nonzero()[0].tolist() == [2, 6, 10]
    assert numbers.total.samples == 12
    assert compute_numbers(run, limit=12).units.counts.tolist() == [1] * 12


def test_a_unit_beyond_the_vocabulary_is_named(
    tmp_path: Path, make_run: Callable[..., Path], make_stored: Callable[..., StoredSample]
) -> None:
    run = make_run(tmp_path / "run", {"train-000000": [make_stored("s", [9], None)]}, [])
    with pytest.raises(CorruptShard, match=r"below the 4 of vocab\.json, but is 9"):
        compute_numbers(run)


@pytest.mark.parametrize(
    "name", ["run.json", "shards.parquet", "index.parquet", "rejects.parquet", "shards/train-000000.tar"]
)
def test_a_missing_or_damaged_file_is_named(run: Path, name: str) -> None:
    (run / name).write_bytes(b"PAR1 not really")
    with pytest.raises(CorruptShard, match=name):
        compute_numbers(run)
    (run / name).unlink()
    with pytest.raises(CorruptShard, match=name):
        compute_numbers(run)
