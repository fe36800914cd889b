"""Training on several run folders, and by raw tokens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from lstdata.config import InterleaveConfig, load
from lstdata.errors import ConfigError
from lstdata.storage import place
from lstdata.train.checkpoint import steps as checkpoint_steps
from lstdata.train.config import DataConfig, TrainConfig, model_of, resolve
from tests.build.test_text import build_text

pytest.importorskip("fairseq2")

from lstdata.train import train
from lstdata.train.data import open_data

SMALL = ("rows.per_step=4", "rows.positions=64", "rows.tokens=128", "optimizer.warmup=2", "checkpoint_every=2")


@pytest.fixture(scope="module")
def text(built: Path, documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of text with the tokenizer of the run of speech."""
    out = tmp_path_factory.mktemp("text") / "text run"
    build_text(documents, out, f"tokenizer.path={built}")
    return out


def config(*data: tuple[Path, float | None], **changes: Any) -> TrainConfig:
    sources = [{"path": str(path), "share": share} for path, share in data]
    sets = [f"{name}={value}" for name, value in changes.items()]
    return load(TrainConfig, None, [*SMALL, f"data={json.dumps(sources)}", *sets])


def trained(asked: TrainConfig, out: Path, processes: int = 1) -> dict[str, Any]:
    return train(asked, None, place(out), lambda line: None, processes)


def command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_speech_and_text_train_together_and_are_validated_apart(built: Path, text: Path, tmp_path: Path) -> None:
    asked = config((built, 1), (text, 2), steps=4)
    summary = trained(asked, tmp_path / "out")
    assert set(summary["sources"]) == {"out", "text-run"}
    assert set(summary["sources"]["text-run"]["held_out"]) == {"text"}
    assert set(summary["sources"]["out"]["held_out"]) == {"text", "units"}
    for name in summary["sources"]:
        assert len((tmp_path / "out" / "metrics" / "valid" / f"{name}.jsonl").read_text().splitlines()) == 1
    card = json.loads((tmp_path / "out" / "train.json").read_text())
    assert [data["share"] for data in card["data"]] == pytest.approx([1 / 3, 2 / 3])
    assert sum(data["row_share"] for data in card["data"]) == pytest.approx(1)
    assert card["vocab"]["units"] > 0
    last = json.loads((tmp_path / "out" / "metrics" / "train.jsonl").read_text().splitlines()[-1])
    assert last["share_out"] + last["share_text-run"] == pytest.approx(1)


def test_training_by_tokens_ends_with_the_step_that_reaches_them(built: Path, tmp_path: Path) -> None:
    """Also where it was stopped in between; run again, it stays ended."""
    straight, parted = tmp_path / "straight", tmp_path / "parted"
    whole = trained(config((built, None), tokens=1500), straight)
    steps = [json.loads(line)["tokens"] for line in (straight / "metrics" / "train.jsonl").read_text().splitlines()]
    assert sum(steps[:-1]) < 1500 <= sum(steps)
    assert whole["step"] == len(steps)
    trained(config((built, None), tokens=1500, stop_at=2), parted)
    for _ in range(2):
        assert trained(config((built, None), tokens=1500), parted) == whole


def test_rows_that_processes_make_train_the_same(built: Path, text: Path, tmp_path: Path) -> None:
    """Also from where a run without them left off; none is left when training is over."""
    asked = {"steps": 4, "seed": 3}
    whole = trained(config((built, 1), (text, 2), **asked), tmp_path / "own")
    for workers, stop in ((0, 2), (2, 4)):
        changes = {**asked, "rows.workers": workers, "stop_at": stop}
        made = trained(config((built, 1), (text, 2), **changes), tmp_path / "made")
    assert made == whole
    losses = [
        [json.loads(line)["loss"] for line in (tmp_path / name / "metrics" / "train.jsonl").read_text().splitlines()]
        for name in ("own", "made")
    ]
    assert losses[0] == losses[1]
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    assert not children.exists() or not [pid for pid in children.read_text().split() if "feeding" in command(pid)]


