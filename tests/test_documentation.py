"""The documentation says what the code does: every reason code, every option's default."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from lstdata.config import BuildConfig, from_dict, to_dict
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.filters import STAGE as FILTER_STAGE

ROOT = Path(__file__).resolve().parents[1]
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
REASON_AT = {"Rejected": 0, "rejected": 2, "DeadLetter": 2, "RecordFailed": 2}
"""Which argument of a call is a reason code."""


def given_codes(tree: ast.AST) -> Iterator[str]:
    """Codes given as an argument, and in (code, message) pairs as plan and sources assign them."""
    for node in ast.walk(tree):
        value: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REASON_AT:
            position = REASON_AT[node.func.id]
            named = [k.value for k in node.keywords if k.arg == "reason"]
            value = next(iter([*node.args[position : position + 1], *named]), None)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[1], ast.JoinedStr):
            value = node.elts[0]
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and CODE.fullmatch(value.value):
            yield value.value


def documented() -> dict[str, str]:
    """Stages by reason code, as docs/failures.md lists them."""
    text = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| ([a-z, ]+) \| (.+) \|$", text, re.MULTILINE)
    return {code: stages for codes, stages, _ in rows for code in re.findall(r"`([a-z_]+)`", codes)}


def test_every_reason_code_is_documented_and_no_other() -> None:
    packages = ("audio", "sources", "align", "build", "units", "activity.py", "transcribe", "segment")
    files = [f for name in packages for f in ((ROOT / "lstdata" / name).rglob("*.py"), [ROOT / "lstdata" / name])]
    trees = [ast.parse(p.read_text(encoding="utf-8")) for group in files for p in group if p.is_file()]
    given = {code for tree in trees for code in given_codes(tree)}
    assert len(given) > 20
    assert given | FILTER_REASONS == set(documented())


def test_stages_are_named_as_dead_letters_name_them() -> None:
    known = {"source", "transcript", "decode", "units", "words", "activity", "sample", "any"}
    assert {stage for stages in documented().values() for stage in stages.split(", ")} <= known | {FILTER_STAGE}
    assert {documented()[reason] for reason in FILTER_REASONS} == {FILTER_STAGE}


def test_the_options_shown_are_the_defaults() -> None:
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "options.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    shown = yaml.safe_load(block[1])
    assert from_dict(BuildConfig, shown) == BuildConfig()
    assert {name: set(part) for name, part in shown.items() if part} == {
        name: set(part) for name, part in to_dict(BuildConfig()).items() if part
    }
