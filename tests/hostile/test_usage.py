"""What a user may do wrong on the command line: one clear line for each mistake, exit code 2 or 1, no traceback."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from lstdata import cli
from tests.hostile.recordings import WAV


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus and everything that is none."""
    place = tmp_path_factory.mktemp("usage")
    (place / "corpus").mkdir()
    (place / "corpus" / "a.wav").write_bytes(WAV)
    (place / "empty").mkdir()
    (place / "stranger").mkdir()
    (place / "stranger" / "thesis.tex").write_text("do not touch")
    files = {
        "a file": "x",
        "page.html": "<html>",
        "empty.csv": "",
        "header.csv": "id,audio,text\n",
        "twice.csv": "id,id,audio,text\n1,2,a.wav,x\n",
        "columns.csv": "name,file,words\n1,a.wav,x\n",
        "not.parquet": "PAR1 but not really",
        "notes.jsonl": "\n\n",
        "alone-supervisions.jsonl": '{"id": "s", "recording_id": "r", "start": 0, "duration": 1, "channel": 0}\n',
        "list.yaml": "- a\n- b\n",
        "broken.yaml": "units: {clusters: [\n",
        "wrong.yaml": "unit: {clusters: 5}\n",
        "fields.yaml": "units: {cluster: 5}\nplan: {seed: -1}\nfilter: {min_seconds: soon}\n",
        "no.npz": "no codebook",
        "tokenizer.json": "{}",
        "latin.yaml": "",
    }
    for name, text in files.items():
        (place / name).write_text(text)
    (place / "latin.yaml").write_bytes(b"about: caf\xe9\n")
    (place / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"id": "a", "audio": "a.wav", "text": "x"}\n' * 50)[:-9])
    (place / "tables").mkdir()
    for name in ("b.tsv", "a.csv"):
        (place / "tables" / name).write_text("id,audio,text\n1,a.wav,x\n")
    (place / "silent").mkdir()
    (place / "silent" / "a.wav").write_bytes(b"")
    return place


