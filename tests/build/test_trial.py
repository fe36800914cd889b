"""Dry runs that measure: the same counts as the build that follows, and sums that do not depend on the order."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lstdata.build import Asked, build_shards, planned
from lstdata.build.stages import Stages
from lstdata.build.trial import Trial, Tried, choose, try_record
from lstdata.build.trial_table import trial_json, trial_text
from lstdata.cli import main
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.index import read_rejects
from lstdata.quality import Measures
from lstdata.records import SAMPLE_RATE
from lstdata.sources import open_source
from tests.conftest import OPTIONS, RATE, Quiet

FILTERS = ["filter.languages=[en]", "filter.min_seconds=4", "filter.max_words_per_second=2.1"]
FILTERS += ["filter.max_header_mismatch=0.1", "filter.max_clipping=0.01", "filter.min_snr_db=30"]


def tried(failure: str | None = None, *, length: float = 1.0, **measures: object) -> Tried:
    return Tried(round(length * SAMPLE_RATE), Measures(**measures), failure)  # type: ignore[arg-type]


def spoil(corpus: Path) -> None:
    """One recording for each rule, one that cannot be read, one row that cannot be used."""
    audio, lines = corpus / "audio", (corpus / "cuts.jsonl").read_text().splitlines()
    lines[0] = lines[0].replace('"language": "en"', '"language": "de"')
    signal, _ = soundfile.read(audio / "utt-001.flac")
    soundfile.write(audio / "utt-001.flac", (5 * signal).clip(-1, 1), RATE)
    noise = np.random.default_rng(0).standard_normal(len(soundfile.read(audio / "utt-002.flac")[0])) * 0.01
    soundfile.write(audio / "utt-002.flac", (soundfile.read(audio / "utt-002.flac")[0] + noise).clip(-1, 1), RATE)
    signal, _ = soundfile.read(audio / "utt-006.flac")
    soundfile.write(audio / "utt-006.wav", signal, RATE, subtype="PCM_16")
    (audio / "utt-006.flac").write_bytes((audio / "utt-006.wav").read_bytes()[:-20_000])
    (audio / "utt-004.flac").write_bytes(b"")
    lines[5] = lines[5].replace('"start": 0', '"start": -1', 1)
    (corpus / "cuts.jsonl").write_text("\n".join(lines) + "\n")


def test_the_counts_are_those_of_the_build(
    make_cuts: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole way: worker processes, JSON, then a build of the same options; nothing is written before it."""
    corpus, out = make_cuts(14), tmp_path / "out"
    spoil(corpus)
    options = [*OPTIONS, *FILTERS]
    command = ["lstdata", "build-shards", str(corpus), str(out), "--dry-run", "--json"]
    monkeypatch.setattr("sys.argv", [*command, *(part for option in options for part in ("--set", option))])
    main()
    assert not out.exists()
    said = json.loads(capsys.readouterr().out)

    totals = build_shards(Asked(str(corpus), out, load(BuildConfig, None, options)), Quiet())
    letters = Counter(letter.reason for letter in read_rejects(out / "rejects.parquet"))
    counted = {rule["reason"]: rule["first"]["records"] for rule in said["rules"] if rule["first"]["records"]}
    counted |= {reason: tally["records"] for reason, tally in said["failures"].items()}
    assert counted | said["source_rejects"] == letters
    assert said["kept"]["records"] == totals.written
    assert said["kept"]["seconds"] == pytest.approx(totals.seconds)
    assert len(letters) == 8 and totals.written >= 3, letters
    assert totals.filtered == sum(n for reason, n in letters.items() if reason.startswith("filtered_"))
    assert totals.header_mismatches == 0


def make_trial(corpus: Path, *sets: str, scored: bool = False) -> Trial:
    """In this process."""
    config = load(BuildConfig, None, [*OPTIONS, *sets])
    stages = Stages(config, open_source(str(corpus), config.source), extractor=None, tokenizer=None)
    trial = Trial(config)
    with planned(Asked(str(corpus), corpus.parent / "none", config)) as (plan, path):
        for chunk in choose(plan, path, None):
            for record in chunk:
                trial.add(try_record(stages, record, scored))
    return trial


def test_a_header_that_lies_is_measured_and_counted(make_cuts: Callable[[int], Path]) -> None:
    corpus = make_cuts(7)
    spoil(corpus)
    trial = make_trial(corpus)
    wrong = [value for value in trial.values["header_mismatch"] if value > 0.1]
    assert wrong == [pytest.approx(10_000 / RATE, abs=1e-3)]
    assert max(trial.values["clipping"]) > 0.04 and min(trial.values["snr_db"]) < 35
    assert trial.failures["empty_file"].records == 1
    assert trial.failures["empty_file"].seconds > 0, "the length that its source gives"


def test_word_times_are_looked_for_only_where_they_are_asked_for(make_cuts: Callable[[int], Path]) -> None:
    corpus = make_cuts(2)
    manifest = corpus / "cuts.jsonl"
    manifest.write_text(manifest.read_text().replace('{"word": ', '{"phone": ', 1))
    options = ["words.aligner=manifest"]
    assert make_trial(corpus, *options).kept.records == 2
    asked = make_trial(corpus, *options, scored=True)
    assert asked.kept.records == 1 and asked.failures["missing_word_times"].records == 1


