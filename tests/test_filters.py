"""Rules: what each keeps and leaves out, which comes first, and which cannot be used."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import BuildConfig, FilterConfig, load
from lstdata.errors import ConfigError, Rejected
from lstdata.filters import REASONS, RULES, active_rules, check_applicable, check_record, has_tag
from lstdata.quality import Measures
from lstdata.records import UnitInventory

CASES: list[tuple[str, Any, Any, Any, str]] = [
    ("languages", ("en", "de-AT"), "en-US", "de", "`filter.languages` is en, de-AT, but the record has de."),
    ("min_characters", 9, 9, 8, "`filter.min_characters` is 9 characters, but the record has 8 characters."),
    ("max_characters", 9, 9, 10, "`filter.max_characters` is 9 characters, but the record has 10 characters."),
    ("min_seconds", 1.0, 1.0, 0.5, "`filter.min_seconds` is 1 s, but the record has 0.5 s."),
    ("max_seconds", 30.0, 30.0, 30.04, "`filter.max_seconds` is 30 s, but the record has 30.04 s."),
    ("min_words_per_second", 0.5, 0.5, 0.25, "is 0.5 words/s, but the record has 0.25 words/s."),
    ("max_words_per_second", 5.0, 5.0, 6.5, "is 5 words/s, but the record has 6.5 words/s."),
    ("min_characters_per_second", 3.0, 3.0, 2.0, "is 3 characters/s, but the record has 2 characters/s."),
    ("max_characters_per_second", 25.0, 25.0, 26.0, "is 25 characters/s, but the record has 26 characters/s."),
    ("max_header_mismatch", 0.1, 0.1, 0.2, "is 0.1 s, but the record has 0.2 s."),
    ("max_clipping", 0.0, 0.0, 0.001, "is 0, but the record has 0.001."),
    ("min_snr_db", 10.0, 10.0, -1.0, "is 10 dB, but the record has -1 dB."),
    ("min_score", -5.0, -5.0, -6.0, "is -5, but the record has -6."),
]


def reason_of(measures: Measures, config: FilterConfig) -> str | None:
    try:
        check_record(measures, active_rules(config), config)
    except Rejected as verdict:
        return verdict.reason
    return None


def test_there_is_a_rule_and_a_reason_for_each_option_and_a_measure_for_each_rule() -> None:
    options = [f.name for f in fields(FilterConfig)]
    assert [rule.option for rule in RULES] == options == [case[0] for case in CASES]
    assert {rule.measure for rule in RULES} <= {f.name for f in fields(Measures)}
    assert len(REASONS) == len(options) and all(re.fullmatch(r"filtered_[a-z_]+", reason) for reason in REASONS)


@pytest.mark.parametrize(("option", "limit", "kept", "out", "message"), CASES)
def test_a_rule_keeps_its_limit_and_names_what_it_leaves_out(
    option: str, limit: Any, kept: Any, out: Any, message: str
) -> None:
    config = FilterConfig(**{option: limit})
    (rule,) = active_rules(config)
    assert reason_of(Measures(**{rule.measure: kept}), config) is None
    with pytest.raises(Rejected, match=re.escape(message)) as verdict:
        check_record(Measures(**{rule.measure: out}), [rule], config)
    assert verdict.value.reason == f"filtered_{option}"


def test_what_is_not_known_is_no_reason_to_leave_a_record_out() -> None:
    config = FilterConfig(**{option: limit for option, limit, *_ in CASES})
    assert len(active_rules(config)) == len(RULES)
    assert reason_of(Measures(), config) is None


def test_the_first_rule_that_is_broken_is_the_reason() -> None:
    """In the order of the build: what the source says, lengths and rates, the signal, the word times."""
    config = FilterConfig(**{option: limit for option, limit, *_ in CASES})
    bad = {"language": "de", "seconds": 60.0, "words_per_second": 9.0, "header_mismatch": 1.0}
    bad |= {"clipping": 0.5, "snr_db": 1.0, "score": -9.0}
    reasons = []
    while bad:
        reasons.append(reason_of(Measures(**bad), config))  # type: ignore[arg-type]
        del bad[next(iter(bad))]
    expected = ["languages", "max_seconds", "max_words_per_second", "max_header_mismatch", "max_clipping"]
    assert reasons == [f"filtered_{option}" for option in [*expected, "min_snr_db", "min_score"]]


@given(value=st.floats(-50, 50), a=st.floats(-50, 50), b=st.floats(-50, 50))
def test_a_looser_limit_leaves_out_no_more(value: float, a: float, b: float) -> None:
    loose, tight = sorted((a, b))
    if reason_of(Measures(snr_db=value), FilterConfig(min_snr_db=loose)) is not None:
        assert reason_of(Measures(snr_db=value), FilterConfig(min_snr_db=tight)) is not None


@pytest.mark.parametrize(
    ("language", "tag", "named"),
    [
        ("en", "en", True),
        ("en-US", "en", True),
        ("EN_us", "en-US", True),
        ("zh-Hant-TW", "zh-hant", True),
        ("English", "en", True),
        ("eng", "en", True),
        ("en", "English", True),
        ("de-AT", "deu", True),
        ("Mandarin", "cmn", True),
        ("Cantonese", "zh", False),
        ("engadine", "en", False),
        ("en", "en-US", False),
        ("de", "en", False),
    ],
)
def test_a_tag_names_a_language_and_its_kinds(language: str, tag: str, named: bool) -> None:
    assert has_tag(language, tag) is named


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["filter.min_seconds=3", "filter.max_seconds=2"], "`filter.min_seconds` must be ≤ `max_seconds` (2.0)"),
        (["filter.min_words_per_second=-1"], "`filter.min_words_per_second` must be ≥ 0, but is -1.0."),
        (["filter.max_clipping=2"], "`filter.max_clipping` must be in [0, 1], but is 2.0."),
        (["filter.max_header_mismatch=-0.1"], "`filter.max_header_mismatch` must be ≥ 0"),
        (["filter.languages=[]"], "`filter.languages` must name at least one tag"),
        (["filter.languages=['']"], "`filter.languages` must name at least one tag"),
        (["filter.languages=7"], "`filter.languages` must be a list of texts or null"),
        (["filter.languages=[en, 7]"], "`filter.languages` must be a list of texts or null"),
        (["filter.languages='en,de'"], "`filter.languages` must be a list of texts or null"),
        (["filter.min_snr=3"], "Did you mean `filter.min_snr_db`?"),
    ],
)
def test_limits_that_make_no_sense_are_refused(sets: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(BuildConfig, None, sets)


def test_one_language_needs_no_list() -> None:
    assert load(BuildConfig, None, ["filter.languages=en"]).filter.languages == ("en",)
    assert load(BuildConfig, None, ["filter.languages=[en, de]"]).filter.languages == ("en", "de")


def test_a_rule_that_could_judge_no_record_is_refused() -> None:
    config = load(BuildConfig, None, ["filter.min_snr_db=3", "filter.max_clipping=0.1", "filter.min_seconds=1"])
    check_applicable(config, None)
    with pytest.raises(ConfigError) as error:
        check_applicable(config, UnitInventory(None))
    assert error.value.mistakes == (
        "`filter.max_clipping` needs audio, but the source brings units.",
        "`filter.min_snr_db` needs audio, but the source brings units.",
    )
    config = load(BuildConfig, None, ["filter.min_score=-3", "words.aligner=none"])
    with pytest.raises(ConfigError, match=r"`filter\.min_score` needs word times, but `words\.aligner` is none"):
        check_applicable(config, None)
