"""Recipes become steps: their commands, their order, what they need, and what a change changes."""

from __future__ import annotations

import click
import pytest

from lstdata.cli.verbs import cli
from lstdata.config import from_dict, override
from lstdata.errors import ConfigError
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import fingerprints
from lstdata.reproduce.steps import list_steps

SMALL = {
    "corpus": {"demo": {"utterances": 30, "items": 8, "text_stories": 40}},
    "build": {"units": {"clusters": 20}},
    "train": {"steps": 10},
    "sets": [{"name": "completion", "items": "$OUT/corpus/completion/items.jsonl"}],
    "evaluate": {"modes": "s-s,t-t"},
}


def recipe(*sets: str) -> Recipe:
    return override(from_dict(Recipe, SMALL), sets)


def commands(*sets: str) -> dict[str, str]:
    return {step.name: " ".join(step.argv) for step in list_steps(recipe(*sets))}


def test_the_steps_of_a_small_recipe() -> None:
    assert list(commands("arms=[base,static-4]").items()) == [
        ("corpus", "demo-corpus $OUT/corpus --utterances 30 --items 8 --text-stories 40 --seed 0"),
        ("build-speech", "build-shards $OUT/corpus $OUT/speech --set units.clusters=20"),
        (
            "build-text",
            "build-shards $OUT/corpus/text/stories.jsonl $OUT/text --kind text --set tokenizer.path=$OUT/speech",
        ),
        (
            "build-set-completion",
            "build-eval $OUT/corpus/completion/items.jsonl $OUT/sets/completion --like $OUT/speech",
        ),
        (
            "train-compute-static-4-0",
            "train --out $OUT/runs/compute/static-4-0 --processes $PROCESSES --data $OUT/speech=1 --data $OUT/text=2 "
            "--set steps=10 --set patching.strategy=static --set seed=0 --set rows.seed=0 --set interleave.seed=0",
        ),
        (
            "evaluate-compute-static-4-0",
            "evaluate $OUT/runs/compute/static-4-0 $OUT/sets/completion --modes s-s,t-t --data $OUT/speech "
            "--interleave speech,text,lst",
        ),
        (
            "train-compute-base-0",
            "train --out $OUT/runs/compute/base-0 --processes $PROCESSES --data $OUT/speech=1 --data $OUT/text=2 "
            "--set steps=10 --set patching.strategy=none --set seed=0 --set rows.seed=0 --set interleave.seed=0",
        ),
        (
            "train-data-base-0",
            "train --out $OUT/runs/data/base-0 --processes $PROCESSES --tokens-of $OUT/runs/compute/static-4-0 "
            "--data $OUT/speech=1 --data $OUT/text=2 --set patching.strategy=none --set seed=0 --set rows.seed=0 "
            "--set interleave.seed=0",
        ),
        (
            "evaluate-compute-base-0",
            "evaluate $OUT/runs/compute/base-0 $OUT/sets/completion --modes s-s,t-t --data $OUT/speech "
            "--interleave speech,text,lst",
        ),
        (
            "evaluate-data-base-0",
            "evaluate $OUT/runs/data/base-0 $OUT/sets/completion --modes s-s,t-t --data $OUT/speech "
            "--interleave speech,text,lst",
        ),
    ]


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_step_comes_after_what_it_needs_and_is_a_command(seeds: int) -> None:
    arms = "arms=[base,unit-bpe,static-4,static-6,static-9,aligned,aligned-merged,mixed,curriculum]"
    steps = list_steps(recipe(arms, f"seeds={seeds}"))
    before: set[str] = set()
    for step in steps:
        assert set(step.needs) <= before
        before.add(step.name)
        verb = cli.commands[step.argv[0]]
        _, left, _ = verb.make_parser(click.Context(verb)).parse_args(list(step.argv[1:]))
        assert not left
    trained = [step.name for step in steps if step.name.startswith("train-")]
    assert len(trained) == seeds * 10  # nine arms, and the baseline once more
    assert "fit-pieces" in before


def test_the_language_of_the_demo_is_the_recipe_s_to_choose() -> None:
    found = commands("corpus.demo.plots=[pet,noise]", "corpus.demo.voices=2", "corpus.demo.snr=15")
    assert found["corpus"].endswith("--seed 0 --plots pet,noise --voices 2 --snr 15")


def test_pieces_are_fitted_for_the_arm_that_needs_them_alone() -> None:
    assert "fit-pieces" not in commands()
    assert "--set patching.unit_bpe=$OUT/pieces.model" in commands("arms=[unit-bpe]")["train-compute-unit-bpe-0"]


def test_the_second_budget_is_left_out_where_nobody_sets_it() -> None:
    assert "train-data-base-0" in commands("arms=[base,static-4]")
    assert "train-data-base-0" not in commands("arms=[base,static-4]", "data_controlled.arms=[]")


