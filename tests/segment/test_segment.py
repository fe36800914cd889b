"""Segmentations: the same bytes by any way there, every record accounted for, resumption, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lstdata.cli.segmenting import segment_command
from lstdata.config import BuildConfig, SourceConfig, load
from lstdata.errors import ConfigError, IncompleteBuild
from lstdata.locking import locked
from lstdata.segment.folder import JOURNAL, SEGMENTS, refuse_strangers
from lstdata.segment.run import Totals, Work, segment
from lstdata.source_row import SourceRow
from lstdata.sources import open_source
from lstdata.sources.row_file import RowFile
from tests.segment.conftest import in_this_process, write_corpus


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstdata.workers.trying.pause", lambda attempt: None)
    if "workers" not in request.node.name and "ray" not in request.node.name:
        monkeypatch.setattr("lstdata.segment.run.run_tasks", in_this_process)


class Watching:
    """Remembers lines; raises when so many recordings are done."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.lines: list[str] = []
        self.done: list[int] = []
        self._stop_after = stop_after

    def note(self, line: str) -> None:
        self.lines.append(line)

    def update(self, done: int, total: int) -> None:
        self.done.append(done)
        if done == self._stop_after:
            raise KeyboardInterrupt


def run(table: Path, out: Path, *sets: str, watching: Watching | None = None) -> Totals:
    config = load(BuildConfig, None, ["run.workers=1", *sets])
    work = Work(str(table), open_source(str(table), config.source), config, out)
    with locked(out, refuse_strangers):
        refuse_strangers(out)
        return segment(work, watching or Watching())


def rows(out: Path) -> list[SourceRow]:
    return list(RowFile.opened(str(out / SEGMENTS)).scan())


@pytest.fixture(scope="module")
def done(corpus: Path) -> Path:
    """A finished segmentation; read only."""
    out = corpus.parent / "done"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstdata.segment.run.run_tasks", in_this_process)
        run(corpus, out)
    return out


def test_every_record_is_in_the_row_file_in_the_source_s_order(corpus: Path, done: Path) -> None:
    found = rows(done)
    origins = [row.custom.get("segment_of", row.id) for row in found]
    assert list(dict.fromkeys(origins)) == ["talk-0", "broken", "talk-1", "talk-2", "short", "plain"]
    source = {row.id: row for row in open_source(str(corpus), SourceConfig()).scan()}
    for talk in ("talk-0", "talk-1", "talk-2"):
        parts = [row for row in found if row.custom.get("segment_of") == talk]
        assert len(parts) >= 2 and all(row.duration is not None and row.duration <= 30 for row in parts)
        assert [w.text for row in parts for w in row.words or ()] == [w.text for w in source[talk].words or ()]
        assert all((row.speaker, row.language, row.custom["topic"]) == ("s", "en", "noise") for row in parts)
    assert [row for row in found if row.id == "short"] == [source["short"]]
    assert {row.id: row.reject[0] for row in found if row.reject} == {
        "broken": "undecodable",
        "plain": "needs_word_times",
    }


def test_totals_say_what_became_of_all(corpus: Path, done: Path) -> None:
    totals = run(corpus, done)
    found = rows(done)
    assert (totals.records, totals.segmented, totals.rows) == (6, 3, len(found))
    assert totals.segments == len(found) - 3
    assert totals.reasons == {"undecodable": 1, "needs_word_times": 1}
    assert totals.seconds_out == pytest.approx(sum(row.duration or 0 for row in found if row.reject is None))
    assert totals.seconds_in > totals.seconds_out
    assert totals.with_transcript == len(found) - 2 and totals.joined == 0
    assert "joined" not in totals.describe()


def test_what_is_complete_is_left_alone(corpus: Path, done: Path) -> None:
    before, watching = (done / SEGMENTS).stat().st_mtime_ns, Watching()
    run(corpus, done, watching=watching)
    assert "is complete" in watching.lines[0] and watching.done == []
    assert (done / SEGMENTS).stat().st_mtime_ns == before and not (done / JOURNAL).exists()


@pytest.mark.parametrize("torn", [b"", b'{"key": "abc", "va'])
def test_an_interrupted_run_goes_on_where_it_was(corpus: Path, done: Path, torn: bytes) -> None:
    out = corpus.parent / f"resumed-{len(torn)}"
    with pytest.raises(KeyboardInterrupt):
        run(corpus, out, watching=Watching(stop_after=2))
    assert not (out / SEGMENTS).exists()
    with open(out / JOURNAL, "ab") as journal:
        journal.write(torn)
    watching = Watching()
    run(corpus, out, watching=watching)
    assert watching.lines[-1] == "resuming: 2 of 4 records are segmented" and watching.done == [3, 4]
    assert (out / SEGMENTS).read_bytes() == (done / SEGMENTS).read_bytes()


def test_two_workers_give_the_same_bytes(corpus: Path, done: Path) -> None:
    run(corpus, corpus.parent / "two", "run.workers=2")
    assert (corpus.parent / "two" / SEGMENTS).read_bytes() == (done / SEGMENTS).read_bytes()


