"""From a folder of recordings to a row file, and on to shards."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import soundfile
from click.testing import CliRunner

from lstdata.cli.transcribing import transcribe_command
from lstdata.config import load
from lstdata.errors import ConfigError, IncompleteBuild, LstDataError, Unavailable
from lstdata.storage import commit_json, read_json
from lstdata.transcribe import Asked, Totals, TranscribeConfig, transcribe
from lstdata.transcribe.batches import Batch, Heard, MakeTranscriber
from tests.conftest import build
from tests.transcribe.tones import RATE, tone, write_tones

ANEW = "Give a new folder, or --rebuild to discard what is there."


@dataclass
class Watch:
    """A listener that keeps the journal as it was after so many records."""

    out: Path
    keep: int = 0
    journal: bytes = b""
    notes: list[str] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    def note(self, line: str) -> None:
        self.notes.append(line)

    def update(self, done: int, total: int) -> None:
        self.done.append(done)
        if done == self.keep:
            self.journal = (self.out / "journal.jsonl").read_bytes()


def asked(source: Path, out: Path, model: Path, *sets: str) -> Asked:
    options = [f"model={json.dumps(str(model))}", "device=cpu", "run.workers=1", *sets]
    return Asked(str(source), out, load(TranscribeConfig, None, options))


@dataclass
class Done:
    source: Path
    out: Path
    totals: Totals
    watch: Watch


@pytest.fixture(scope="module")
def done(tone_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One worker, undisturbed; leave it as it is."""
    folder = tmp_path_factory.mktemp("transcribed")
    (folder / "corpus").mkdir()
    source, out = write_tones(folder / "corpus"), folder / "out"
    watch = Watch(out, keep=3)
    return Done(source, out, transcribe(asked(source, out, tone_model), watch), watch)


def rows(out: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(out / "transcripts.parquet").to_pylist()
    return found


def test_every_record_of_the_source_is_a_row_in_its_order(done: Done) -> None:
    assert [(row["id"], row["text"], row["reason"]) for row in rows(done.out)] == [
        ("r0", "AB A B", None),
        ("r1", "B AB A B", None),
        ("r2", "ABAB A", None),
        ("r7-silent", None, "nothing_recognised"),
        ("r8-long", " ".join(["AB"] * 20), None),
        ("r9-broken", None, "undecodable"),
    ]
    totals = done.totals
    assert (totals.records, totals.transcribed, totals.kept, totals.rejected, totals.words) == (6, 4, 0, 2, 29)


def interrupted(done: Done, out: Path) -> Watch:
    """A folder as a power cut leaves it: three batches done, the fourth half written."""
    out.mkdir()
    (out / ".lock").touch()
    commit_json(out / "transcribe.json", read_json(done.out / "transcribe.json") | {"totals": None})
    (out / "journal.jsonl").write_bytes(done.watch.journal + b'{"key": "3", "value": {"rows": [{"finger')
    return Watch(out)


def assert_same(out: Path, done: Done) -> None:
    for name in ("transcripts.parquet", "transcribe.json"):
        assert (out / name).read_bytes() == (done.out / name).read_bytes()
    assert sorted(p.name for p in out.iterdir()) == [".lock", "transcribe.json", "transcripts.parquet"]


def in_process(*faults: int) -> Callable[..., Iterator[tuple[Batch, Heard | LstDataError]]]:
    """A runner without workers, which does the last batch first and fails at some."""

    def run(make: MakeTranscriber, tasks: Iterable[Batch], *_: object, **__: object) -> Iterator[Any]:
        work = make()
        for batch in reversed(list(tasks)):
            yield batch, Unavailable("the mount is gone") if batch.number in faults else work(batch)

    return run


def test_any_order_after_an_interruption_gives_the_same_bytes(
    done: Done, tone_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process())
    watch = interrupted(done, done.out.parent / "any-order")
    assert transcribe(asked(done.source, watch.out, tone_model), watch) == done.totals
    assert watch.done == [4, 5, 6]
    assert_same(watch.out, done)


@pytest.mark.slow
def test_two_workers_give_the_same_bytes(done: Done, tone_model: Path) -> None:
    watch = interrupted(done, done.out.parent / "two-workers")
    assert transcribe(asked(done.source, watch.out, tone_model, "run.workers=2"), watch) == done.totals
    assert_same(watch.out, done)


def test_what_the_world_kept_from_being_done_is_done_next_time(
    done: Done, tone_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = done.out.parent / "faulty"
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process(1, 4))
    with pytest.raises(IncompleteBuild, match=r"2 of 6 batches stay pending; run again to resume\. the mount is gone"):
        transcribe(asked(done.source, out, tone_model), Watch(out))
    assert not (out / "transcripts.parquet").exists()
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process())
    watch = Watch(out)
    assert transcribe(asked(done.source, out, tone_model), watch) == done.totals
    assert watch.done == [5, 6]
    assert_same(out, done)