def test_arms_that_need_word_times_are_not_asked_about_recordings_without_texts() -> None:
    found = commands("sets=[{name: words, items: $OUT/words, texts: false}]", "arms=[static-4,aligned]")
    assert "$OUT/sets/words" in found["evaluate-compute-static-4-0"]
    assert "$OUT/sets/words" not in found["evaluate-compute-aligned-0"]


def test_fine_tuning_stops_where_it_is_evaluated() -> None:
    found = commands("asr={arms: [curriculum], steps: 5, every: 2, warmup: 1}")
    of_asr = {name: command for name, command in found.items() if "asr" in name}
    assert list(of_asr) == [
        "tune-asr-curriculum-0-2",
        "evaluate-asr-curriculum-0-2-validation",
        "tune-asr-curriculum-0-4",
        "evaluate-asr-curriculum-0-4-validation",
        "tune-asr-curriculum-0-5",
        "evaluate-asr-curriculum-0-5-validation",
    ]
    assert "--set stop_at=4" in of_asr["tune-asr-curriculum-0-4"]
    assert "stop_at" not in of_asr["tune-asr-curriculum-0-5"]
    assert "--set interleave.strategy=asr" in of_asr["tune-asr-curriculum-0-2"]
    assert "--set patching.strategy=static" in of_asr["tune-asr-curriculum-0-2"]
    assert "--out $OUT/asr/curriculum-0/evaluation/step-4" in of_asr["evaluate-asr-curriculum-0-4-validation"]


def test_a_change_changes_what_depends_on_it() -> None:
    old, new = (fingerprints(list_steps(recipe(*sets))) for sets in ((), ("build.units.clusters=30", "seeds=2")))
    changed = {name for name in old if old[name] != new[name]}
    assert changed == set(old) - {"corpus"}
    more = fingerprints(list_steps(recipe("seeds=2", "arms=[base,static-4,static-9,curriculum]")))
    assert old.items() <= more.items()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("arms=[base,statik-4]", "`arms` must be of base, unit-bpe, static-4"),
        ("arms=[base,base,static-4]", "`arms` must name each arm once, but is base, base, static-4."),
        ("arms=[base]", "`data_controlled.like` must be one of `arms`, but is static-4."),
        ("data_controlled.arms=[unit-bpe]", "`data_controlled.arms` must count raw tokens"),
        ("data_controlled.like=base", "`data_controlled.like` must be an arm of patches, but is base."),
        ("data_controlled.like=unit-bpe", "`data_controlled.like` must be an arm of patches, but is unit-bpe."),
        ("data_controlled.arms=[mixed]", "`data_controlled.arms` must be baselines"),
        ("asr.arms=[aligned]", "`asr.arms` must not need word times of what is being written, but aligned does."),
        ("train.tokens=5000", "`train.tokens` must not be given"),
        ("corpus.demo.voices=0", "`corpus.demo.voices` must be from 1 to 8, but is 0."),
        ("corpus.demo.plots=[pets]", "`corpus.demo.plots` must be of "),
        ("train.patching.patch_size=6", "`train.patching.patch_size` must not be given: the arms decide it."),
        ("evaluate.modes='s-s,s'", "`evaluate.modes` must be of s-s, t-t, s-t, t-s, but names 's'."),
        ("evaluate.interleave='text,text'", "`evaluate.interleave` must name each once, but is text,text."),
        ("evaluate.limit=0", "`evaluate.limit` must be ≥ 1, but is 0."),
        (
            "corpus.places=[{name: PIPELINES}]",
            "`corpus.places.0.name` must be of capitals, digits and _, and none of",
        ),
        ("corpus.demo=null", "`corpus.demo` or commands must be given, and not both."),
        ("train.interleave.seed=1", "`train` must give none of seed, rows.seed, interleave.seed"),
        ("seeds=0", "`seeds` must be ≥ 1, but is 0."),
    ],
)
def test_a_wrong_recipe_is_refused(change: str, said: str) -> None:
    more = ["train.steps=null"] if change.startswith("train.tokens") else []
    with pytest.raises(ConfigError) as refused:
        recipe(change, *more)
    assert any(mistake.startswith(said) for mistake in refused.value.mistakes), refused.value.mistakes


def test_a_baseline_is_forked_where_the_learning_rate_of_its_two_runs_parts() -> None:
    found = commands("train={steps: 10, optimizer: {schedule: constant-then-decay, decay: 0.3, warmup: 1}}")
    trained = [name for name in found if name.startswith("train-") and "base" in name]
    assert trained == ["train-trunk-base-0", "train-data-base-0", "train-compute-base-0"]
    assert found["train-trunk-base-0"] == f"{found['train-compute-base-0']} --set stop_at=7"
    assert "--fork $OUT/runs/compute/base-0 --tokens-of $OUT/runs/compute/static-4-0" in found["train-data-base-0"]
    assert "steps=10" not in found["train-data-base-0"]
