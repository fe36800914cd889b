"""Runs of text: the same bytes by any way there, every document accounted for, growth, and what is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from lstdata.build import Asked, build_shards, plan_run
from lstdata.build.finish import Totals
from lstdata.build.plan_table import read_plan
from lstdata.build.text_stages import text_tokens
from lstdata.cli.building import build_shards_command
from lstdata.cli.looking import status_command
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_rejects, read_table
from lstdata.run_folder import read_card
from lstdata.shards import read_shard
from lstdata.storage import read_json
from lstdata.tokenizer import TextTokenizer
from lstdata.verify import verify
from tests.build.contents import hashes
from tests.conftest import WORDS, Quiet

OPTIONS = ("plan.shard_bytes=4000", "tokenizer.vocab_size=300", "run.workers=1", "run.patience=0")


def write_documents(folder: Path, first: int = 0, files: int = 3, documents: int = 30) -> Path:
    """JSON lines of some sentences each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + files):
        drawn = random.Random(number)
        with open(folder / f"part-{number:02d}.jsonl", "a", encoding="utf-8") as file:
            for n in range(documents):
                text = " ".join(drawn.choices(WORDS, k=drawn.randint(4, 60))) + f" Grüße {n}."
                file.write(json.dumps({"text": text, "url": f"https://e.example/{n}"}, ensure_ascii=False) + "\n")
    return folder


def build_text(source: Path, out: Path, *sets: str, listener: Quiet | None = None, kind: str = "text") -> Totals:
    config = load(BuildConfig, None, [f"source.kind={kind}", *OPTIONS, *sets])
    return build_shards(Asked(str(source), out, config), listener or Quiet())


def test_every_document_is_there_with_the_ids_of_its_text(documents: Path, text_run: Path) -> None:
    assert verify(text_run).problems == []
    tokenizer = TextTokenizer.read(str(text_run / "tokenizer.json"))
    texts = [json.loads(line) for file in sorted(documents.iterdir()) for line in file.read_text().splitlines()]
    shards = read_table(text_run / "shards.parquet", SHARDS_SCHEMA).to_pylist()
    samples = [sample for row in shards for sample in read_shard(text_run / row["path"])]
    assert len(shards) > 3 and {s.text for s in samples} == {t["text"] for t in texts} and len(samples) == 90
    for sample in samples:
        assert sample.tokens is not None and sample.tokens.dtype == "uint16" and sample.frames == 0
        assert tokenizer.decode(sample.tokens.tolist()).strip() == sample.text and sample.custom.keys() == {"url"}
    card, totals = read_card(text_run), read_json(text_run / "run.json")["totals"]
    assert card is not None and card.is_text and card.codebook_sha256 == ""
    index = read_table(text_run / "index.parquet", INDEX_SCHEMA).to_pylist()
    counted = {row["id"]: (row["text_bytes"], row["text_tokens"]) for row in index}
    assert counted == {s.id: (len((s.text or "").encode()), len(s.tokens)) for s in samples if s.tokens is not None}
    for name in ("text_bytes", "text_tokens"):
        assert totals[name] == sum(row[name] for row in shards) == sum(row[name] for row in index) > 0
    assert (totals["seconds"], totals["units"], {row["words"] for row in index}) == (0, 0, {None})


def test_the_plan_has_no_text(documents: Path, text_run: Path) -> None:
    plan = read_plan(text_run / "plan.parquet")
    assert plan.seconds == 0 and plan.text_bytes == read_json(text_run / "run.json")["totals"]["text_bytes"]
    assert all(s.text_bytes <= 8000 for s in plan.shards) and "MB" in plan.describe()
    table = pq.read_table(text_run / "plan.parquet")
    assert table["text"].null_count == table["custom"].null_count == len(table) == 90


def test_two_workers_and_other_orders_of_work_give_the_same_bytes(
    documents: Path, text_run: Path, tmp_path: Path
) -> None:
    build_text(documents, tmp_path / "out", "run.workers=2")
    assert hashes(tmp_path / "out") == hashes(text_run)


@pytest.mark.slow
def test_ray_gives_the_same_bytes(documents: Path, text_run: Path, tmp_path: Path) -> None:
    build_text(documents, tmp_path / "out", "run.runner=ray", "run.workers=2")
    assert hashes(tmp_path / "out") == hashes(text_run)


def test_an_interrupted_build_goes_on_to_the_same_bytes(documents: Path, text_run: Path, tmp_path: Path) -> None:
    class Impatient(Quiet):
        def built(self, *args: object) -> None:
            super().built(*args)  # type: ignore[arg-type]
            if len(self.names) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_text(documents, tmp_path / "out", listener=Impatient())
    listener = Quiet()
    build_text(documents, tmp_path / "out", listener=listener)
    assert listener.done_before == 2 and hashes(tmp_path / "out") == hashes(text_run)


def test_what_is_rejected_is_a_dead_letter(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "docs", files=1)
    with open(source / "part-00.jsonl", "a") as file:
        rows = [{"text": " "}, {"text": 3}, {"id": "part-00-1", "text": "again"}, {"text": "One."}]
        rows += [{"text": "Deux mots.", "language": "fr"}, {"text": "Two words.", "language": "en"}]
        file.writelines(json.dumps(row) + "\n" for row in rows)
    filters = ("filter.min_characters=5", "filter.languages=en")
    totals = build_text(source, tmp_path / "out", "run.max_reject_rate=0.2", *filters)
    assert (totals.planned, totals.written, totals.filtered) == (36, 31, 2)
    reasons = {
        letter.id: (letter.stage, letter.reason) for letter in read_rejects(tmp_path / "out" / "rejects.parquet")
    }
    assert reasons == {
        "part-00-31": ("source", "empty_text"),
        "part-00-32": ("source", "bad_row"),
        "part-00-1": ("source", "duplicate_id"),
        "part-00-34": ("filter", "filtered_min_characters"),
        "part-00-35": ("filter", "filtered_languages"),
    }
    assert verify(tmp_path / "out").problems == []


