"""The one rule that says what kind of source a path is."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import soundfile

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError
from lstdata.sources import open_source

CUT = '{"id": "c", "start": 0, "duration": 1, "channel": 0, "type": "MonoCut", "supervisions": []}\n'
ROW = '{"id": "c", "audio": "c.wav"}\n'


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"corpus/cuts.jsonl": CUT, "corpus/a.wav": ""}, "lhotse"),
        ({"corpus/sub/a.wav": ""}, "folder"),
        ({"corpus/a.trans.txt": "a HELLO"}, "folder"),
        ({"corpus": CUT}, None),
        ({"corpus.jsonl": CUT}, "lhotse"),
        ({"corpus.jsonl": f"\n{CUT}"}, "lhotse"),
        ({"corpus.jsonl": ROW}, "table"),
        ({"corpus.csv": "id,audio,text\n1,1.wav,a\n"}, "table"),
        ({"corpus/text.txt": "nothing", "corpus/.hidden/a.wav": ""}, None),
        ({"corpus.wav": ""}, None),
        ({}, None),
    ],
)
def test_the_rule(tmp_path: Path, files: dict[str, str], kind: str | None) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    path = tmp_path / next(iter(files), "nowhere")
    path = next((p for p in (path, *path.parents) if p.stem == "corpus"), path)
    if kind is None:
        with pytest.raises(ConfigError):
            open_source(str(path), SourceConfig())
    else:
        source = open_source(str(path), SourceConfig())
        assert source.kind == kind
        assert pickle.loads(pickle.dumps(source)) == source


def test_the_kind_can_be_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.0] * 1_000, 16_000)
    (tmp_path / "cuts.jsonl").write_text(CUT, encoding="utf-8")
    assert open_source(str(tmp_path), SourceConfig(kind="folder")).kind == "folder"
    for kind, path in (("table", tmp_path), ("lhotse", tmp_path / "a.wav"), ("folder", tmp_path / "cuts.jsonl")):
        with pytest.raises(ConfigError):
            open_source(str(path), SourceConfig(kind=kind))  # type: ignore[arg-type]


def test_nothing_there_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cuts.*trans\.txt.*audio"):
        open_source(str(tmp_path), SourceConfig())
    with pytest.raises(ConfigError, match="does not exist"):
        open_source(str(tmp_path / "gone"), SourceConfig())


def test_relative_paths_do_not_depend_on_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", [0.0] * 1_000, 16_000)
    monkeypatch.chdir(tmp_path)
    source = open_source(".", SourceConfig())
    (row,) = source.scan()
    monkeypatch.chdir("/")
    assert source.open(row.locator).decoded == 1_000


def test_a_path_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    os.mkdir(path)
    for source in (path, "memory://caf\udce9/a.csv"):
        with pytest.raises(ConfigError, match="must be UTF-8") as caught:
            open_source(source, SourceConfig())
        str(caught.value).encode()
