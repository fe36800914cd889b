"""Validation by task: the held-out samples once more, each drawn as the task has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.loader.corpus import RunFolder, SplitCorpus
from lstdata.patching import evaluated

SPLIT: Final = "validation"

WRITTEN: Final = ("text", "asr", "tts")
"""Tasks for which every sample must have a transcript; but for `speech` the others must have word times somewhere."""


def task_corpora(
    run: RunFolder,
    tasks: Sequence[str],
    interleave: InterleaveConfig,
    patching: PatchingConfig,
    *,
    split: str = SPLIT,
    option: str = "validate_tasks",
) -> dict[str, SplitCorpus]:
    """A split under each task; ConfigError, which names the option, for those that its samples do not allow."""
    if run.vocab.is_text or not tasks:
        return {}
    corpora = {
        task: SplitCorpus(run, split, replace(interleave, strategy=task), evaluated(patching))  # type: ignore[arg-type]
        for task in tasks
    }
    mistakes = list(_impossible(run, corpora, split, option))
    if mistakes:
        raise ConfigError(*mistakes)
    return corpora


def _impossible(run: RunFolder, corpora: dict[str, SplitCorpus], split: str, option: str) -> Iterator[str]:
    from lstdata.index import INDEX_SCHEMA, read_table

    table = read_table(run.root / "index.parquet", INDEX_SCHEMA, ("split", "words"))
    words = table["words"].to_numpy(zero_copy_only=False)[np.array(table["split"].to_pylist()) == split]
    without = np.flatnonzero(~(words > 0)).tolist()
    corpus = next(iter(corpora.values()))
    silent = next((sample.id for sample in map(corpus.sample, without) if not sample.text), None)
    for task in corpora:
        if task in WRITTEN and silent is not None:
            yield f"`{option}` {task} needs transcripts, but sample `{silent}` of `{run.root}` has none."
        if task not in (*WRITTEN, "speech") and len(without) == len(words):
            yield f"`{option}` {task} needs word times, but no {split} sample of `{run.root}` has them."
