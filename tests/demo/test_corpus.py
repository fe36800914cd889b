"""The corpus on disk: the same bytes for the same arguments, readable by lhotse, its items fair."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstdata.demo import corpus
from lstdata.demo.completion import draw_pair, draw_topic_pair
from lstdata.demo.corpus import write_corpus
from lstdata.demo.language import Language
from lstdata.errors import ConfigError
from lstdata.storage import sha256_file

pytest.importorskip("espeakng_loader")

ARGUMENTS = {"utterances": 20, "seed": 5, "items": 12, "stories": 30}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "corpus"
    write_corpus(out, **ARGUMENTS, workers=2)
    return out


def _hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _rows(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines()]


def test_same_arguments_give_same_bytes_for_any_workers_and_folder(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "another place", **ARGUMENTS, workers=1)
    assert _hashes(tmp_path / "another place") == _hashes(folder)


def test_an_utterance_does_not_depend_on_how_many_there_are(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "c", utterances=11, seed=5, items=2, stories=3)
    few, many = _hashes(tmp_path / "c"), _hashes(folder)
    audio = {name: digest for name, digest in few.items() if name.endswith(".flac")}
    assert len(audio) == 11 + 4
    assert audio.items() <= many.items()
    for name in ("supervisions.jsonl.gz", "cuts.jsonl.gz", "recordings.jsonl.gz", "text/stories.jsonl"):
        ours = _rows(tmp_path / "c" / name)
        assert ours == _rows(folder / name)[: len(ours)]


def test_another_seed_gives_other_stories(folder: Path) -> None:
    assert draw_pair(5, 0).lines[0].text == _rows(folder / "completion" / "items.jsonl")[0]["prompt"]["text"]
    assert draw_pair(6, 0).lines[0].text != draw_pair(5, 0).lines[0].text


def test_lhotse_opens_it(folder: Path) -> None:
    from lhotse import CutSet, RecordingSet, SupervisionSet, validate

    for manifest in (RecordingSet, SupervisionSet, CutSet):
        name = {RecordingSet: "recordings", SupervisionSet: "supervisions", CutSet: "cuts"}[manifest]
        validate(manifest.from_file(folder / f"{name}.jsonl.gz").to_eager())
    cuts = CutSet.from_file(folder / "cuts.jsonl.gz").with_recording_path_prefix(folder).to_eager()
    assert len(cuts) == 20
    for cut in cuts:
        audio = cut.load_audio()
        assert audio.shape == (1, cut.num_samples)
        assert cut.sampling_rate == 22_050
        (supervision,) = cut.supervisions
        assert supervision.language == "en"
        assert 25 <= len(supervision.text.split()) <= 60
        words = supervision.alignment["word"]
        assert [word.symbol for word in words] == supervision.text.split()
        end = 0.0
        for word in words:
            assert word.start >= end
            assert word.duration > 0
            end = word.end
        assert end <= supervision.duration == cut.duration
        times = np.arange(audio.shape[1]) / cut.sampling_rate
        inside = np.any([(w.start + 2e-4 <= times) & (times < w.end - 2e-4) for w in words], axis=0)
        near = np.any([(w.start - 2e-4 <= times) & (times < w.end + 2e-4) for w in words], axis=0)
        assert np.mean(audio[0, inside] ** 2) > 10_000 * np.mean(audio[0, ~near] ** 2)


def test_splits_are_named_and_share_no_skeleton(folder: Path) -> None:
    customs = [row["custom"] for row in _rows(folder / "cuts.jsonl.gz")]
    assert customs == [row["custom"] for row in _rows(folder / "supervisions.jsonl.gz")]
    assert [c["split"] for c in customs].count("validation") == 2
    skeletons: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for row in [*customs, *_rows(folder / "text" / "stories.jsonl")]:
        skeletons[row["split"]].add(row["skeleton"])
    skeletons["test"] = {item["skeleton"] for item in _rows(folder / "completion" / "items.jsonl")}
    assert all(skeletons.values())
    assert not skeletons["train"] & skeletons["validation"]
    assert not (skeletons["train"] | skeletons["validation"]) & skeletons["test"]
    texts = _rows(folder / "text" / "stories.jsonl")
    assert len({row["text"] for row in texts}) == len(texts) == 30


def test_a_scorer_that_sees_endings_only_is_right_half_of_the_time(folder: Path) -> None:
    items = _rows(folder / "completion" / "items.jsonl")
    assert len(items) == 12
    scorers = {
        "first": lambda ending, place: -place,
        "text": lambda ending, place: hash(ending["text"]),
        "length": lambda ending, place: len(ending["text"]),
        "sound": lambda ending, place: sha256_file(folder / "completion" / ending["audio"]),
    }
    for name, score in scorers.items():
        chosen = [max((0, 1), key=lambda place, s=score, i=item: s(i["endings"][place], place)) for item in items]
        assert sum(c == item["answer"] for c, item in zip(chosen, items, strict=True)) * 2 == len(items), name


def test_a_pair_of_items_has_both_prompts_and_the_answer_swapped(folder: Path) -> None:
    items = _rows(folder / "completion" / "items.jsonl")
    recordings = {row["id"]: row for row in _rows(folder / "completion" / "recordings.jsonl.gz")}
    spoken = {row["id"]: row for row in _rows(folder / "completion" / "supervisions.jsonl.gz")}
    assert len(recordings) == len(spoken) == 24
    for one, other in zip(items[::2], items[1::2], strict=True):
        assert one["pair"] == other["pair"]
        assert one["endings"] == other["endings"]
        assert one["prompt"]["text"] != other["prompt"]["text"]
        assert (one["answer"], other["answer"]) == (0, 1)
        for part in (one["prompt"], other["prompt"], *one["endings"]):
            assert spoken[part["recording"]]["text"] == part["text"]
            assert spoken[part["recording"]]["speaker"] == one["speaker"]
            assert recordings[part["recording"]]["sources"][0]["source"] == part["audio"]
            assert (folder / "completion" / part["audio"]).is_file()


def test_the_other_ending_may_be_of_another_plot(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    summary = write_corpus(out, **{**ARGUMENTS, "utterances": 2, "items": 2}, topic_items=6)
    assert summary.topic_items == 6 and summary == write_corpus(
        out, **{**ARGUMENTS, "utterances": 2, "items": 2}, topic_items=6
    )
    assert "topic/" in (out / "README.md").read_text() and "topic/" not in (folder / "README.md").read_text()
    items = _rows(out / "topic" / "items.jsonl")
    assert [item["answer"] for item in items] == [0, 1] * 3
    for one, other in zip(items[::2], items[1::2], strict=True):
        assert one["endings"] == other["endings"] and one["prompt"] != other["prompt"]
        assert all((out / "topic" / part["audio"]).is_file() for part in (one["prompt"], *one["endings"]))
        first, second = (skeleton.split("/")[0] for skeleton in one["skeleton"].split("+"))
        assert first != second
    names = {row["id"]: row for row in _rows(out / "completion" / "items.jsonl")}
    assert names == {row["id"]: row for row in _rows(folder / "completion" / "items.jsonl")[:2]}


def test_items_of_topics_are_told_of_the_same_people() -> None:
    names = set("Anna Clara Emma Adam Bruno Carl Paul Ruth Zoe Tom Jack Kate".split())
    for index in range(60):
        told = [
            set(line.text.replace(".", " ").replace(",", " ").split()) & names
            for line in draw_topic_pair(3, index).lines
        ]
        assert len(set().union(*told)) <= 2
    with pytest.raises(ConfigError, match="`topic_items` need two plots, but `plots` is pet alone"):
        write_corpus(Path("nowhere"), utterances=1, seed=0, items=0, topic_items=2, language=Language(plots=("pet",)))
    with pytest.raises(ConfigError, match="`topic_items` must be even and ≥ 0, since two make a pair, but is 3"):
        write_corpus(Path("nowhere"), utterances=1, seed=0, items=0, topic_items=3)


def test_two_thousand_items_are_all_different() -> None:
    pairs = [draw_pair(0, index) for index in range(1000)]
    assert len({tuple(sorted(line.text for line in pair.lines)) for pair in pairs}) == len(pairs)


def test_an_interrupted_run_is_simply_run_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "c"
    with monkeypatch.context() as patch:
        patch.setattr(corpus, "write_recordings", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_corpus(out, **ARGUMENTS)
    assert not list(out.glob("*.gz"))
    (out / "audio" / "story-000003.flac").write_bytes(b"torn")
    write_corpus(out, **ARGUMENTS)
    assert _hashes(out) == _hashes(folder)


def test_a_complete_corpus_is_not_spoken_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _hashes(folder)
    monkeypatch.setattr(corpus, "record_all", _interrupt)
    summary = write_corpus(folder, **ARGUMENTS)
    assert (summary.utterances, summary.validation, summary.items, summary.stories) == (20, 2, 12, 30)
    assert _hashes(folder) == before


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_folder_of_other_arguments_is_refused_and_says_which(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"`seed` 5 → 6"):
        write_corpus(folder, **{**ARGUMENTS, "seed": 6})


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ConfigError, match="must be empty or hold a demo corpus"):
        write_corpus(tmp_path, **ARGUMENTS)
    with pytest.raises(ConfigError, match="must be a folder"):
        write_corpus(tmp_path / "precious.txt", **ARGUMENTS)
    assert [p.name for p in tmp_path.iterdir()] == ["precious.txt"]


def test_all_wrong_arguments_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_corpus(tmp_path, utterances=0, seed=-1, items=3, stories=-2, workers=0)
    assert len(caught.value.mistakes) == 5
    assert "`items` must be even" in str(caught.value)


def test_a_smaller_language_has_its_plots_and_voices_alone_and_says_so(tmp_path: Path) -> None:
    language = Language(plots=("pet", "hiding"), voices=2)
    write_corpus(tmp_path, **ARGUMENTS, language=language)
    written = [*_rows(tmp_path / "text" / "stories.jsonl"), *_rows(tmp_path / "completion" / "items.jsonl")]
    assert {row["skeleton"].split("/")[0] for row in written} == {"pet", "hiding"}
    speakers = {row["speaker"] for row in _rows(tmp_path / "supervisions.jsonl.gz")}
    assert speakers == {"en-us+m1", "en-us+m3"}
    with pytest.raises(ConfigError, match="language"):
        write_corpus(tmp_path, **ARGUMENTS)


def test_all_that_is_wrong_with_a_language_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        write_corpus(tmp_path, **ARGUMENTS, language=Language(plots=("pet", "pets", "pet"), voices=0, snr=100.0))
    assert len(error.value.mistakes) == 4
    assert not list(tmp_path.iterdir())
