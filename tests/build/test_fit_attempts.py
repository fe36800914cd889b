"""A codebook's fit survives the records over which its worker dies or waits, and says which it left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from lstdata.build import Asked, planned
from lstdata.build.fit_attempts import MOST_ATTEMPTS, MOST_LEFT_OUT, Attempt, fit_apart
from lstdata.build.fitting import fit_on
from lstdata.build.freeze import fit_source
from lstdata.build.task import RecordFailed
from lstdata.config import BuildConfig, RunConfig, load
from lstdata.errors import ConfigError, LstDataError, Unavailable
from lstdata.sources import open_source
from lstdata.storage import commit_json, read_json
from lstdata.units.features import find_features
from lstdata.workers.queue import NODE_DEATHS, WorkerDied
from tests.build.misbehaving import misbehave, misbehave_in_fit
from tests.conftest import OPTIONS, Quiet, build

DEATH = WorkerDied("killed by SIGSEGV")
GONE = WorkerDied("the node went away", with_node=True)
DONE = (None,)


class Noting(Quiet):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, line: str) -> None:
        self.notes.append(line)


class Script:
    """Stands for the workers: what comes of each attempt, after the word that is left of it, if any."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, *steps: Any) -> None:
        self.folder, self.steps = UPath(folder), steps
        self.attempts: list[Attempt] = []
        self.said: list[str] = []
        patch.setattr("lstdata.build.fit_attempts.work_off", self._work_off)

    def run(self, progress: Callable[[int, int], None] = lambda done, total: None) -> Sequence[str]:
        return fit_apart(lambda **_: None, self.folder, RunConfig(), 0.0, progress, self.said.append)[1]

    def _work_off(self, make: Callable[[], Any], line: Any, run: RunConfig, **_: Any) -> Iterator[tuple[Attempt, Any]]:
        word = make()._word
        for step in self.steps:
            attempt = line.next()
            assert line.next() is None, "one at a time"
            self.attempts.append(attempt)
            outcome, id, number = step if isinstance(step, tuple) and step != DONE else (step, None, 0)
            if id is not None:
                commit_json(word, {"attempt": number or attempt.number, "frames": 0, "wanted": 9, "id": id})
            yield attempt, outcome
        assert line.next() is None


def slow(id: str) -> RecordFailed:
    return RecordFailed(id, "decode", "timed_out", "it was not done within 5 s (`run.record_timeout`).")


def over(id: str, attempt: int = 0) -> tuple[LstDataError, str, int]:
    """A death; the word is of this attempt, or of an earlier one."""
    return DEATH, id, attempt


def test_the_second_death_names_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, tmp_path, DEATH, over("a"), over("b"), DONE)
    assert script.run() == ("a", "b")
    assert [(a.careful, a.left_out) for a in script.attempts] == [
        (False, ()),
        (True, ()),
        (True, ("a",)),
        (True, ("a", "b")),
    ]
    assert script.said[1:] == [f"codebook: fitted without `{id}`: killed by SIGSEGV" for id in "ab"]
    assert list((tmp_path / "events").iterdir()) == [], "the word is removed"


def test_a_death_that_does_not_come_again_leaves_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Script(monkeypatch, tmp_path, DEATH, DONE).run() == ()


def test_a_record_is_left_out_when_it_fails_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, tmp_path, slow("a"), slow("b"), slow("a"), DONE)
    assert script.run() == ("a",)
    assert not any(attempt.careful for attempt in script.attempts)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([DEATH, DEATH], "its worker died, but over no record: killed by SIGSEGV"),
        ([DEATH, over("a"), over("a", attempt=2)], "over no record"),
        ([DEATH, *(over(str(n)) for n in range(MOST_LEFT_OUT + 1))], f"more than {MOST_LEFT_OUT} records fail"),
        ([slow(str(n)) for n in range(MOST_ATTEMPTS)], f"in {MOST_ATTEMPTS} attempts; the last: `23`, stage decode"),
        ([GONE] * NODE_DEATHS, f"its node went away {NODE_DEATHS} times"),
    ],
)
def test_it_is_given_up_where_it_is_hardly_the_records(
    steps: list[Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match=message):
        Script(monkeypatch, tmp_path, *steps, DONE).run()


def test_a_node_that_goes_away_says_nothing_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, tmp_path, DEATH, (GONE, "a", 0), over("b"), *[GONE] * (NODE_DEATHS - 2), DONE)
    assert script.run() == ("b",)


def test_other_faults_are_raised_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="too many clusters"):
        Script(monkeypatch, tmp_path, ConfigError("too many clusters")).run()


