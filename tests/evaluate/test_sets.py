from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from upath import UPath

from lstdata.config import PatchingConfig
from lstdata.errors import ConfigError
from lstdata.evaluate.endings import Coding
from lstdata.evaluate.judging import judge
from lstdata.evaluate.layouts.reading import Reading
from lstdata.evaluate.layouts.registry import read_layout
from lstdata.evaluate.sets import BuiltSet, EvaluationSet, build_set
from lstdata.loader.corpus import open_run
from lstdata.model.lst import build_model
from lstdata.model.presets import model_config
from lstdata.progress import BuildProgress
from lstdata.run_options import RunConfig
from tests.conftest import WORDS, write_cuts


def part(number: int, **more: str) -> dict[str, str]:
    return {"recording": f"utt-{number:03d}", "text": " ".join(WORDS[: number + 2]), **more}


def write_items(folder: Path, *rows: dict[str, Any]) -> Reading:
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_layout(UPath(path))


def item(id: str, prompt: dict[str, str] | None, *endings: dict[str, str], answer: int = 0) -> dict[str, Any]:
    return {"id": id, "pair": "p", "prompt": prompt, "endings": list(endings), "answer": answer}


def test_a_set_is_built_like_a_run_and_judged_in_every_mode_that_it_has_parts_for(built: Path, tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "items", 4, first=500)
    (corpus / "audio" / "utt-502.flac").write_bytes(b"")
    rows = (
        item("a", part(500), part(501), part(503)),
        item("b", part(500), part(501), part(502), answer=1),
        item("c", {"text": "the old miller"}, {"text": "saw"}, {"text": "went"}),
        item("d", None, part(501), part(503)),
    )
    out = UPath(tmp_path / "eval")
    made = build_set(write_items(corpus, *rows), out, UPath(built), BuildProgress(quiet=True), run=RunConfig(workers=1))
    assert made == BuiltSet(items=4, recordings=3, rejected=1, incomplete=1)
    theirs, ours = open_run(UPath(built)), open_run(out / "run")
    ours.vocab.check_same(theirs.vocab)
    again = read_layout(UPath(corpus / "items.jsonl"))
    assert build_set(again, out, UPath(built), BuildProgress(quiet=True), run=RunConfig(workers=1)) == made

    chosen = EvaluationSet(out)
    torch.manual_seed(0)
    model = build_model(model_config("tiny", ours.vocab.size))
    judged = judge(model, Coding(ours.vocab, ours.tokenizer, PatchingConfig()), chosen)
    assert {j.answered.mode: ([i.id for i in j.answered.items], j.left_out) for j in judged} == {
        "s-s": (["a", "d"], 2),
        "t-t": (["a", "b", "c", "d"], 0),
        "s-t": (["a", "b"], 2),
        "t-s": (["a"], 3),
    }
    by_mode = {j.answered.mode: j.answered for j in judged}
    assert by_mode["s-s"].control is not None
    assert np.isfinite(by_mode["s-s"].scores.nll).all()
    assert by_mode["s-s"].scores.nll[2:].tolist() == pytest.approx(by_mode["s-s"].control.nll[2:].tolist(), rel=1e-5)
    assert judge(model, Coding(ours.vocab, ours.tokenizer, PatchingConfig()), chosen, ["t-t"], limit=1)[0].left_out == 0
    with pytest.raises(ConfigError, match="`modes` must be of s-s, t-t, s-t, t-s, but has 's-x'"):
        judge(model, Coding(ours.vocab, ours.tokenizer, PatchingConfig()), chosen, ["s-x"])

    written = Coding(replace(ours.vocab, units=0, codebook_sha256=""), ours.tokenizer, PatchingConfig())
    of_text = build_model(model_config("tiny", written.vocab.size))
    assert [j.answered.mode for j in judge(of_text, written, chosen)] == ["t-t"]
    with pytest.raises(ConfigError, match=r"A model of text alone .* t-t, but is in s-t, s-s\."):
        judge(of_text, written, chosen, ["s-t", "s-s"])


def test_recordings_without_manifests_come_from_the_items_themselves(built: Path, tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "items", 2, first=600)
    (corpus / "cuts.jsonl").unlink()
    spoken = [{"audio": f"audio/utt-{n}.flac", "text": "the miller"} for n in (600, 601)]
    path = write_items(corpus, item("a", None, *spoken))
    out = UPath(tmp_path / "eval")
    assert build_set(path, out, UPath(built), BuildProgress(quiet=True), run=RunConfig(workers=1)).recordings == 2
    assert [p.recording for p in EvaluationSet(out).items[0].endings] == ["audio/utt-600", "audio/utt-601"]
    with pytest.raises(ConfigError, match="`like` must be a finished run folder of speech"):
        build_set(path, UPath(tmp_path / "none"), UPath(tmp_path), BuildProgress(quiet=True), run=RunConfig())
    assert not (tmp_path / "none").exists()
    silent = write_items(corpus, item("a", None, part(600), part(601)))
    with pytest.raises(ConfigError, match="the items name 2 recordings without `audio`, such as 'utt-600'"):
        build_set(silent, UPath(tmp_path / "other"), UPath(built), BuildProgress(quiet=True), run=RunConfig(workers=1))


def test_a_set_of_text_needs_no_run_and_a_folder_of_something_else_is_no_set(built: Path, tmp_path: Path) -> None:
    path = write_items(tmp_path, item("a", None, {"text": "yes"}, {"text": "no"}))
    out = UPath(tmp_path / "eval")
    assert build_set(path, out, UPath(built), BuildProgress(quiet=True), run=RunConfig()) == BuiltSet(1, 0, 0, 0)
    assert EvaluationSet(out).recordings is None
    with pytest.raises(ConfigError, match="must be an evaluation set"):
        EvaluationSet(UPath(built))