@pytest.mark.slow
def test_two_processes_read_two_sources_and_end_by_tokens_as_one_does(built: Path, text: Path, tmp_path: Path) -> None:
    """Each sees half of the rows, so both must agree on the step that is the last."""
    asked = config((built, 1), (text, 2), tokens=2500, dropout=0.0)
    one, two = (trained(asked, tmp_path / str(processes), processes) for processes in (1, 2))
    assert one["step"] == two["step"] > 2
    assert one["sources"].keys() == two["sources"].keys()
    published = [(tmp_path / name / "metrics" / "train.jsonl").read_text().splitlines() for name in ("1", "2")]
    for ours, theirs in zip(*(map(json.loads, lines) for lines in published), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        for name in ("tokens", "share_out", "share_text-run"):
            assert ours[name] == theirs[name]


def test_the_step_that_ends_a_training_by_tokens_is_kept_where_it_was_to_be_kept_anyway(
    built: Path, tmp_path: Path
) -> None:
    trained(config((built, None), tokens=1, checkpoint_every=1, validate_every=1), tmp_path)
    assert checkpoint_steps(tmp_path) == [1]


def test_past_the_expected_steps_of_a_training_by_tokens_the_learning_rate_does_not_rise(built: Path) -> None:
    from fairseq2.optim.lr_schedulers import CosineAnnealingLR

    from lstdata.train.recipe import recipe_config

    chosen = resolve(config((built, None), steps=20))
    sections = recipe_config(chosen, model_of(chosen, 100))
    schedule, lr = sections.lr_scheduler.config, sections.optimizer.config.lr
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = CosineAnnealingLR(
        optimizer,
        schedule.cycle_len,
        schedule.num_warmup_steps,
        lr_mul=schedule.lr_mul,
        start_lr=schedule.start_lr,
        final_lr=lr * schedule.final_lr_scale,
    )
    rates = []
    for _ in range(30):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert rates[2] == lr == max(rates)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[20] == pytest.approx(lr * 0.01)


def test_without_shares_all_sources_take_as_many_epochs(built: Path, text: Path) -> None:
    data = open_data(resolve(config((built, None), (text, None), steps=10)))
    tokens = [len(source.train) * source.expected.document for source in data.sources]
    assert [source.share for source in data.sources] == pytest.approx([n / sum(tokens) for n in tokens])


def test_the_steps_of_a_training_by_tokens_are_those_expected(built: Path) -> None:
    data = open_data(resolve(config((built, None), tokens=10_000)))
    per_step = 4 * data.sources[0].expected.row
    assert (data.steps - 1) * per_step < 10_000 <= data.steps * per_step


def test_a_source_may_have_its_own_interleaving(built: Path, text: Path) -> None:
    spoken = DataConfig(path=str(built), interleave=InterleaveConfig(strategy="speech"))
    data = open_data(resolve(TrainConfig(data=(spoken, DataConfig(path=str(text))))))
    document = data.sources[0].train.document(0, 0)
    assert not (document.tokens == data.vocab.text_marker).any()


def test_text_by_another_tokenizer_is_refused_by_name(built: Path, text_run: Path) -> None:
    with pytest.raises(ConfigError, match=rf"`{text_run}` is not that of `{built}`") as error:
        open_data(resolve(config((built, 1), (text_run, 2))))
    assert any("tokenizer_sha256" in mistake for mistake in error.value.mistakes)


def test_the_mistakes_of_all_sources_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        open_data(resolve(config((tmp_path / "a", None), (tmp_path / "b", None))))
    assert len(error.value.mistakes) == 2


def named(error: ConfigError) -> list[str]:
    return [mistake.split("`")[1] for mistake in error.mistakes]


def test_what_data_may_not_be_is_said() -> None:
    unpatched = {"path": "b", "patching": {"strategy": "none"}}
    sources: list[dict[str, Any]] = [{"path": "a", "share": -1}, {"path": "a"}, unpatched]
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, [f"data={json.dumps(sources)}", "rows.per_batch=0"])
    assert named(error.value) == ["data.0.share", "rows.per_batch"]
    sources[0]["share"] = 1
    with pytest.raises(ConfigError) as error:
        load(TrainConfig, None, [f"data={json.dumps(sources)}", "steps=3", "tokens=3"])
    assert named(error.value) == ["tokens", "data.share", "data", "data.2.patching.strategy"]
    with pytest.raises(ConfigError, match=r"`data\.0\.path` must name a run folder"):
        load(TrainConfig, None, ["data=[{}]"])
    with pytest.raises(ConfigError, match=r"`data\.0` must be a section of keys, but is 'a'"):
        load(TrainConfig, None, ["data=[a]"])
