"""`lstdata evaluate --tasks`: the utterances of a split recognised, or their texts spoken, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from upath import UPath

from lstdata.errors import ConfigError
from lstdata.evaluate.speaking.decoding import TOKENS, check_patching
from lstdata.evaluate.speaking.keeping import keep
from lstdata.evaluate.speaking.recognition import TOKENS_AT_LEAST, TOKENS_PER_SECOND, recognise, written
from lstdata.evaluate.speaking.results import Attempt, Heard, error_rates, hear, summary, write_attempts
from lstdata.evaluate.speaking.synthesis import (
    SECONDS_AT_LEAST,
    SECONDS_PER_CHARACTER,
    spoken,
    synthesise,
    tts_sampling,
)
from lstdata.evaluate.speaking.utterances import Units, Utterance, open_speech, read_utterances
from lstdata.evaluate.speaking.wording import NORMALISATION
from lstdata.loader.corpus import RunFolder
from lstdata.model.sampling import Sampling
from lstdata.progress import CountProgress
from lstdata.storage import commit_json, place
from lstdata.train.trained import Trained, open_trained
from lstdata.vocoder import Vocoder, open_vocoder

TASKS: Final = ("asr", "tts")

KEPT: Final = 10
"""Utterances of `tts`, where nothing else is asked for."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """All of `lstdata evaluate --tasks`."""

    run: Path
    data: UPath
    out: Path
    tasks: tuple[str, ...] = TASKS
    split: str = "validation"
    limit: int | None = None
    sampling: Sampling = field(default_factory=tts_sampling)
    """Of synthesis; recognition takes the likeliest token."""
    recogniser: Path | None = None
    """A run that has learnt recognition over the same units: it reads back what was spoken."""
    vocoder: str | None = None
    """It gives what is kept a sound."""
    keep: int = KEPT
    """Utterances, the first ones, of which the units that were spoken are kept."""
    seed: int = 0
    """Of the bootstrap."""
    tokens: int = TOKENS
    """Of a batch."""

    def mistakes(self) -> Iterator[str]:
        unknown = [name for name in self.tasks if name not in TASKS]
        if unknown or not self.tasks:
            yield f"`tasks` must be of {', '.join(TASKS)}, but has {', '.join(map(repr, unknown)) or 'none'}."
        if len(set(self.tasks)) < len(self.tasks):
            yield f"`tasks` must name each task once, but is {', '.join(self.tasks)}."
        yield from self.sampling.mistakes()
        if self.keep < 0:
            yield f"`keep` must be ≥ 0, but is {self.keep}."
        for name in ("recogniser", "vocoder"):
            if getattr(self, name) is not None and "tts" not in self.tasks:
                yield f"`{name}` is for the task tts, but `tasks` is {', '.join(self.tasks)}."


def run_tasks(asked: Asked, *, quiet: bool = False) -> list[dict[str, Any]]:
    """Do each task; `out` gets DATA-SPLIT-TASK.json and .parquet, and of tts a folder with some of what was spoken.

    ConfigError before anything is decoded: for wrong options, a model that cannot do a task, data that are coded
    otherwise than the model's, or that have no transcripts.
    """
    mistakes = list(asked.mistakes())
    if mistakes:
        raise ConfigError(*mistakes)
    folder = open_speech(asked.data)
    trained = _able(asked.run, folder)
    listener = None if asked.recogniser is None else _able(asked.recogniser, folder)
    vocoder = None if asked.vocoder is None else _open_vocoder(asked.vocoder, folder)
    utterances = read_utterances(folder, asked.split, asked.limit)
    results = []
    for task in asked.tasks:
        name = f"{asked.data.name}-{asked.split}-{task}"
        with CountProgress(f"{name}: utterances", quiet=quiet) as progress:
            if task == "asr":
                attempts, figures = _recognise(asked, trained, utterances.chosen, progress)
            else:
                attempts, figures = _speak(asked, trained, listener, utterances.chosen, progress)
        result = {**_head(asked, trained, task), **figures, "left_out": utterances.left_out}
        write_attempts(place(asked.out / f"{name}.parquet"), task, attempts)
        if task == "tts":
            kept = attempts[: asked.keep]
            keep(place(asked.out / name), kept, [spoken(trained, one.made) for one in kept], vocoder)
            result |= {} if vocoder is None else {"vocoder": vocoder.name}
        commit_json(asked.out / f"{name}.json", result)
        results.append(result)
    return results


def _able(run: Path, folder: RunFolder) -> Trained:
    """A model that reads and speaks units such as these."""
    trained = open_trained(run)
    if trained.vocab.is_text:
        raise ConfigError(f"`{run}` is a model of text alone: it neither reads nor speaks units.")
    check_patching(trained, str(run))
    trained.check_data(folder)
    return trained


def _open_vocoder(path: str, folder: RunFolder) -> Vocoder:
    """One that speaks units such as these."""
    vocoder = open_vocoder(path)
    vocoder.check(folder.vocab)
    return vocoder


def _head(asked: Asked, trained: Trained, task: str) -> dict[str, Any]:
    return {
        "run": str(asked.run),
        "step": trained.step,
        "patching": trained.patching.strategy,
        "task": task,
        "data": str(asked.data),
        "split": asked.split,
    }


def _recognise(
    asked: Asked, trained: Trained, utterances: Sequence[Utterance], progress: CountProgress
) -> tuple[list[Attempt], dict[str, Any]]:
    speech = [(one.id, one.units) for one in utterances]
    decoded = recognise(trained, speech, tokens=asked.tokens, progress=progress.update)
    attempts = [
        Attempt(one, made, hear(one, written(trained, made)))
        for one, made in zip(utterances, decoded.made, strict=True)
    ]
    return attempts, {
        **summary(attempts, asked.seed),
        "seconds": decoded.seconds,
        "seconds_of_speech": sum(one.seconds for one in utterances),
        "normalisation": NORMALISATION,
        "decoding": "the likeliest token",
        "most_tokens": f"{TOKENS_AT_LEAST} + {TOKENS_PER_SECOND} per second of speech",
    }


def _speak(
    asked: Asked,
    trained: Trained,
    listener: Trained | None,
    utterances: Sequence[Utterance],
    progress: CountProgress,
) -> tuple[list[Attempt], dict[str, Any]]:
    decoded = synthesise(trained, utterances, asked.sampling, tokens=asked.tokens, progress=progress.update)
    units = [spoken(trained, made) for made in decoded.made]
    generated: list[Heard | None] = [None] * len(utterances)
    recorded: list[Heard | None] = [None] * len(utterances)
    if listener is not None:
        generated = [*_listen(listener, utterances, units, asked.tokens, progress)]
        recorded = [*_listen(listener, utterances, [one.units for one in utterances], asked.tokens, progress)]
    attempts = [Attempt(*of_one) for of_one in zip(utterances, decoded.made, generated, recorded, strict=True)]
    figures = summary(attempts, asked.seed)
    if listener is not None:
        rates = error_rates([one for one in recorded if one is not None], asked.seed)
        figures |= {"recogniser": str(asked.recogniser), "recogniser_step": listener.step}
        figures |= {f"recorded_{name}": rate for name, rate in rates.items()} | {"normalisation": NORMALISATION}
    sampling = asked.sampling
    return attempts, {
        **figures,
        "seconds": decoded.seconds,
        "seconds_of_speech": sum(made.seconds for made in decoded.made),
        "decoding": {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed},
        "most_seconds": f"{SECONDS_AT_LEAST:g} + {SECONDS_PER_CHARACTER:g} per character of text",
    }


def _listen(
    listener: Trained, utterances: Sequence[Utterance], units: Sequence[Units], tokens: int, progress: CountProgress
) -> list[Heard]:
    """What a recogniser understands of units; of none it understands nothing."""
    said = [(one.id, of_one) for one, of_one in zip(utterances, units, strict=True) if len(of_one)]
    decoded = recognise(listener, said, tokens=tokens, progress=progress.update)
    texts = (written(listener, made) for made in decoded.made)
    return [hear(one, next(texts) if len(of_one) else "") for one, of_one in zip(utterances, units, strict=True)]


def table(results: Sequence[dict[str, Any]]) -> str:
    """For people: error rates of each task, then what it took."""
    lines = [f"{'':<44}{'utterances':>11}{'cut off':>9}{'WER':>8}  {'95 % interval':<18}{'CER':>8}"]
    for row in results:
        name = f"{Path(row['data']).name} {row['split']} {row['task']}"
        lines.append(f"{name:<44}{row['utterances']:>11,}{row['cut_off']:>9,}{_rates(row, '')}")
        if "recorded_wer" in row:
            lines.append(f"{'  the recordings, by the same recogniser':<64}{_rates(row, 'recorded_')}")
    for row in results:
        saved = 1 - row["global_steps"] / max(1, row["local_steps"])
        lines.append(
            f"{row['task']}: prompts of {row['prompt_tokens']:,} tokens in {row['prompt_positions']:,} positions; "
            f"{row['global_steps']:,} global steps for {row['local_steps']:,} tokens, {saved:.0%} fewer than the "
            f"baseline · {row['seconds']:.1f} s"
        )
        if row["left_out"]:
            lines.append(f"{row['task']}: {row['left_out']} utterances have no transcript and were left out")
    return "\n".join(lines)


def _rates(row: dict[str, Any], prefix: str) -> str:
    if f"{prefix}wer" not in row:
        return f"{'–':>8}  {'':<18}{'–':>8}"
    wer, cer = row[f"{prefix}wer"], row[f"{prefix}cer"]
    span = f"{wer['low']:.1%} – {wer['high']:.1%}"
    return f"{wer['mean']:>8.1%}  {span:<18}{cer['mean']:>8.1%}"