def test_what_comes_as_units_is_judged_by_what_is_known_of_it(built: Path) -> None:
    trial = make_trial(built, "filter.max_words_per_second=2", "filter.max_header_mismatch=0.1", scored=True)
    fast = [value for value in trial.values["words_per_second"] if value > 2]
    left_out = {rule.option: tally.first.records for rule, tally in trial.rules.items()}
    assert 0 < len(fast) < 12 and left_out == {"max_words_per_second": len(fast), "max_header_mismatch": 0}
    assert len(trial.values["header_mismatch"]) == 12 and len(trial.values["snr_db"]) == 0
    with pytest.raises(ConfigError, match=r"`filter\.min_snr_db` needs audio, but the source brings units"):
        make_trial(built, "filter.min_snr_db=3")


def test_a_record_counts_under_the_first_rule_it_breaks_and_alone_under_each() -> None:
    config = load(BuildConfig, None, ["filter.min_seconds=1", "filter.min_snr_db=20", "filter.min_score=-5"])
    trial = Trial(config)
    records = [
        tried(length=0.5, seconds=0.5, snr_db=10.0),
        tried(length=2.0, seconds=2.0, snr_db=10.0),
        tried(length=4.0, seconds=4.0, snr_db=30.0, score=-4.0),
        tried(length=8.0, seconds=8.0),
        tried("empty_file", length=16.0),
        tried("low_score", length=0.25, seconds=0.25),
    ]
    for one in records:
        trial.add(one)
    found = trial_json(trial)
    shown = {r["rule"]: (r["first"]["records"], r["alone"]["records"], r["unknown"]) for r in found["rules"]}
    assert shown == {"min_seconds": (2, 2, 0), "min_snr_db": (1, 2, 1), "min_score": (0, 0, 1)}
    assert found["rules"][1]["first"] == {"records": 1, "seconds": 2.0}
    assert found["rules"][1]["alone"] == {"records": 2, "seconds": 2.5}
    assert found["kept"] == {"records": 2, "seconds": 12.0}
    assert found["failures"] == {"empty_file": {"records": 1, "seconds": 16.0}}
    assert found["measured"] == {"records": 6, "seconds": 30.75}


def test_sums_do_not_depend_on_the_order() -> None:
    rng = random.Random(0)
    records = [tried(length=rng.random(), seconds=rng.random(), snr_db=40 * rng.random()) for _ in range(50)]
    config = load(BuildConfig, None, ["filter.min_seconds=0.2", "filter.min_snr_db=10"])
    found = []
    for _ in range(2):
        trial = Trial(config)
        for one in records:
            trial.add(one)
        found.append(trial_json(trial))
        rng.shuffle(records)
    assert found[0] == found[1]


def test_quantiles_are_values_that_records_have() -> None:
    trial = Trial(BuildConfig())
    for value in range(100, 0, -1):
        trial.add(tried(snr_db=float(value)))
    assert trial.quantiles("snr_db") == [1, 5, 25, 50, 75, 95, 99]
    assert trial.quantiles("score") == []
    found = trial_json(trial)["measures"]
    assert found["snr_db"] == {"records": 100, "p1": 1, "p5": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95, "p99": 99}
    assert found["score"] == {"records": 0}


def test_the_tables_for_people() -> None:
    trial = Trial(load(BuildConfig, None, ["filter.languages=[en]", "filter.max_seconds=20"]))
    trial.add(tried(length=3600.0, language="en", seconds=10.0))
    trial.add(tried(length=1800.0, language="de", seconds=30.0))
    trial.add(tried("undecodable", length=0.0, language="en"))
    assert trial_text(trial).splitlines() == [
        "                       limit  records  share  hours  alone  not known",
        "filter.languages          en        1  33.3%  0.500      1",
        "filter.max_seconds      20 s        0   0.0%  0.000      1",
        "rejected: undecodable               1  33.3%  0.000",
        "kept                                1  33.3%  1.000",
        "",
        "         records  p1  p5  p25  p50  p75  p95  p99",
        "seconds        2  10  10   10   10   30   30   30",
        "",
        "language  records  share  hours",
        "en              2  66.7%  1.000",
        "de              1  33.3%  0.500",
    ]


def test_a_sample_is_chosen_by_hash_whatever_the_shards_are(cuts: Path, tmp_path: Path) -> None:
    chosen = []
    for seconds in (15, 1000):
        config = load(BuildConfig, None, [f"plan.shard_seconds={seconds}"])
        with planned(Asked(str(cuts), tmp_path / "out", config)) as (plan, path):
            records = [record.row.id for chunk in choose(plan, path, 5) for record in chunk]
            assert len(records) == 5
            assert [r.row.id for chunk in choose(plan, path, 100) for r in chunk] == [
                r.row.id for chunk in choose(plan, path, None) for r in chunk
            ]
        chosen.append(sorted(records))
    assert chosen[0] == chosen[1]
