"""The steps from a corpus to shards, pieces of units and evaluation sets."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final, Literal

from lstdata.reproduce.arms import ARMS
from lstdata.reproduce.options import sets
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step, set_words, step

VOCODER: Final = "$OUT/vocoder.npz"


def data_steps(recipe: Recipe) -> Iterator[Step]:
    if recipe.corpus.demo is None:
        yield from _own_steps(recipe)
    else:
        yield from _demo_steps(recipe)
    shards = last_of(recipe, "speech")
    if "unit-bpe" in recipe.arms:
        argv = ["fit-units-bpe", "$OUT/speech", "$OUT/pieces.model", "--pieces", str(recipe.pieces), "--force"]
        yield step("fit-pieces", "fit pieces of units", argv, "$OUT/pieces.model", "fit", shards)
    if recipe.tts.arms and recipe.tts.vocoder == VOCODER:
        argv = ["fit-vocoder", "$OUT/speech", VOCODER, "--force"]
        yield step("fit-vocoder", "fit a vocoder", argv, VOCODER, "fit", shards)
    for asked in recipe.sets:
        argv = ["build-eval", asked.items, f"$OUT/sets/{asked.name}", "--like", "$OUT/speech"]
        argv += [] if asked.layout == "auto" else ["--layout", asked.layout]
        argv += [] if asked.audio is None else ["--audio", asked.audio]
        made = f"$OUT/sets/{asked.name}/run/run.json"
        yield step(f"build-set-{asked.name}", f"build the set {asked.name}", argv, made, "set", shards)


def _demo_steps(recipe: Recipe) -> Iterator[Step]:
    demo = recipe.corpus.demo
    assert demo is not None
    argv = ["demo-corpus", "$OUT/corpus", "--utterances", str(demo.utterances), "--items", str(demo.items)]
    argv += ["--topic-items", str(demo.topic_items)] if demo.topic_items else []
    argv += ["--text-stories", str(demo.text_stories), "--seed", str(demo.seed)]
    argv += ["--plots", ",".join(demo.plots)] if demo.plots else []
    argv += ["--voices", str(demo.voices)] if demo.voices is not None else []
    argv += ["--snr", f"{demo.snr:g}"] if demo.snr is not None else []
    yield step("corpus", "synthesise the corpus", argv, "$OUT/corpus/corpus.json", "corpus")
    argv = ["build-shards", "$OUT/corpus", "$OUT/speech", *set_words(sets(recipe.build))]
    yield step("build-speech", "build the shards of speech", argv, "$OUT/speech/report.html", "build", ["corpus"])
    argv = ["build-shards", "$OUT/corpus/text/stories.jsonl", "$OUT/text", "--kind", "text"]
    argv += set_words(["tokenizer.path=$OUT/speech"])
    needs = ["corpus", "build-speech"]
    yield step("build-text", "build the shards of text", argv, "$OUT/text/report.html", "text", needs)


def _own_steps(recipe: Recipe) -> Iterator[Step]:
    before: list[str] = []
    for command in recipe.corpus.commands:
        argv = shlex.split(command.run)
        needs = before[-1:] if command.after is None else command.after
        yield step(command.name, command.name.replace("-", " "), argv, command.makes, "own", needs)
        before.append(command.name)


def last_of(recipe: Recipe, what: Literal["speech", "text"]) -> list[str]:
    """The name of the step after which the shards are there."""
    own = [command.name for command in recipe.corpus.commands if command.makes == f"$OUT/{what}"]
    return own or [f"build-{what}"]


def shards_of(recipe: Recipe, arm: str) -> list[str]:
    needed = [*last_of(recipe, "speech"), *last_of(recipe, "text"), *(["fit-pieces"] if ARMS[arm].pieces else [])]
    return list(dict.fromkeys(needed))
