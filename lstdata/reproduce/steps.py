"""The steps of a recipe: commands of lstdata in the order in which they are run."""

from __future__ import annotations

import dataclasses

from lstdata.reproduce.data_steps import data_steps
from lstdata.reproduce.model_steps import model_steps
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step
from lstdata.reproduce.tuning_steps import tuning_steps


def list_steps(recipe: Recipe) -> list[Step]:
    """In an order in which each comes after what it needs: a seed whole before the next one begins."""
    recipe = _chosen(recipe)
    data = list(data_steps(recipe))
    models = [step for seed in range(recipe.seeds) for step in model_steps(recipe, seed)]
    return [*data, *models, *tuning_steps(recipe, "asr", recipe.asr), *tuning_steps(recipe, "tts", recipe.tts)]


def _chosen(recipe: Recipe) -> Recipe:
    """Fine-tuning and the second budget of the arms that there are."""
    data = recipe.data_controlled
    kept = [arm for arm in data.arms if arm in recipe.arms and data.like in recipe.arms]
    asr = dataclasses.replace(recipe.asr, arms=tuple(arm for arm in recipe.asr.arms if arm in recipe.arms))
    tts = dataclasses.replace(
        recipe.tts,
        arms=tuple(arm for arm in recipe.tts.arms if arm in recipe.arms),
        recogniser=recipe.tts.recogniser if recipe.tts.recogniser in asr.arms else None,
    )
    data = dataclasses.replace(data, arms=tuple(kept))
    return dataclasses.replace(recipe, data_controlled=data, asr=asr, tts=tts)
