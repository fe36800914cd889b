"""How the command line gets on with a shell: Ctrl-C and completion."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from lstdata import cli
from lstdata.cli.verbs import cli as verbs

RESUME = "error: interrupted; run the same command again to resume.\n"
NO_MORE = "error: interrupted.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("build-shards S O", RESUME),
        ("plan S O", RESUME),
        ("segment S O", RESUME),
        ("transcribe S O", RESUME),
        ("train --data . --out O", RESUME),
        ("reproduce O --size tiny", RESUME),
        ("build-shards S O --dry-run", NO_MORE),
        ("segment S O --dry-run", NO_MORE),
        ("reproduce O --size tiny --dry-run", NO_MORE),
        ("verify .", NO_MORE),
        ("report .", NO_MORE),
        ("fit-units S segment", NO_MORE),
        ("demo-corpus O", NO_MORE),
    ],
)
def test_ctrl_c_promises_only_what_is_kept(
    arguments: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    verb, *_ = arguments.split()
    monkeypatch.setattr(verbs.commands[verb], "callback", interrupted)
    monkeypatch.setattr(sys, "argv", ["lstdata", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 130
    assert capsys.readouterr().err.lstrip("\n") == said


@pytest.mark.parametrize("module", ["click", "lstdata.cli.building", "lstdata.cli.planning"])
def test_ctrl_c_while_the_verbs_are_imported_is_one_line(module: str) -> None:
    code = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "sys.argv = ['lstdata', 'verify', 'RUN']\n"
        "from lstdata.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, NO_MORE)


@pytest.mark.parametrize(
    "before",
    [
        ["build-shards"],
        ["plan"],
        ["segment"],
        ["transcribe"],
        ["fit-units"],
        ["fit-tokenizer"],
        ["transcribe", "S", "O", "--model"],
    ],
)
def test_places_complete_to_files(before: list[str]) -> None:
    found = ShellComplete(verbs, {}, "lstdata", "_LSTDATA_COMPLETE").get_completions(before, "recor")
    assert [(item.value, item.type) for item in found] == [("recor", "file")]


@pytest.mark.parametrize("place", ["s3://bucket/table.jsonl", "nowhere", "facebook/wav2vec2-base-960h"])
def test_places_need_not_be_on_this_disk(place: str) -> None:
    with click.Context(verbs.commands["transcribe"]) as context:
        arguments = verbs.commands["transcribe"].make_parser(context).parse_args([place, "O", "--model", place])[0]
        found = [p.type_cast_value(context, arguments[p.name or ""]) for p in context.command.params[:3:2]]
    assert found == [place, place]


def test_the_report_of_a_strange_folder_is_not_asked_for_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["lstdata", "report", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"error: `{tmp_path}` is no run folder: it has no run.json.\n"
