"""The documentation says what the code does: every reason code, verb, option and default; its programs run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import recipes
from docs.commands import every_verb, on_page_markdown
from lstdata.cli.verbs import cli
from lstdata.config import BuildConfig, from_dict, to_dict
from lstdata.filters import REASONS as FILTER_REASONS
from lstdata.filters import STAGE as FILTER_STAGE
from lstdata.index import INDEX_SCHEMA, REJECTS_SCHEMA, SHARDS_SCHEMA
from lstdata.reproduce.recipe import Recipe
from lstdata.train.config import TrainConfig
from lstdata.transcribe.config import TranscribeConfig

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
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
    known = {"source", "transcript", "decode", "read", "units", "words", "activity", "sample", "any"}
    assert {stage for stages in documented().values() for stage in stages.split(", ")} <= known | {FILTER_STAGE}
    assert {documented()[reason] for reason in FILTER_REASONS} == {FILTER_STAGE}


def block(page: str, kind: str) -> str:
    """The first block of code of a kind on a page."""
    found = re.search(rf"```{kind}\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("page", "config"), [("options.md", BuildConfig), ("training.md", TrainConfig)])
def test_the_options_shown_are_the_defaults(page: str, config: type) -> None:
    shown = yaml.safe_load(block(page, "yaml"))
    assert from_dict(config, shown) == config()
    assert {name: set(part) for name, part in shown.items() if isinstance(part, dict)} == {
        name: set(part) for name, part in to_dict(config()).items() if isinstance(part, dict)
    }


def test_every_section_of_the_options_is_explained() -> None:
    explained = re.findall(
        r"^ +- (\w+Config)$", (ROOT / "docs" / "options.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    sections = {type(section).__name__ for section in vars(BuildConfig()).values() if is_dataclass(section)}
    assert set(explained) == sections | {"SelectConfig"}


def test_the_options_of_transcribing_are_shown() -> None:
    shown = yaml.safe_load(block("transcribing.md", "yaml"))
    defaults = to_dict(TranscribeConfig())
    assert {"about": "", **shown} == {**defaults, "source": {}, "run": {}}


def test_every_verb_is_in_the_readme_and_on_the_first_page() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "index.md"):
        listed = [line.split("|")[1] for line in page.read_text(encoding="utf-8").splitlines() if "|" in line]
        words = {word for cell in listed for code in re.findall(r"`(.*?)`", cell) for word in code.split()}
        assert set(cli.commands) <= words, page.name


def test_every_option_of_every_verb_is_listed() -> None:
    page = on_page_markdown((ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))
    verbs = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    assert list(verbs) == list(cli.commands)
    for name, command in cli.commands.items():
        for parameter in command.params:
            for option in (o for o in parameter.opts if o.startswith("--")):
                assert f"`{option}" in verbs[name] or f", {option}" in verbs[name], f"{name} {option}"
    assert "\b" not in every_verb()


def shown_commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Verb and arguments of each command of lstdata in the code of a page."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = [
        line for code in re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for line in code.split("\n")
    ]
    inline = [" ".join(code.split()) for code in re.findall(r"`(lstdata [^`]+)`", text)]
    for line in (*fenced, *inline):
        found = re.match(r"(?:\$ |\.venv/bin/)?lstdata ([a-z-]+)(.*?)(?: #| \||$)", line.strip())
        if found is not None:
            yield found[1], found[2].split()


def _has(options: Any, names: list[str]) -> bool:
    """Whether there is such an option; what is null by default may have any."""
    return not names or options is None or (names[0] in options and _has(options[names[0]], names[1:]))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_the_commands_that_are_shown_are_commands(page: Path) -> None:
    configs = (BuildConfig, TrainConfig, TranscribeConfig, Recipe)
    options = [to_dict(config()) for config in configs]
    for verb, arguments in shown_commands(page):
        assert verb in cli.commands, verb
        known = {name for p in cli.commands[verb].params for name in (*p.opts, *p.secondary_opts)}
        given = {argument.split("=")[0] for argument in arguments if re.match("--?[a-z]", argument)}
        assert verb == "prepare" or given <= known, (verb, given - known)
        for key in re.findall(r"--set ([a-z_.]+)=", " ".join(arguments)):
            assert any(_has(o, key.split(".")) for o in options), key


def test_every_corpus_has_its_recipe_on_the_page() -> None:
    page = recipes.on_page_markdown((ROOT / "docs" / "corpora.md").read_text(encoding="utf-8"))
    of_builds = {path.stem for path in (ROOT / "pipelines").glob("*.yaml") if "about" in path.read_text()}
    trained = {*recipes.TRAININGS, *recipes.FINE_TUNINGS, *recipes.REPRODUCTIONS, *recipes.EVALUATIONS}
    assert {*recipes.CORPORA, *trained} == of_builds - {"demo"}
    for name in recipes.CORPORA:
        assert f"--config pipelines/{name}.yaml\n```" in page
        assert f"`pipelines/{name}.yaml` chooses:\n\n```yaml\n" in page


def test_every_reproduction_is_on_the_page() -> None:
    page = recipes.on_page_markdown((ROOT / "docs" / "reproducing.md").read_text(encoding="utf-8"))
    for name in recipes.REPRODUCTIONS:
        assert f"--size {name.removeprefix('reproduce-')}" in page
        assert f"`pipelines/{name}.yaml` chooses:\n\n```yaml\nsize: " in page


def test_every_training_is_on_the_page() -> None:
    page = recipes.on_page_markdown((ROOT / "docs" / "training.md").read_text(encoding="utf-8"))
    for name in recipes.TRAININGS:
        assert f"--config pipelines/{name}.yaml" in page
        assert f"`pipelines/{name}.yaml` chooses:\n\n```yaml\npreset: " in page


def test_every_fine_tuning_is_on_the_page() -> None:
    page = recipes.on_page_markdown((ROOT / "docs" / "evaluating.md").read_text(encoding="utf-8"))
    for name in recipes.FINE_TUNINGS:
        assert f"--config pipelines/{name}.yaml" in page
        assert f"`pipelines/{name}.yaml` chooses:\n\n```yaml\ninterleave:\n  strategy: {name}\n" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_begins_with_its_name_and_what_it_is_for(page: Path) -> None:
    name, empty, first = page.read_text(encoding="utf-8").split("\n")[:3]
    assert re.fullmatch("# [A-Z].*|# lstdata", name)
    assert not empty
    assert re.match(r"[A-Z`*\[]", first), "a sentence, before any heading, code or table"
    assert not first.startswith("```")


@pytest.mark.parametrize(
    ("page", "run"), [("api.md", "built"), ("shard-format.md", "built"), ("shard-format.md", "text_run")]
)
def test_the_programs_that_are_shown_run(page: str, run: str, request: pytest.FixtureRequest) -> None:
    exec(block(page, "python").replace('"OUT', f'"{request.getfixturevalue(run)}'), {})


def test_every_column_of_the_tables_is_documented() -> None:
    page = (ROOT / "docs" / "shard-format.md").read_text(encoding="utf-8")
    columns = {name for schema in (INDEX_SCHEMA, SHARDS_SCHEMA, REJECTS_SCHEMA) for name in schema.names}
    tables = page[page.index("## The tables") : page.index("## Reading it")]
    assert set(re.findall("`([a-z0-9_]+)`", tables)) == columns


def test_links_of_the_readme_lead_somewhere_and_to_every_page() -> None:
    links = re.findall(r"\]\((?!http)(.*?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link.split("#")[0]).exists()] == []
    of_the_site = {"docs/index.md", "docs/commands.md"}
    assert {f"docs/{page.name}" for page in PAGES} - of_the_site <= set(links), "link the page in the README"
