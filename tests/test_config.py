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


def test_round_trip_and_differences() -> None:
    one, two = BuildConfig(), load(BuildConfig, None, ["units.clusters=100"])
    assert from_dict(BuildConfig, to_dict(two)) == two
    assert differences(to_dict(one), to_dict(two)) == ["`units.clusters` null → 100"]


def test_fingerprints_depend_on_every_part() -> None:
    prints = {fingerprint("a", 1), fingerprint("a", 2), fingerprint("b", 1), fingerprint("a", 1, {"x": 1})}
    assert len(prints) == 4
    assert fingerprint("a", 1, {"x": 1, "y": 2}) == fingerprint("a", 1, {"y": 2, "x": 1})


def test_numbers_may_be_written_with_an_exponent() -> None:
    assert load(BuildConfig, None, ["plan.validation=5e-2"]).plan.validation == 0.05
