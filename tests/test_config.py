"""Options: every mistake at once, each naming the thing, the rule and the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.config import BuildConfig, differences, fingerprint, from_dict, load, to_dict
from lstdata.errors import ConfigError


def test_yaml_then_set(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("units: {clusters: 100}\nplan: {order: source, shard_seconds: 60}\n")
    config = load(BuildConfig, str(path), ["units.clusters=50", "tokenizer.path=x.json", "words.min_score=null"])
    assert (config.units.clusters, config.plan.order, config.plan.shard_seconds) == (50, "source", 60.0)
    assert config.tokenizer.path == "x.json" and config.words.min_score is None


def test_unknown_keys_name_the_nearest() -> None:
    with pytest.raises(ConfigError) as error:
        load(BuildConfig, None, ["units.cluster=5", "unit.clusters=5", "zzz=1"])
    assert "`units.cluster` is not an option. Did you mean `units.clusters`?" in str(error.value)
    assert "`unit` is not an option. Did you mean `units`?" in str(error.value)
    assert "`zzz` is not an option. Known: about, source" in str(error.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        load(BuildConfig, None, ["patching.patch_size=0", "plan.order=random", "run.workers=two", "units.clusters=1"])
    mistakes = error.value.mistakes
    assert "`patching.patch_size` must be ≥ 1, but is 0." in mistakes
    assert "`plan.order` must be one of block, source, global, but is 'random'." in mistakes
    assert "`run.workers` must be int or null, but is 'two'." in mistakes
    assert "`units.clusters` must be between 2 and 65535, but is 1." in mistakes


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "\t", "units: 5"])
def test_a_file_that_is_no_config(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        load(BuildConfig, str(path))


def test_a_set_without_a_value() -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load(BuildConfig, None, ["units.clusters"])


def test_booleans_are_no_numbers() -> None:
    with pytest.raises(ConfigError, match=r"patching\.patch_size"):
        load(BuildConfig, None, ["patching.patch_size=true"])


def test_a_pair_of_numbers() -> None:
    assert load(BuildConfig, None, ["interleave.text_words=[3, 12]"]).interleave.text_words == (3, 12)
    for given, rule in (("[3]", "2 whole numbers"), ("[3, 1.5]", "2 whole numbers"), ("[9, 3]", "but is [9, 3]")):
        with pytest.raises(ConfigError) as error:
            load(BuildConfig, None, [f"interleave.text_words={given}"])
        assert "`interleave.text_words` must be" in str(error.value) and rule in str(error.value)
    with pytest.raises(ConfigError, match=r"`interleave\.speech_ratio` must be > 0, but is 0"):
        load(BuildConfig, None, ["interleave.speech_ratio=0"])


def test_round_trip_and_differences() -> None:
    one, two = BuildConfig(), load(BuildConfig, None, ["units.clusters=100"])
    assert from_dict(BuildConfig, to_dict(two)) == two
    assert differences(to_dict(one), to_dict(two)) == ["`units.clusters` null → 100"]


def test_fingerprints_depend_on_every_part() -> None:
    prints = {fingerprint("a", 1), fingerprint("a", 2), fingerprint("b", 1), fingerprint("a", 1, {"x": 1})}
    assert len(prints) == 4
    assert fingerprint("a", 1, {"x": 1, "y": 2}) == fingerprint("a", 1, {"y": 2, "x": 1})


@pytest.mark.parametrize(("text", "value"), [("5e-2", 0.05), ("1e-05", 1e-5), (".5e-1", 0.05), ("'0.25'", 0.25)])
def test_numbers_may_be_written_as_yaml_does_not_read_them(text: str, value: float) -> None:
    assert load(BuildConfig, None, [f"plan.validation={text}"]).plan.validation == value


@pytest.mark.parametrize("text", [".nan", "nan", ".inf", "-inf", "1e400", "1" + "0" * 400])
def test_numbers_are_finite(text: str) -> None:
    with pytest.raises(ConfigError, match=r"`words\.min_score` must be a finite number, but is "):
        load(BuildConfig, None, [f"words.min_score={text}"])


def test_what_is_no_number_says_so() -> None:
    with pytest.raises(ConfigError, match=r"`words\.min_score` must be float or 'default' or null, but is 'high'\."):
        load(BuildConfig, None, ["words.min_score=high"])


@pytest.mark.parametrize("name", ["units.seed", "plan.seed", "interleave.seed"])
def test_seeds_are_what_every_library_takes(name: str) -> None:
    load(BuildConfig, None, [f"{name}={2**32 - 1}"])
    for seed in (-1, 2**32):
        with pytest.raises(ConfigError, match=f"`{name}` must be between 0 and 4294967295, but is {seed}."):
            load(BuildConfig, None, [f"{name}={seed}"])


def test_an_argument_that_is_not_utf8_could_not_be_written_down() -> None:
    with pytest.raises(ConfigError, match=r"`units\.codebook` must be UTF-8") as caught:
        load(BuildConfig, None, ["units.codebook=caf\udce9.npz"])
    str(caught.value).encode()