@pytest.mark.slow
def test_ray_gives_the_same_bytes(corpus: Path, done: Path) -> None:
    run(corpus, corpus.parent / "ray", "run.workers=2", "run.runner=ray")
    assert (corpus.parent / "ray" / SEGMENTS).read_bytes() == (done / SEGMENTS).read_bytes()


def test_other_options_are_refused_by_name(corpus: Path, done: Path) -> None:
    with pytest.raises(ConfigError, match=r"`segment\.target_seconds` 20\.0 → 10\.0"):
        run(corpus, done, "segment.target_seconds=10")
    run(corpus, done, "segment.enabled=true", "run.workers=2", "plan.seed=3")


def test_another_source_is_refused(done: Path, tmp_path: Path) -> None:
    table = write_corpus(tmp_path)
    run(table, done)
    table.write_text(table.read_text().replace("w7", "w8"))
    with pytest.raises(ConfigError, match="no longer, what"):
        run(table, done)


def test_a_folder_of_something_else_is_refused(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"it holds `thesis\.tex`"):
        run(corpus, tmp_path)


def test_recordings_out_of_reach_stay_pending(tmp_path: Path) -> None:
    table = write_corpus(tmp_path / "talks")
    (tmp_path / "talks" / "talk-1.wav").rename(tmp_path / "talk-1.wav")
    (tmp_path / "talks" / "mount").symlink_to(tmp_path / "away")
    table.write_text(table.read_text().replace('"talk-1.wav"', '"mount/talk-1.wav"'))
    with pytest.raises(IncompleteBuild, match="1 of 4 records stay pending"):
        run(table, tmp_path / "out")
    (tmp_path / "away").mkdir()
    (tmp_path / "talk-1.wav").rename(tmp_path / "away" / "talk-1.wav")
    watching = Watching()
    run(table, tmp_path / "out", watching=watching)
    assert watching.done == [4]


def test_a_source_of_units_is_refused(corpus: Path, tmp_path: Path) -> None:
    source = open_source(str(corpus), SourceConfig())

    class Units(type(source)):  # type: ignore[misc]
        def inventory(self) -> object:
            return object()

    units = Units(**{name: getattr(source, name) for name in ("root", "path", "columns", "folder")})
    with pytest.raises(ConfigError, match="must hold audio to be segmented, but holds none"):
        Work(str(corpus), units, BuildConfig(), tmp_path)


def test_short_neighbours_are_joined(tmp_path: Path) -> None:
    lines = [
        {"id": f"u{n}", "audio": "talk-0.wav", "text": f"t{n}", "start": 3.0 * n, "end": 3.0 * n + 2.5, "speaker": "s"}
        for n in range(5)
    ]
    write_corpus(tmp_path)
    (tmp_path / "table.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    sets: Callable[..., list[str]] = lambda *more: ["segment.join=true", *more]  # noqa: E731
    totals = run(tmp_path / "table.jsonl", tmp_path / "out", *sets())
    assert totals.joined == 4 and "; 4 joined to the one before; 1 rows, " in totals.describe()
    (row,) = rows(tmp_path / "out")
    assert (row.id, row.text, row.duration) == ("u0+4", "t0 t1 t2 t3 t4", 14.5)
    assert replace(row.locator, start=0) == replace(row.locator, start=0, end=int(14.5 * 22_050))
    run(tmp_path / "table.jsonl", tmp_path / "narrow", *sets("segment.join_gap=0.4"))
    assert [row.id for row in rows(tmp_path / "narrow")] == [f"u{n}" for n in range(5)]


@pytest.mark.parametrize(
    ("lines", "following"),
    [
        ([{"text": "hello"}, {}], "next: lstdata build-shards OUT RUN\n"),
        (
            [{}, {"text": " "}],
            "next: lstdata transcribe OUT TRANSCRIPTS --model M, or lstdata build-shards OUT RUN --set"
            " words.missing=speech\n",
        ),
        ([{"text": "hello", "duration": 60}], ""),
    ],
    ids=["texts", "no-text", "nothing-usable"],
)
def test_what_comes_next_is_a_command_that_works(
    lines: list[dict[str, object]], following: str, corpus: Path, tmp_path: Path
) -> None:
    given = [
        {"id": f"u{n}", "audio": str(corpus.parent / "short.wav"), "text": "", "duration": 9, "speaker": "s"} | line
        for n, line in enumerate(lines)
    ]
    (tmp_path / "table.jsonl").write_text("".join(json.dumps(line) + "\n" for line in given))
    out = tmp_path / "out"
    for _ in ("first", "again"):
        ran = CliRunner().invoke(segment_command, [str(tmp_path / "table.jsonl"), str(out)])
        assert ran.exit_code == 0, ran.exception
        said = ran.output.replace(str(out), "OUT")
        assert said[said.find("next:") :] == following if following else "next:" not in said


@pytest.mark.parametrize("name", [".", SEGMENTS])
def test_rebuild_never_discards_its_source(done: Path, name: str) -> None:
    before = (done / SEGMENTS).read_bytes()
    ran = CliRunner().invoke(segment_command, [str(done / name), str(done), "--rebuild"])
    assert isinstance(ran.exception, ConfigError) and "is SOURCE, and --rebuild would" in str(ran.exception)
    assert (done / SEGMENTS).read_bytes() == before
