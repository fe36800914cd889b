from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lstdata.model.batch import IGNORED
from lstdata.model.flops import Work, training_flops
from lstdata.model.presets import model_config
from lstdata.train.peaks import bfloat16_peak
from lstdata.vocab import VocabCard

pytest.importorskip("fairseq2")

from lstdata.model.batch import collate
from lstdata.packing import join
from lstdata.train.figures import batch_sums, summarize
from lstdata.train.metrics import Pace, TimedReader, Totals
from lstdata.train.reader import ValidationReader

VOCAB = VocabCard(
    text_size=10, tokenizer_sha256="", tokenizer_bos=0, tokenizer_eos=1, units=5, codebook_sha256="", hop=640
)
MODEL = model_config("tiny", VOCAB.size)


def summarized(targets: list[int], nll: list[float], vocab: VocabCard = VOCAB) -> dict[str, object]:
    batch = collate([join([])])
    batch.targets = torch.tensor(targets)
    batch.num_targets, batch.num_tokens, batch.num_positions = sum(t != IGNORED for t in targets), len(targets), 2
    values = dict(batch_sums(MODEL, vocab, batch, torch.tensor(nll)))
    summarize(values, vocab)
    return values


def test_losses_are_means_over_each_modality_and_markers_are_in_neither() -> None:
    """Text is 2…9 here, 0 BOS, 1 EOS, 14 `<t>`, 15 `<s>`, units from 16 on."""
    values = summarized([14, 2, 9, 15, 16, 20, 1, IGNORED], [8.0, 1.0, 3.0, 8.0, 2.0, 6.0, 0.0, 0.0])
    assert values["loss"] == 28 / 7
    assert values["loss_text"] == 2.0
    assert values["loss_units"] == 4.0
    assert values["bits_per_second"] == pytest.approx(4.0 / 0.6931471805599453 * 25)
    assert (values["targets_text"], values["targets_units"], values["tokens"], values["positions"]) == (2, 2, 8, 2)
    assert values["saved_positions"] == 1 - 2 / 8


def test_what_cannot_be_said_is_left_out() -> None:
    assert not {"loss_units", "bits_per_second"} & summarized([2, 3], [1.0, 1.0]).keys()
    pieces = VOCAB.with_pieces(5, "of the pieces")
    values = summarized([16, 3], [1.0, 1.0], pieces)
    assert "loss_units" in values and not {"saved_positions", "bits_per_second"} & values.keys()


def test_totals_go_on_from_the_last_step_that_is_published(tmp_path: Path) -> None:
    assert Totals.read(tmp_path) == Totals()
    (tmp_path / "metrics").mkdir()
    lines = [{"Step": 1, "total_tokens": 5}, {"Step": 2, "total_tokens": 9, "total_positions": 4, "total_flops": 2.5}]
    (tmp_path / "metrics" / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    totals = Totals.read(tmp_path)
    assert totals == Totals(9, 4, 2.5)
    totals.add(Work(tokens=1, positions=1, global_pairs=1), 1.5)
    assert totals == Totals(10, 5, 4.0)


def test_a_share_of_the_peak_is_said_where_there_is_one() -> None:
    work = Work(tokens=8, positions=2, global_pairs=3)
    reader = TimedReader(ValidationReader.__new__(ValidationReader))
    figures = Pace(MODEL, reader, Totals(), peak=1e12).figures(work)
    assert figures["flops"] == figures["total_flops"] == training_flops(MODEL, work)
    assert figures["mfu"] == figures["flops"] / figures["seconds"] / 1e12  # type: ignore[operator]
    assert "mfu" not in Pace(MODEL, reader, Totals()).figures(work)


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H200", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A10G", None),
        ("NVIDIA L40", None),
        ("NVIDIA L40S", 362),
    ],
)
def test_peaks_are_those_of_the_device_and_of_no_other(name: str, tera: float | None) -> None:
    assert bfloat16_peak(name) == (None if tera is None else tera * 1e12)