MISTAKES: tuple[tuple[str, int, str], ...] = (
    ("build-shards", 2, "Missing argument"),
    ("build-shards nowhere OUT", 2, "`PLACE/nowhere` does not exist"),
    ("build-shards empty OUT", 2, "holds nothing to build from"),
    ("build-shards empty OUT", 2, "looked for a run folder, lhotse manifests"),
    ("build-shards empty OUT", 2, "Parquet or Arrow files with audio, `metadata.csv`, `.on_the_fly` files"),
    ("build-shards tables OUT", 2, "Give the table itself: `PLACE/tables/a.csv`."),
    ("build-shards page.html OUT", 2, "page.html"),
    ("build-shards empty.csv OUT", 2, "no row"),
    ("build-shards header.csv OUT", 2, "no row"),
    ("build-shards twice.csv OUT", 2, "`id` more than once"),
    ("build-shards columns.csv OUT", 2, "`source.audio`"),
    ("build-shards not.parquet OUT", 1, "`PLACE/not.parquet` is damaged"),
    ("build-shards cut.jsonl.gz OUT", 1, "`PLACE/cut.jsonl.gz` is damaged"),
    ("build-shards notes.jsonl OUT", 2, "no row"),
    ("build-shards alone-supervisions.jsonl OUT", 2, "recordings"),
    ("build-shards corpus stranger", 2, "`thesis.tex`"),
    ("build-shards corpus a_file/out", 1, "cannot be written"),
    ("build-shards corpus OUT --set", 2, "requires an argument"),
    ("build-shards corpus OUT --set clusters", 2, "section.key=value"),
    ("build-shards corpus OUT --set units.cluster=5", 2, "Did you mean `units.clusters`?"),
    ("build-shards corpus OUT --set units.clusters=many", 2, "`units.clusters` must be int or null"),
    ("build-shards corpus OUT --set units.clusters=1", 2, "must be between 2 and 65535"),
    ("build-shards corpus OUT --set plan.validation=2", 2, "must be in [0, 1)"),
    ("build-shards corpus OUT --set plan.seed=-1", 2, "must be between 0"),
    ("build-shards corpus OUT --set source.kind=magic", 2, "must be one of auto"),
    ("build-shards corpus OUT --set source.kind=table", 2, "must be a file"),
    ("build-shards corpus OUT --set source.kind=lhotse", 2, "no lhotse manifest"),
    ("build-shards corpus OUT --set words.min_score=nan", 2, "finite"),
    ("build-shards corpus OUT --set filter.languages=7", 2, "a list of texts"),
    ("build-shards corpus OUT --set segment.threshold=2", 2, "must be in (0, 1)"),
    ("build-shards corpus OUT --set segment.max_seconds=5", 2, "must be ≥ `target_seconds`"),
    ("build-shards corpus OUT --config nowhere.yaml", 2, "does not exist"),
    ("build-shards corpus OUT --config list.yaml", 2, "must hold a mapping"),
    ("build-shards corpus OUT --config broken.yaml", 2, "cannot be read as YAML"),
    ("build-shards corpus OUT --config latin.yaml", 2, "cannot be read as YAML"),
    ("build-shards corpus OUT --config wrong.yaml", 2, "Did you mean `units`?"),
    ("build-shards corpus OUT --set units.codebook=PLACE/no.npz", 2, "is not a codebook file"),
    ("build-shards corpus OUT --set units.codebook=PLACE/gone.npz", 2, "gone.npz"),
    ("build-shards corpus OUT --set tokenizer.path=PLACE/tokenizer.json", 2, "tokenizer.json"),
    ("build-shards corpus OUT --workers 0", 2, "`run.workers` must be ≥ 1"),
    ("build-shards corpus OUT --runner slurm", 2, "'local', 'ray'"),
    ("build-shards corpus OUT --max-reject-rate 7", 2, "must be in [0, 1]"),
    ("build-shards corpus OUT --colour", 2, "No such option"),
    ("plan nowhere OUT", 2, "does not exist"),
    ("verify nowhere", 2, "does not exist"),
    ("verify empty", 2, "is no run folder"),
    ("report empty", 2, "is no run folder"),
    ("fit-units empty OUT.npz", 2, "holds nothing to build from"),
    ("fit-units silent OUT.npz", 1, "Not one frame"),
    ("fit-tokenizer nowhere OUT.json", 2, "does not exist"),
    ("train --data empty --out OUT", 2, "must be a finished run folder"),
    ("build-shard corpus OUT", 2, "No such command"),
)


@pytest.mark.parametrize(("command", "code", "expected"), MISTAKES, ids=[command for command, _, _ in MISTAKES])
def test_a_mistake_is_one_clear_line(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    code: int,
    expected: str,
) -> None:
    monkeypatch.chdir(place)
    words = [word.replace("a_file", "a file").replace("PLACE", str(place)) for word in command.split()]
    before = sorted(place.rglob("*"))
    monkeypatch.setattr(sys, "argv", ["lstdata", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr()
    assert stop.value.code == code, told.err
    assert expected.replace("PLACE", str(place)) in told.err
    assert "Traceback" not in told.err and not told.out
    errors = [line for line in told.err.splitlines() if line.lower().startswith("error: ")]
    assert len(errors) == (2 if "columns.csv" in command else 1)
    assert (place / "stranger" / "thesis.tex").read_text() == "do not touch"
    left = {path.relative_to(place).parts[0] for path in place.rglob("*") if path not in before}
    assert left <= {"OUT"}


def test_all_mistakes_are_told_at_once(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build-shards", str(place / "corpus"), str(place / "OUT"), "--config", str(place / "fields.yaml")]
    monkeypatch.setattr(sys, "argv", ["lstdata", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    told = capsys.readouterr().err
    assert stop.value.code == 2
    for name in ("`units.cluster`", "`plan.seed`", "`filter.min_seconds`"):
        assert name in told
