"""A folder of `lstdata reproduce` whose every figure is known, and less of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from lstdata.config import to_dict
from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.results import Answered, write_scores
from lstdata.evaluate.scoring import Scores
from lstdata.model.config import ModelConfig
from lstdata.storage import commit_json, place

STRATEGIES = {"base": "none", "unit-bpe": "unit-bpe", "static-4": "static", "static-6": "static", "static-9": "static"}
LAST = 8
"""Steps of every training."""

TOKENS, POSITIONS = {"base": 100, "unit-bpe": 100}, 100
"""Per step; an arm of patches has 160 raw tokens."""


def write_recipe(
    out: Path, arms: Sequence[str] = ("base", "static-4"), seeds: Sequence[int] = (0,), **config: Any
) -> None:
    commit_json(
        out / "recipe.json",
        {
            "format": 1,
            "size": "tiny",
            "about": "Two arms.\n",
            "arms": list(arms),
            "seeds": list(seeds),
            "config": {"data_controlled": {"arms": ["base"], "like": "static-4"}, **config},
            "steps": [{"name": "train", "argv": ["train", "--out", "$OUT/runs/compute/base-0"]}],
        },
    )


def write_run(
    out: Path, arm: str, seed: int = 0, *, budget: str = "compute", steps: int = LAST, last: int = LAST
) -> Path:
    """A training of `steps` steps of which `last` were taken: 100 positions, 2 s and 1 GFLOP each."""
    run = out / "runs" / budget / f"{arm}-{seed}"
    strategy = STRATEGIES.get(arm, arm)
    pieces = strategy == "unit-bpe"
    model = ModelConfig(
        vocabulary=100, architecture="plain" if strategy in ("none", "unit-bpe") else "lst",
        global_width=16, global_layers=1, global_heads=2, local_width=8, local_heads=2,
        encoder_layers=1, decoder_layers=1,
    )  # fmt: skip
    commit_json(
        run / "train.json",
        {
            "format": 2,
            "config": {"steps": steps, "tokens": None, "patching": {"strategy": strategy}},
            "model": to_dict(model),
            "vocab": {"pieces_sha256": "abc" if pieces else None},
        },
    )
    lines, tokens = [], TOKENS.get(arm, 160) if budget == "compute" else 160
    for step in range(1, last + 1):
        totals = {"total_positions": (tokens if budget == "data" else POSITIONS) * step, "total_tokens": tokens * step}
        loss = 6 - 0.1 * step - 0.01 * seed
        losses = {"loss": loss, "loss_units": loss - 1, "loss_text": loss + 1}
        lines.append({"Step": step, "seconds": 2.0, "total_flops": 1e9 * step, **totals, **losses})
    write_lines(run / "metrics" / "train.jsonl", lines)
    held_out = [{"Step": step, "loss_units": 5 - 0.1 * step, "loss_text": 7.0} for step in (4, 8) if step <= last]
    write_lines(run / "metrics" / "valid" / "speech.jsonl", held_out)
    write_lines(run / "metrics" / "valid" / "speech" / "lst.jsonl", held_out)
    text = [{"Step": line["Step"], "loss_text": 6 - 0.1 * line["Step"]} for line in held_out]
    write_lines(run / "metrics" / "valid" / "text.jsonl", text)
    return run


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def answer(
    run: Path,
    right: Mapping[str, Sequence[bool]],
    *,
    name: str = "completion",
    step: int = LAST,
    given_boundaries: bool = False,
    control: bool = True,
) -> None:
    """Write by mode which items were answered rightly; items 2 i and 2 i + 1 are a pair, without prompts all tie."""
    answered, results = [], []
    for mode, credits in right.items():
        items = [Item(f"i-{n}", f"p-{n // 2}", Part("a"), (Part("b"), Part("c")), n % 2) for n in range(len(credits))]
        nll = np.array(
            [
                [1.0, 2.0] if (item.answer == 0) == good else [2.0, 1.0]
                for item, good in zip(items, credits, strict=True)
            ]
        )
        tokens = np.full(nll.size, 2)
        alone = Scores(np.ones(nll.size), tokens) if control else None
        answered.append(Answered(name, mode, items, Scores(nll.ravel(), tokens), alone))
        results.append({"mode": mode, "per_token": {}, "raw": {}})
    folder = run / "evaluation"
    write_scores(place(folder / f"{name}.parquet"), answered, given_boundaries=given_boundaries)
    commit_json(folder / f"{name}.json", {"step": step, "given_boundaries": given_boundaries, "results": results})


def read_held_out(run: Path, bits: float, text: float, *, step: int = LAST) -> None:
    results = [
        {"data": "/somewhere/speech", "interleave": "speech", "perplexity_units": 90.0, "bits_per_second": bits},
        {"data": "/somewhere/speech", "interleave": "text", "perplexity_text": text},
        {"data": "/somewhere/speech", "interleave": "lst", "perplexity_text": text + 10, "bits_per_second": bits + 10},
    ]
    commit_json(run / "evaluation" / "speech-validation.json", {"step": step, "results": results})


def recognised(out: Path, arm: str, seed: int, step: int, wer: float, **more: Any) -> None:
    folder = out / "asr" / f"{arm}-{seed}" / "evaluation" / f"step-{step}"
    row = {**_spoken("asr", step, wer), **more}
    commit_json(folder / f"speech-{row['split']}-asr.json", row)


def synthesised(out: Path, arm: str, seed: int, step: int, texts: Sequence[str], **more: Any) -> None:
    """With `texts` as sentences to be heard: a second of a tone each, of which a recogniser makes them in capitals."""
    folder = out / "tts" / f"{arm}-{seed}" / "evaluation" / f"step-{step}"
    row = {
        **_spoken("tts", step, 0.5),
        "vocoder": "resynthesis by centroids",
        "recogniser": f"{out}/asr/base-0",
        **more,
    }
    commit_json(folder / "speech-validation-tts.json", row)
    sound = folder / "speech-validation-tts"
    sound.mkdir(parents=True, exist_ok=True)
    sentences = []
    for number, text in enumerate(texts):
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
        soundfile.write(sound / f"u-{number}.wav", tone, 16_000)
        sentences.append(
            {"id": f"u-{number}", "text": text, "recognised": text.upper(), "seconds": 1.0, "wav": f"u-{number}.wav"}
        )
    commit_json(sound / "spoken.json", sentences)


def _spoken(task: str, step: int, wer: float) -> dict[str, Any]:
    rates = {
        "wer": {"mean": wer, "low": wer - 0.1, "high": wer + 0.1},
        "cer": {"mean": wer / 2, "low": 0.1, "high": 0.9},
    }
    return {
        "task": task, "step": step, "data": "/somewhere/speech", "split": "validation", "utterances": 6, "cut_off": 1,
        "tokens": 120, "global_steps": 40, "local_steps": 160, "seconds": 3.0, "prompt_tokens": 300,
        "prompt_positions": 90, "seconds_of_speech": 12.0, **rates,
    }  # fmt: skip