def test_it_is_heard_how_far_the_fit_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, told = threading.Event(), list[tuple[int, int]]()

    def fit(make: Callable[[], Any], line: Any, run: RunConfig, **_: Any) -> Iterator[tuple[Attempt, Any]]:
        attempt = line.next()
        monkeypatch.setattr("lstdata.build.fit_attempts._pace", lambda word: 0.0)
        yield attempt, make()(attempt)

    def fitted(*, progress: Callable[[int, int], None], **_: Any) -> None:
        progress(3, 7)
        assert heard.wait(30)

    def hear(done: int, total: int) -> None:
        told.append((done, total))
        heard.set()

    monkeypatch.setattr("lstdata.build.fit_attempts.work_off", fit)
    fit_apart(fitted, UPath(tmp_path), RunConfig(), 0.0, hear, lambda line: None)
    assert told[0] == (3, 7)


def codebook_bytes(corpus: Path, left_out: Sequence[str] = ()) -> bytes:
    """As it is fitted in this process."""
    config = load(BuildConfig, None, OPTIONS)
    with planned(Asked(str(corpus), corpus / "out", config)) as (plan, path):
        source, features = open_source(str(corpus), config.source), find_features(config.units, "cpu")
        made = fit_on(source, plan, path, config, features, left_out=left_out)
        assert made is not None
        return made[0].to_bytes()


def test_in_a_worker_the_codebook_is_the_same(cuts: Path, built: Path) -> None:
    assert (built / "codebook.npz").read_bytes() == codebook_bytes(cuts)
    assert read_json(built / "codebook.json")["left_out"] == []
    assert not list((built / "events").glob("codebook*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason", "cause"),
    [
        ("kill", "worker_died", "killed by SIGKILL (out of memory?)"),
        ("hang", "timed_out", "`utt-005`, stage decode: it was not done within 3 s (`run.record_timeout`)."),
        ("hang in C", "worker_died", "exit code 1, see its standard error"),
        ("eat", "out_of_memory", "`utt-005`, stage decode: not enough memory: none left."),
    ],
)
def test_a_build_survives_a_record_that_is_bad_wherever_it_is_heard(
    fault: str, reason: str, cause: str, cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehave_in_fit(monkeypatch, {"utt-005": fault}, tmp_path)
    misbehave(monkeypatch, {"utt-005": fault}, tmp_path)
    listener, out = Noting(), tmp_path / "out"
    totals = build(cuts, out, "run.record_timeout=3", listener=listener)
    assert (totals.written, totals.reasons, totals.environmental) == (11, {reason: 1}, 1)
    assert f"codebook: fitted without `utt-005`: {cause}" in listener.notes
    assert read_json(out / "codebook.json")["left_out"] == ["utt-005"]
    assert (out / "codebook.npz").read_bytes() == codebook_bytes(cuts, ["utt-005"])


@pytest.mark.slow
def test_on_ray_it_is_the_same(cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    misbehave_in_fit(monkeypatch, {"utt-005": "kill", "utt-007": "hang"}, tmp_path)
    listener, out = Noting(), tmp_path / "out"
    totals = build(cuts, out, "run.runner=ray", "run.workers=2", "run.record_timeout=3", listener=listener)
    assert totals.written == 12
    assert sorted(read_json(out / "codebook.json")["left_out"]) == ["utt-005", "utt-007"]
    assert (out / "codebook.npz").read_bytes() == codebook_bytes(cuts, ["utt-005", "utt-007"])
    assert len([note for note in listener.notes if note.startswith("codebook: fitted without")]) == 2


@pytest.mark.slow
def test_a_crash_that_does_not_come_again_changes_nothing(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehave_in_fit(monkeypatch, {"utt-005": "kill once"}, tmp_path)
    _, notes = fit_source(str(cuts), UPath(tmp_path / "book.npz"), load(BuildConfig, None, OPTIONS), lambda *of: None)
    assert (tmp_path / "book.npz").read_bytes() == codebook_bytes(cuts)
    assert [note for note in notes if "worker died" in note] and not [note for note in notes if "without" in note]


@pytest.mark.slow
def test_a_crash_over_no_record_ends_a_build_in_one_line(
    cuts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehave_in_fit(monkeypatch, {"codebook": "kill"}, tmp_path)
    with pytest.raises(Unavailable, match=r"^The codebook could not be fitted: .* over no record: killed by SIGKILL"):
        build(cuts, tmp_path / "out")
    assert not (tmp_path / "out" / "codebook.npz").exists()