def test_where_nothing_goes_the_run_gives_up(done: Done, tone_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = done.out.parent / "hopeless"
    monkeypatch.setattr("lstdata.workers.faults.MOST_FAULTS", 2)
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process(4, 3, 1))
    with pytest.raises(IncompleteBuild, match="5 of 6 batches"):
        transcribe(asked(done.source, out, tone_model), Watch(out))


def test_run_again_it_says_that_it_is_complete(done: Done, tone_model: Path) -> None:
    watch = Watch(done.out)
    assert transcribe(asked(done.source, done.out, tone_model), watch) == done.totals
    assert watch.notes == [f"`{done.out}` is complete; nothing was done"] and not watch.done


@pytest.mark.parametrize(("option", "named"), [("batch=2", "`batch` 1 → 2"), ("language=de", '`language` null → "de"')])
def test_other_options_are_refused_by_name(done: Done, tone_model: Path, option: str, named: str) -> None:
    with pytest.raises(ConfigError) as raised:
        transcribe(asked(done.source, done.out, tone_model, option), Watch(done.out))
    assert str(raised.value) == f"`{done.out}` was begun with other options: {named}. {ANEW}"


def test_another_model_is_refused(done: Done, tone_model: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(tone_model, tmp_path / tone_model.name))
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    with pytest.raises(ConfigError, match=r"was begun with other options: `model\.sha256`"):
        transcribe(asked(done.source, done.out, other), Watch(done.out))


def test_another_source_is_refused(done: Done, tone_model: Path, tmp_path: Path) -> None:
    corpus = Path(shutil.copytree(done.source, tmp_path / "corpus"))
    soundfile.write(corpus / "new.wav", tone(".A.", 3200), RATE)
    with pytest.raises(ConfigError, match="is not, or no longer, what"):
        transcribe(asked(corpus, done.out, tone_model), Watch(done.out))


