"""Builds: the same bytes by any way there, every record accounted for, resumption, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from lstdata.build import Asked, build_shards
from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.index import INDEX_SCHEMA, read_rejects, read_table
from lstdata.storage import commit_json, read_json
from lstdata.units.codebook import load_codebook
from lstdata.verify import verify
from tests.build.contents import hashes
from tests.conftest import OPTIONS, Quiet, build


def test_a_build_verifies_and_accounts_for_every_record(built: Path) -> None:
    verdict = verify(built)
    assert verdict.problems == [] and verdict.samples == 12
    index = read_table(built / "index.parquet", INDEX_SCHEMA).to_pylist()
    assert len({row["id"] for row in index}) == 12
    assert all(row["words"] >= 6 and row["positions_aligned"] >= row["words"] for row in index)
    assert {row["split"] for row in index} == {"train", "validation"}
    assert not list(built.rglob("*.tmp-*"))


def test_two_workers_give_the_same_bytes(cuts: Path, built: Path, tmp_path: Path) -> None:
    build(cuts, tmp_path / "out", "run.workers=2")
    assert hashes(tmp_path / "out") == hashes(built)


def test_a_build_that_was_ended_while_it_planned_begins_again(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lstdata.build.plan_or_resume", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build(cuts, tmp_path / "out")
    assert build(cuts, tmp_path / "out").written == 12


def test_a_finished_build_is_left_alone(cuts: Path, built: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in (built / "shards").iterdir()}
    there = set(built.rglob("*"))
    listener = Quiet()
    build(cuts, built, listener=listener)
    assert listener.names == [] and listener.done_before > 2
    assert before == {p: p.stat().st_mtime_ns for p in (built / "shards").iterdir()}
    assert there == set(built.rglob("*")), "not even a log"


def test_what_is_chosen_when_loading_is_no_change(cuts: Path, built: Path) -> None:
    listener = Quiet()
    build(cuts, built, "patching.strategy=curriculum", "patching.static_from=0.9", listener=listener)
    assert listener.names == []
    with pytest.raises(ConfigError, match=r"`patching\.patch_size` 4 → 6"):
        build(cuts, built, "patching.patch_size=6")


@pytest.mark.parametrize("lost", ["tar", "json", "parquet"])
def test_a_lost_file_is_remade_with_the_same_bytes(cuts: Path, built: Path, lost: str) -> None:
    before = hashes(built)
    sorted((built / "shards").glob(f"*.{lost}"))[0].unlink()
    listener = Quiet()
    build(cuts, built, listener=listener)
    assert len(listener.names) == 1 and hashes(built) == before


def test_frozen_files_of_an_unknown_build_are_not_taken_over(cuts: Path, tmp_path: Path) -> None:
    """As left by a build of other options that was killed before it wrote run.json anew."""
    out = tmp_path / "out"
    build(cuts, out, "units.clusters=20")
    for name in ("run.json", "vocab.json"):
        (out / name).unlink()
    build(cuts, out, "units.clusters=30", "tokenizer.vocab_size=280")
    assert load_codebook(out / "codebook.npz").clusters == 30
    assert verify(out).problems == []


def test_a_mistake_does_not_bind_a_folder_without_shards(cuts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"units\.clusters"):
        build(cuts, out, "units.clusters=60000", "units.fit_frames=60000")
    assert build(cuts, out).written == 12


def test_rebuild_keeps_what_is_there_until_the_given_files_were_read(cuts: Path, built: Path, tmp_path: Path) -> None:
    before = hashes(built)
    with pytest.raises(ConfigError, match=r"nope\.json"):
        build(cuts, built, f"tokenizer.path={tmp_path / 'nope.json'}", rebuild=True)
    assert hashes(built) == before


def test_an_interrupted_rebuild_can_go_on(cuts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(cuts, out)
    before = hashes(out)
    for name in ("run.json", "vocab.json", "shards.parquet"):
        (out / name).unlink()
    build(cuts, out)
    assert hashes(out) == before


def test_bad_records_end_as_dead_letters_and_the_rest_is_built(
    make_cuts: Callable[[int], Path], tmp_path: Path
) -> None:
    corpus = make_cuts(10)
    audio = sorted((corpus / "audio").iterdir())
    audio[0].write_bytes(b"")
    audio[1].write_bytes(b"this is text, not audio")
    audio[2].write_bytes(audio[2].read_bytes()[:200])
    soundfile.write(audio[3], [], 22_050, format="WAV")
    audio[4].unlink()
    lines = (corpus / "cuts.jsonl").read_text().splitlines()
    silent = json.loads(lines[5])
    silent["supervisions"][0] |= {"text": "", "alignment": {}}
    lines[5] = json.dumps(silent)
    (corpus / "cuts.jsonl").write_text("\n".join([*lines, lines[9]]) + "\n")
    totals = build(corpus, tmp_path / "out")
    assert (totals.planned, totals.written, totals.rejected) == (11, 4, 7)
    letters = {(x.id, x.reason): x for x in read_rejects(tmp_path / "out" / "rejects.parquet")}
    assert set(letters) >= {
        ("utt-000", "empty_file"),
        ("utt-001", "undecodable"),
        ("utt-003", "zero_length"),
        ("utt-004", "missing_audio"),
        ("utt-005", "missing_transcript"),
        ("utt-009", "duplicate_id"),
    }
    assert {i for i, _ in letters} == {f"utt-{n:03d}" for n in (0, 1, 2, 3, 4, 5, 9)}
    assert [id for (id, _), letter in letters.items() if letter.environmental] == ["utt-004"], "it may come back"
    assert verify(tmp_path / "out").problems == []


def test_nothing_usable_is_still_accounted_for(make_cuts: Callable[[int], Path], tmp_path: Path) -> None:
    corpus = make_cuts(3)
    for path in (corpus / "audio").iterdir():
        path.write_bytes(b"")
    totals = build(corpus, tmp_path / "out")
    assert (totals.written, totals.reasons) == (0, {"empty_file": 3})
    assert len(read_rejects(tmp_path / "out" / "rejects.parquet")) == 3
    assert verify(tmp_path / "out").problems == []


def test_missing_words_as_speech(make_cuts: Callable[[int], Path], tmp_path: Path) -> None:
    corpus = make_cuts(4)
    lines = [json.loads(line) for line in (corpus / "cuts.jsonl").read_text().splitlines()]
    for line in lines:
        line["supervisions"][0] |= {"text": "", "alignment": {}}
    (corpus / "cuts.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    assert build(corpus, tmp_path / "skip").reasons == {"missing_transcript": 4}
    totals = build(corpus, tmp_path / "speech", "words.missing=speech")
    assert (totals.written, totals.words) == (4, 0)
    assert verify(tmp_path / "speech").problems == []
    with pytest.raises(IncompleteBuild, match=r"utt-00.*missing_transcript"):
        build(corpus, tmp_path / "error", "words.missing=error")


def test_other_options_are_refused_by_name(cuts: Path, built: Path) -> None:
    with pytest.raises(ConfigError, match=r"`patching\.patch_size` 4 → 6"):
        build(cuts, built, "patching.patch_size=6")
    build(cuts, built, "run.workers=2", "run.max_reject_rate=0.5", "about=x")


def test_a_changed_source_is_refused(make_cuts: Callable[[int], Path], tmp_path: Path) -> None:
    corpus = make_cuts(3)
    build(corpus, tmp_path / "out")
    (corpus / "cuts.jsonl").write_text((corpus / "cuts.jsonl").read_text().replace("miller", "farmer"))
    with pytest.raises(ConfigError, match=r"of the 3 records .* 3 changed, e\.g\. `utt-"):
        build(corpus, tmp_path / "out")
    build(corpus, tmp_path / "out", rebuild=True)
    assert verify(tmp_path / "out").problems == []


def test_another_compute_class_is_refused(cuts: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.computing.compute_class", lambda *of: "toaster")
    with pytest.raises(ConfigError, match="toaster"):
        build(cuts, built)


def test_another_compute_class_may_go_on_if_allowed(cuts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(cuts, out)
    commit_json(out / "run.json", read_json(out / "run.json") | {"compute_class": "toaster"})
    (out / "shards" / "train-000000.json").unlink()
    config = load(BuildConfig, None, OPTIONS)
    totals = build_shards(Asked(str(cuts), out, config, allow_mixed_compute=True), Quiet())
    assert totals.written == 12
    assert read_json(out / "run.json")["mixed_compute"]
    assert read_json(out / "shards" / "train-000000.json")["compute_class"] != "toaster"


def test_a_folder_of_something_else_is_refused(cuts: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"it holds `thesis\.tex`"):
        build(cuts, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_rebuild_deletes_nothing_of_somebody_else(cuts: Path, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "mine.tar").write_text("x")
    with pytest.raises(ConfigError, match="it holds `shards`"):
        build(cuts, tmp_path, rebuild=True)
    assert (tmp_path / "shards" / "mine.tar").exists()


def test_a_moved_corpus_gives_the_same_bytes(
    make_cuts: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one named by a relative path, and with a dead letter, whose message must not hold the folder."""
    corpus = make_cuts(4)
    (corpus / "audio" / "utt-001.flac").write_bytes(b"garbage")
    build(corpus, tmp_path / "one")
    corpus.rename(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    build(Path("elsewhere"), Path("two"))
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")


def test_a_locked_folder_is_refused(cuts: Path, built: Path) -> None:
    from lstdata.build.folder import read_run
    from lstdata.locking import locked

    with locked(built, read_run), pytest.raises(ConfigError, match="being written by another process"):
        build(cuts, built)


def test_a_given_codebook_and_tokenizer_are_taken(cuts: Path, built: Path, tmp_path: Path) -> None:
    given = [f"units.codebook={built / 'codebook.npz'}", f"tokenizer.path={built / 'tokenizer.json'}"]
    build(cuts, tmp_path / "out", *given)
    for name in ("codebook.npz", "tokenizer.json", "vocab.json"):
        assert (tmp_path / "out" / name).read_bytes() == (built / name).read_bytes()
