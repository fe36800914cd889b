"""`fit-units`, `fit-tokenizer` and `convert-codebook` replace no file that was not made by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.cli.converting import convert_codebook_command
from lstdata.cli.fitting import fit_tokenizer, fit_units
from lstdata.errors import ConfigError

FITTING = pytest.mark.parametrize("verb", [fit_units, fit_tokenizer], ids=["units", "tokenizer"])
VERBS = pytest.mark.parametrize(
    "verb", [fit_units, fit_tokenizer, convert_codebook_command], ids=["units", "tokenizer", "converted"]
)
SMALL = ("--set", "units.clusters=4", "--set", "tokenizer.vocab_size=300")


def refusal(verb: object, *arguments: object) -> str:
    ran = CliRunner().invoke(verb, [str(a) for a in arguments])  # type: ignore[arg-type]
    assert isinstance(ran.exception, ConfigError) and ran.exception.exit_code == 2
    return str(ran.exception)


@VERBS
def test_an_existing_file_is_refused_before_any_work(verb: object, tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("mine")
    assert refusal(verb, "no-such-source", file) == (
        f"`{file}` exists already: give another name, or --force to replace it."
    )
    (tmp_path / "link").symlink_to("nowhere")
    assert "exists already" in refusal(verb, "no-such-source", tmp_path / "link")
    assert file.read_text() == "mine"


@VERBS
def test_force_replaces_nothing_of_another_kind(verb: object, tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("mine")
    assert "exists already and --force does not replace it: `" in refusal(verb, "no-such-source", file, "--force")
    assert file.read_text() == "mine"


@VERBS
@pytest.mark.parametrize("options", [(), ("--force",)])
def test_the_source_is_never_replaced(verb: object, options: tuple[str, ...], tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("id,audio,text\n")
    (tmp_path / "link.csv").symlink_to(table)
    for name in ("table.csv", "link.csv"):
        assert "is SOURCE itself: give another name" in refusal(verb, table, tmp_path / name, *options)
    assert table.read_text() == "id,audio,text\n"


@FITTING
def test_force_replaces_a_file_of_the_same_kind(verb: object, cuts: Path, tmp_path: Path) -> None:
    arguments = [str(cuts), str(tmp_path / "file"), *SMALL]
    assert CliRunner().invoke(verb, arguments).exit_code == 0  # type: ignore[arg-type]
    first = (tmp_path / "file").read_bytes()
    assert "exists already" in refusal(verb, *arguments)
    other = [*arguments, "--force", "--set", "units.clusters=3", "--set", "tokenizer.vocab_size=290"]
    assert CliRunner().invoke(verb, other).exit_code == 0  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() != first