@pytest.mark.parametrize("name", ["r0.wav", "r8-long.wav", "r9-broken.wav"])
def test_a_source_that_changes_meanwhile_leaves_no_transcripts(
    done: Done, tone_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    corpus, out = Path(shutil.copytree(done.source, tmp_path / "corpus")), tmp_path / "out"
    every = in_process()

    def run(*given: Any, **named: Any) -> Iterator[Any]:
        yield from every(*given, **named)
        (corpus / name).unlink()

    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", run)
    with pytest.raises(Unavailable, match="the source changed while it was transcribed"):
        transcribe(asked(corpus, out, tone_model), Watch(out))
    assert not (out / "transcripts.parquet").exists()


def test_what_was_heard_in_another_record_is_not_taken_for_this_one(
    done: Done, tone_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process())
    watch = interrupted(done, done.out.parent / "other-record")
    journal = watch.out / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"fingerprint": "', b'"fingerprint": "f', 1))
    with pytest.raises(Unavailable, match="the source changed"):
        transcribe(asked(done.source, watch.out, tone_model), watch)


@pytest.mark.parametrize("names", [["thesis.txt"], [".lock", "thesis.txt"]])
def test_a_folder_of_somebody_else_is_not_touched(
    done: Done, tone_model: Path, tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=r"holds `thesis\.txt`"):
        transcribe(asked(done.source, tmp_path, tone_model), Watch(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_transcripts_are_a_source_of_shards_with_words_and_score(done: Done, tmp_path: Path) -> None:
    out = tmp_path / "run"
    totals = build(done.out, out, "words.aligner=manifest", "plan.validation=0")
    assert (totals.planned, totals.written, totals.reasons) == (6, 4, {"nothing_recognised": 1, "undecodable": 1})
    index = {row["id"]: row for row in pq.read_table(out / "index.parquet").to_pylist()}
    scores = {row["id"]: row["score"] for row in rows(done.out)}
    for name in ("r0", "r8-long"):
        assert index[name]["align_score"] == pytest.approx(scores[name])
    assert (index["r0"]["words"], index["r8-long"]["words"]) == (3, 20)


def test_a_dry_run_writes_nothing(done: Done, tone_model: Path, tmp_path: Path) -> None:
    options = ["--model", str(tone_model), "--device", "cpu", "--dry-run"]
    ran = CliRunner().invoke(transcribe_command, [str(done.source), str(tmp_path / "out"), *options])
    assert ran.exit_code == 0 and "would transcribe 6 of 6 records (0.007 h)" in ran.output
    assert not (tmp_path / "out").exists()


def test_without_a_model_nothing_is_guessed(done: Done, tmp_path: Path) -> None:
    ran = CliRunner().invoke(transcribe_command, [str(done.source), str(tmp_path / "out")])
    assert isinstance(ran.exception, ConfigError)
    assert str(ran.exception) == "`model` must be a folder or a name on the hub: give `--model`."


def damaged(model: Path, folder: Path, name: str) -> Path:
    """The model with half a file."""
    copy = Path(shutil.copytree(model, folder / "damaged"))
    (copy / name).write_bytes((copy / name).read_bytes()[: (copy / name).stat().st_size // 2])
    return copy


@pytest.mark.parametrize(
    ("name", "part"),
    [("model.safetensors", "weights"), ("vocab.json", "tokenizer"), ("preprocessor_config.json", "feature extractor")],
)
def test_a_damaged_model_is_named_and_binds_no_folder(
    done: Done, tone_model: Path, tmp_path: Path, name: str, part: str
) -> None:
    model, out = damaged(tone_model, tmp_path, name), tmp_path / "out"
    with pytest.raises(ConfigError) as raised:
        transcribe(asked(done.source, out, model), Watch(out))
    assert str(raised.value).startswith(f"`model` `{model}`: its {part}") and "cannot be loaded" in str(raised.value)
    assert not out.exists()


def test_a_worker_says_the_same_of_a_model_that_is_damaged_there(
    done: Done, tone_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a node of a cluster has a copy of its own."""
    monkeypatch.setattr("lstdata.transcribe.run.try_out", lambda *_: None)
    model, out = damaged(tone_model, tmp_path, "model.safetensors"), tmp_path / "out"
    with pytest.raises(ConfigError, match="/damaged`: its weights cannot be loaded: "):
        transcribe(asked(done.source, out, model), Watch(out))


@pytest.mark.parametrize("option", ["dtype=float16", "run.address=127.0.0.1:1"])
def test_a_wrong_option_binds_no_folder(done: Done, tone_model: Path, tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigError, match=f"`{option.partition('=')[0]}`"):
        transcribe(asked(done.source, tmp_path / "out", tone_model, option), Watch(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fails_is_no_mistake_of_the_models(
    done: Done, tone_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", fails)
    with pytest.raises(OSError, match="Input/output error"):
        transcribe(asked(done.source, tmp_path / "out", tone_model), Watch(tmp_path))


def test_rebuild_discards_what_was_transcribed_and_nothing_else(
    done: Done, tone_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstdata.transcribe.run.run_tasks", in_process())
    out = Path(shutil.copytree(done.out, tmp_path / "out"))
    (out / "notes.txt").write_text("mine")
    command = [str(done.source), str(out), "--model", str(tone_model), "--device", "cpu", "--max-reject-rate", "1"]
    anew = [*command, "--language", "de", "--rebuild"]
    assert isinstance(CliRunner().invoke(transcribe_command, anew[:-1]).exception, ConfigError)
    assert CliRunner().invoke(transcribe_command, anew).exit_code == 0
    assert {row["language"] for row in rows(out) if row["reason"] is None} == {"de"}
    assert sorted(p.name for p in out.iterdir()) == [".lock", "notes.txt", "transcribe.json", "transcripts.parquet"]


def test_rebuild_with_a_model_that_does_not_load_keeps_what_is_there(
    done: Done, tone_model: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(done.out, tmp_path / "out"))
    options = asked(done.source, out, damaged(tone_model, tmp_path, "model.safetensors"))
    with pytest.raises(ConfigError, match="cannot be loaded"):
        transcribe(replace(options, rebuild=True), Watch(out))
    assert_same(out, done)


@pytest.mark.parametrize("name", [".", "transcripts.parquet"])
def test_rebuild_never_discards_its_source(done: Done, tone_model: Path, name: str) -> None:
    out = Path(shutil.copytree(done.out, done.out.parent / f"source-{len(name)}"))
    with pytest.raises(ConfigError, match="is SOURCE, and --rebuild would discard it"):
        transcribe(replace(asked(out / name, out, tone_model), rebuild=True), Watch(out))
    assert_same(out, done)
