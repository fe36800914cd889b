"""The dataset card says what the folder holds, in the Hub's terms, and nothing of where it was made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from upath import UPath

from lstdata import cli
from lstdata.errors import ConfigError
from lstdata.records import DeadLetter
from lstdata.report.card import Published, render_card, write_card
from lstdata.report.numbers import compute_numbers
from lstdata.shards import StoredSample


def card(out: Path) -> tuple[dict[str, Any], str]:
    _, front, body = write_card(out).read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_splits_languages_licences_and_fields(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    common: dict[str, Any] = {"language": "en-US", "license": "CC BY 4.0"}
    samples = [
        make_stored("A1", [0] * 25, None, speaker="ann", custom={"gender": "f"}, **common),
        make_stored("A2", [1] * 50, None, speaker="bob", custom={"age": 7}, **common | {"language": "English"}),
    ]
    held_out = [make_stored("B1", [2] * 25, None, split="validation", **common)]
    letters = [DeadLetter("C1", "decode", "empty_file", "`c` has 0 bytes.", "c.wav")]
    front, body = card(make_run(tmp_path, {"train-0": samples, "validation-0": held_out}, letters))
    assert (front["pretty_name"], front["language"], front["license"]) == ("small", ["en"], "cc-by-4.0")
    assert front["size_categories"] == ["n<1K"]
    assert "| train | 2 | 0.00 | 0 | 75 | 1 |" in body and "| validation | 1 | 0.00 | 0 | 25 | 1 |" in body
    assert "2 speakers named." in body and "| CC BY 4.0 | 3 | 0.00 |" in body
    assert "`age`, `gender`" in body
    assert "4 records planned = 3 written + 1 left out." in body and "| decode | `empty_file` | 1 |" in body
    assert "corpora/" not in body


def test_the_hub_reads_it_and_finds_the_shards_of_each_split(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    """`load_dataset` refuses a split that is listed twice, and names with `-`."""
    hub = pytest.importorskip("huggingface_hub")
    names = ("train", "dev", "dev-clean", "dev_clean")
    shards = {f"{n}-{0:06d}": [make_stored(n, [0] * 25, None, split=n, language="en", license="MIT")] for n in names}
    out = make_run(tmp_path, shards)
    data = hub.DatasetCard.load(write_card(out)).data
    assert isinstance(data, hub.DatasetCardData)
    assert (data.pretty_name, data.language, data.license) == ("small", ["en"], "mit")
    assert (data.size_categories, data.task_categories[0]) == (["n<1K"], "automatic-speech-recognition")
    [config] = data.to_dict()["configs"]
    found = {
        files["split"]: sorted(p.stem for pattern in files["path"] for p in out.glob(pattern))
        for files in config["data_files"]
    }
    assert found == {
        "train": ["train-000000"],
        "dev": ["dev-000000"],
        "dev_clean": ["dev-clean-000000", "dev_clean-000000"],
    }
    assert len(config["data_files"]) == len(found)


HOSTILE = (
    "<script>alert(1)</script>",
    "[x](http://evil)",
    "a|b",
    "`c`",
    "\x1b[31m",
    "line\nbreak",
    "---\nlicense: mit",
)


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_data_says_is_no_markup_in_the_card(
    evil: str, make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    named = {"speaker": evil, "language": evil, "license": evil, "custom": {evil: 1}}
    letters = [DeadLetter(evil, evil, evil, evil, evil)]
    out = make_run(tmp_path, {"train-000000": [make_stored("A", [0] * 9, None, **named)]}, letters)
    run = json.loads((out / "run.json").read_text())
    run["source"]["path"] = f"corpora{chr(92)}{evil.replace('/', '')}"
    (out / "run.json").write_text(json.dumps(run))
    front, body = card(out)
    assert front["license"] == "other" and front["license_name"] == evil
    assert "\x1b" not in body and "<script" not in body.replace(r"\<script", "").replace(
        "`<script>alert(1)</script>`", ""
    )
    assert "[x](" not in body.replace(r"\[x\](", "").replace("`[x](http://evil)`", "")
    tables = [line for line in body.splitlines() if line.startswith("| ")]
    unescaped = [line.replace(r"\|", "").count("|") for line in tables]
    assert set(unescaped) == {4, 7}, "no row has more cells than its table"


def test_several_licences_are_other_and_none_is_unknown(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    one, two = make_stored("A", [0] * 9, None, license="MIT"), make_stored("B", [0] * 9, None)
    assert card(make_run(tmp_path / "some", {"train-0": [one, two]}))[0]["license"] == "other"
    assert card(make_run(tmp_path / "none", {"train-0": [two]}))[0]["license"] == "unknown"


def test_names_of_a_corpus_do_not_become_markup(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    stored = make_stored("A", [0] * 9, None, license="a | <b>\n# c", language="not a tag")
    out = make_run(tmp_path, {"train-0": [stored]})
    run = json.loads((out / "run.json").read_text())
    run["source"]["path"] = 'corpora/a: "b"_c'
    (out / "run.json").write_text(json.dumps(run))
    front, body = card(out)
    assert front["pretty_name"] == 'a: "b"_c' and "language" not in front
    assert r"| a \| \<b\> \# c | 1 | 0.00 |" in body
    assert (front["license"], front["license_name"]) == ("other", "a | <b>\n# c")


def test_the_verb(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, code, expected in ((built, 0, "README.md"), (tmp_path, 2, "is no run folder")):
        monkeypatch.setattr("sys.argv", ["lstdata", "card", str(folder)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
            raise SystemExit(0)
        told = capsys.readouterr()
        assert stop.value.code == code and expected in told.out + told.err
    assert "(25 a second, " in (built / "README.md").read_text() and "of MFCC)" in (built / "README.md").read_text()
    (built / "README.md").unlink()


def test_a_run_of_text_is_said_to_be_one(
    make_document: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    documents = [make_document("a", "Ein Haus.", [5, 6, 7], language="de"), make_document("b", "x" * 91, [1] * 47)]
    front, body = card(make_run(tmp_path, {"train-000000": documents}))
    assert front["task_categories"] == ["text-generation"] and "speech" not in front["tags"]
    assert "2 documents of text, 100 bytes in UTF-8, coded as 50 tokens." in body
    assert "| train | 2 | 100 | 50 | 1 |" in body and "| de | 1 |" in body
    assert " h of speech" not in body and "speaker" not in body and "Decoder" not in body


def test_whether_there_is_audio_is_what_the_run_says(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    out = make_run(tmp_path, {"train-0": [make_stored("A", [0] * 9, None)]})
    assert "patches and activity; no audio." in card(out)[1]
    run = json.loads((out / "run.json").read_text())
    run["config"]["audio"] = {"keep": "opus"}
    (out / "run.json").write_text(json.dumps(run))
    assert "patches and activity; and the audio, as opus." in card(out)[1]
    numbers = compute_numbers(UPath(out))
    assert "no audio (the run's shards keep it, as opus)." in render_card(numbers, [], "", Published({}, []))


def test_a_card_that_was_edited_is_not_overwritten(
    make_stored: Callable[..., StoredSample], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    out = make_run(tmp_path, {"train-0": [make_stored("A1", [0] * 25, None)]})
    path = write_card(out)
    written = path.read_bytes()
    path.write_bytes(written.replace(b"\n", b"\r\n"))
    assert write_card(out).read_bytes() == written
    for edited in (written.replace(b"# small", b"# large"), written + b"More.\n", b"# My own\n"):
        path.write_bytes(edited)
        with pytest.raises(ConfigError, match="written or edited by hand"):
            write_card(out)
        assert path.read_bytes() == edited
    assert write_card(out, force=True).read_bytes() == written