def test_growth_is_appended_and_change_is_refused(tmp_path: Path) -> None:
    source, out = write_documents(tmp_path / "docs", files=2), tmp_path / "out"
    build_text(source, out)
    before = hashes(out)
    write_documents(source, first=1, files=2, documents=5)
    totals = build_text(source, out)
    assert totals.written == 70 and verify(out).problems == []
    kept = {name for name in before if name.startswith("shards/")}
    assert {name: sum for name, sum in hashes(out).items() if name in kept} == {name: before[name] for name in kept}
    part = source / "part-00.jsonl"
    part.write_text(part.read_text().replace("Grüße 7.", "Gruesse", 1))
    with pytest.raises(ConfigError, match="`part-00-8`"):
        build_text(source, out)


def test_what_changes_between_plan_and_build_stays_pending(tmp_path: Path) -> None:
    source, out = write_documents(tmp_path / "docs", files=1), tmp_path / "out"
    config = load(BuildConfig, None, ["source.kind=text", *OPTIONS])
    plan = plan_run(Asked(str(source), out, config), Quiet())
    part = source / "part-00.jsonl"

    class Changing(Quiet):
        def building(self, *args: object, **more: object) -> None:
            part.write_text(part.read_text().replace("Grüße 3.", "Grüße 4.", 1))

    with pytest.raises(IncompleteBuild, match=r"1 of \d+ shards stay pending"):
        build_text(source, out, listener=Changing())
    assert len(list((out / "shards").glob("*.json"))) == len(plan.shards) - 1


def test_a_run_is_a_source_itself(documents: Path, text_run: Path, tmp_path: Path) -> None:
    for kind in ("auto", "text"):
        out = tmp_path / kind
        totals = build_text(text_run, out, "tokenizer.vocab_size=280", "plan.shard_bytes=9000", kind=kind)
        assert totals.written == 90 and verify(out).problems == []
    a = {s.id: (s.text, s.split, s.custom) for tar in (text_run / "shards").glob("*.tar") for s in read_shard(tar)}
    b = {s.id: (s.text, s.split, s.custom) for tar in (out / "shards").glob("*.tar") for s in read_shard(tar)}
    assert a == b
    same = tmp_path / "same"
    build_text(text_run, same, f"tokenizer.path={text_run}", kind="run")
    assert (same / "tokenizer.json").read_bytes() == (text_run / "tokenizer.json").read_bytes()


def test_a_run_of_speech_gives_its_tokenizer_and_can_be_mixed(documents: Path, built: Path, tmp_path: Path) -> None:
    build_text(documents, tmp_path / "out", f"tokenizer.path={built}")
    speech, text = read_card(built), read_card(tmp_path / "out")
    assert speech is not None and text is not None
    speech.check_same_text(text)
    with pytest.raises(ConfigError, match="differ"):
        speech.check_same(text)


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        (["units.clusters=10"], r"`units\.clusters` must not be given"),
        (["words.aligner=sphinx", "plan.shard_seconds=5"], r"`words\.aligner` must not"),
        (["plan.shard_seconds=5"], r"`plan\.shard_seconds` must not be given: it is for speech"),
        (["filter.min_seconds=1"], r"`filter\.min_seconds` is for speech, but the source brings text"),
    ],
)
def test_options_of_speech_are_refused(documents: Path, tmp_path: Path, sets: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build_text(documents, tmp_path / "out", *sets)


def test_options_of_text_are_refused_for_speech(cuts: Path, tmp_path: Path) -> None:
    for option in ("plan.shard_bytes=5000", "source.documents=line", "filter.max_characters=9"):
        with pytest.raises(ConfigError, match=r"it is for text|is for documents of text"):
            build_shards(Asked(str(cuts), tmp_path / "out", load(BuildConfig, None, [option])), Quiet())


def test_a_vocabulary_beyond_16_bits_takes_32() -> None:
    class Large:
        size = 70_000

        def encode(self, text: str) -> list[int]:
            return [69_999, len(text)]

    assert text_tokens("ab", Large()).tolist() == [69_999, 2]  # type: ignore[arg-type]


def test_the_command_line_builds_and_says_what(documents: Path, tmp_path: Path) -> None:
    asked = [str(documents), str(tmp_path / "out"), "--kind", "text", "--set", "tokenizer.vocab_size=300"]
    run = CliRunner().invoke
    planned = run(build_shards_command, [*asked, "--dry-run"])
    assert planned.exit_code == 0 and "split train: 89 records, 0.02 MB" in planned.output, planned.output
    built = run(build_shards_command, [*asked, "--workers", "1"])
    assert built.exit_code == 0 and "90 of 90 records written (0.0 MB of text," in built.output, built.output
    assert "documents, 0.0 MB of text at" in built.output and "from a text source" in built.output
    assert "Speech units" not in (tmp_path / "out" / "report.html").read_text()
    status = run(status_command, [str(tmp_path / "out")])
    assert "text     0.0 of 0.0 MB done (100.0%)" in status.output, status.output
