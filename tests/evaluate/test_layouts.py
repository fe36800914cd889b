"""Published layouts, in miniature: which pairs there are, which is right, and that nothing goes missing unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from upath import UPath

from lstdata.cli.verbs import cli
from lstdata.errors import ConfigError
from lstdata.evaluate.items import Item, Part, parse_items
from lstdata.evaluate.layouts import FOLDERS, LAYOUTS
from lstdata.evaluate.layouts.hellaswag import cleaned
from lstdata.evaluate.layouts.registry import _OF_FOLDERS, _OF_TEXTS, read_layout
from tests.conftest import write_cuts

LEXICAL = "id,filename,voice,frequency,word,phones,length,correct\n"
SYNTACTIC = "id,filename,voice,type,subtype,transcription,correct\n"
STORIES = (
    "InputStoryid,InputSentence1,InputSentence2,InputSentence3,InputSentence4,"
    "RandomFifthSentenceQuiz1,RandomFifthSentenceQuiz2,AnswerRightEnding\n"
)


def folder(root: Path, *recordings: str, gold: str | None = None) -> UPath:
    root.mkdir(parents=True)
    for name in recordings:
        (root / name).touch()
    if gold is not None:
        (root / "gold.csv").write_text(gold)
    return UPath(root)


def written(path: Path, text: str) -> UPath:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return UPath(path)


def heard(right: str, wrong: str) -> tuple[Part, Part]:
    return Part(audio=right), Part(audio=wrong)


def test_swuggy_has_an_item_per_pair_and_voice_by_id_whatever_the_order_of_rows_and_names(tmp_path: Path) -> None:
    gold = LEXICAL + (
        "7,zz,A,12,brick,b r ih k,4,1\n"
        "8,mm,A,0,yurt,y er t,3,1\n"
        "7,aa,A,12,,b l ih k,4,0\n"
        "7,bb,B,12,brick,b r ih k,4,1\n"
        "8,nn,A,0,,y ow t,3,0\n"
        "7,cc,B,12,,b l ih k,4,0\n"
    )
    names = [f"{name}.wav" for name in ("aa", "bb", "cc", "mm", "nn", "zz")]
    dev = folder(tmp_path / "lexical" / "dev", *names, gold=gold)
    reading = read_layout(dev)
    known_ = (("vocabulary", "in"), ("frequency", "5-19"), ("length", "4"))
    unknown = (("vocabulary", "out"), ("frequency", "oov"), ("length", "3"))
    assert reading.items == [
        Item("7/A", "7", None, heard("zz.wav", "aa.wav"), 0, known_),
        Item("8/A", "8", None, heard("mm.wav", "nn.wav"), 0, unknown),
        Item("7/B", "7", None, heard("bb.wav", "cc.wav"), 0, known_),
    ]
    known = "1 of 5,000 pairs with words of LibriSpeech that are published"
    assert reading.lines() == [f"swuggy: 3 items; {known}"]
    assert read_layout(dev, "swuggy-inter").lines() == [f"swuggy-inter: 2 items; {known}"]
    out = read_layout(dev, "swuggy-oov")
    assert [item.id for item in out.items] == ["8/A"]
    assert out.lines() == ["swuggy-oov: 1 items; how many are published is not known"]


def test_bands_of_frequency_are_those_of_the_official_evaluation(tmp_path: Path) -> None:
    """[0, 1), [1, 5), [5, 20), [20, 100) and from 100 on: pandas.cut with `right=False`."""
    said = {"": "oov", "0": "oov", "nan": "oov", "1": "1-4", "4": "1-4", "5": "5-19", "19.0": "5-19", "20": "20-99"}
    said |= {"99": "20-99", "100": "100 or more", "81234": "100 or more"}
    rows = [f"{n},w{n},A,{count},word,p,1,1\n{n},n{n},A,,,p,1,0\n" for n, count in enumerate(said)]
    names = [f"{letter}{n}.wav" for n in range(len(said)) for letter in "wn"]
    reading = read_layout(folder(tmp_path / "dev", *names, gold=LEXICAL + "".join(rows)))
    assert [dict(item.by)["frequency"] for item in reading.items] == list(said.values())
    assert [dict(item.by)["vocabulary"] for item in reading.items] == ["out"] * 3 + ["in"] * 8


def test_sblimp_tells_ids_of_other_subtypes_apart_and_keeps_the_sentences(tmp_path: Path) -> None:
    gold = SYNTACTIC + (
        "1,a,A,agreement,one,dogs eat meat,1\n1,b,A,agreement,one,dogs eats meat,0\n"
        '1,c,A,agreement,two,"no, boys can",1\n1,d,A,agreement,two,"no, boys cans",0\n'
    )
    reading = read_layout(folder(tmp_path / "test", "a.wav", "b.wav", "c.wav", "d.wav", gold=gold))
    assert [item.id for item in reading.items] == ["agreement/one/1/A", "agreement/two/1/A"]
    assert [dict(item.by) for item in reading.items] == [
        {"type": "agreement", "subtype": "agreement/one"},
        {"type": "agreement", "subtype": "agreement/two"},
    ]
    assert reading.items[1].endings == (Part("no, boys can", audio="c.wav"), Part("no, boys cans", audio="d.wav"))
    assert reading.lines() == ["sblimp: 2 items; 2 of 63,000 pairs of recordings that are published"]


def test_whatever_is_incomplete_is_counted_and_named(tmp_path: Path) -> None:
    gold = LEXICAL + (
        "1,a,A,1,w,p,1,1\n1,b,A,1,,p,1,0\n"
        "2,c,A,1,w,p,1,1\n2,gone,A,1,,p,1,0\n"
        "3,d,A,1,,p,1,0\n"
        "4,e,A,1,w,p,1,1\n"
        "5,f,A,1,w,p,1,1\n5,g,A,1,w,p,1,1\n5,h,A,1,,p,1,0\n"
        "6,i,A,1,w,p,1,yes\n"
        "7,j\n"
    )
    names = [f"{name}.wav" for name in "abcdefghi"]
    reading = read_layout(folder(tmp_path / "mine", *names, "stray.wav", gold=gold))
    assert [item.id for item in reading.items] == ["1/A"]
    assert reading.problems == {
        "rows that cannot be used": [
            "row 10 (`correct` must be 0 or 1, but is 'yes')",
            "row 11 (it has 2 fields, but the header names 8)",
        ],
        "recordings that are missing": ["gone.wav"],
        "recordings of no pair": ["i.wav", "stray.wav"],
        "pairs without a right one": ["3/A"],
        "pairs without a wrong one": ["4/A"],
        "duplicates": ["5/A"],
    }
    assert "2 recordings of no pair: i.wav, stray.wav" in reading.lines()
    with pytest.raises(ConfigError, match="lacks `frequency`"):
        read_layout(folder(tmp_path / "other", "a.wav", gold="id,filename,voice,correct\n1,a,A,1\n"))
    with pytest.raises(ConfigError, match=r"no items .* that are whole\.\n1 recordings that are missing: a"):
        read_layout(folder(tmp_path / "bare", gold=LEXICAL + "1,a,A,1,w,p,1,1\n"))


def test_spoken_storycloze_is_paired_by_story_never_by_order(tmp_path: Path) -> None:
    names = [
        "0_ab-1_incorrect.wav",
        "1_cd-2_correct.wav",
        "2_ab-1_correct.wav",
        "10_cd-2_incorrect.wav",
        "3_ef_correct.wav",
    ]
    reading = read_layout(folder(tmp_path / "tSC", *names, "readme.txt", "take.wav"))
    assert reading.items == [
        Item("ab-1", "ab-1", None, heard("2_ab-1_correct.wav", "0_ab-1_incorrect.wav"), 0),
        Item("cd-2", "cd-2", None, heard("1_cd-2_correct.wav", "10_cd-2_incorrect.wav"), 0),
    ]
    assert reading.problems == {"recordings of no pair": ["take.wav"], "pairs without a wrong one": ["ef"]}
    assert reading.lines()[0] == "spoken-storycloze: 2 items; 2 of 1,871 stories that are published"


def test_storycloze_as_text_and_with_recordings(tmp_path: Path) -> None:
    rows = (
        's1,It rained.,She went out.,"Oh, no.",No coat.,She got wet.,She stayed dry.,1\n'
        "s2,A.,B.,C.,D.,No., Yes. ,2\n"
        "s2,A.,B.,C.,D.,No.,Yes.,2\n"
        "s3,A.,B.,C.,D.,No.,Yes.,\n"
        "s4,A.,B.,,D.,No.,Yes.,1\n"
    )
    path = written(tmp_path / "cloze_test_val__spring2016 - cloze_test_ALL_val.csv", STORIES + rows)
    reading = read_layout(path)
    first = Part("It rained. She went out. Oh, no. No coat.")
    assert reading.items == [
        Item("s1", "s1", first, (Part("She got wet."), Part("She stayed dry.")), 0),
        Item("s2", "s2", Part("A. B. C. D."), (Part("No."), Part("Yes.")), 1),
    ]
    assert reading.problems == {
        "duplicates": ["s2"],
        "pairs without a right one": ["s3"],
        "rows that cannot be used": ["row 5 (it has an empty field)"],
    }
    assert reading.lines()[0] == "storycloze: 2 items; 2 of 1,871 stories that are published"
    audio = folder(tmp_path / "audio", "s1_prompt.wav", "s1_ending_0.wav", "s1_ending_1.flac", "s2_prompt.wav", "x.wav")
    spoken = read_layout(path, audio=audio)
    assert [part.audio for part in spoken.items[0].parts()] == ["s1_prompt.wav", "s1_ending_0.wav", "s1_ending_1.flac"]
    assert spoken.items[0].prompt == Part(first.text, audio="s1_prompt.wav")
    assert spoken.items[1] == reading.items[1]
    assert spoken.problems["recordings that are missing"] == ["s2_ending_0", "s2_ending_1"]
    assert spoken.problems["recordings of no pair"] == ["x.wav"]


HELLASWAG: dict[str, Any] = {
    "ind": 24,
    "activity_label": "Roof removal",
    "ctx_a": "A man is on a roof.",
    "ctx_b": "he",
    "ctx": "A man is on a roof. he",
    "endings": ["rips tiles.", "sleeps.", "[header] How to sing [title] Sing [step] Loud.", "eats."],
    "label": 2,
    "source_id": "activitynet~v_x",
}


def test_hellaswag_is_cleaned_of_wikihows_marks(tmp_path: Path) -> None:
    rows = [HELLASWAG, {**HELLASWAG, "ind": 25, "label": ""}, {**HELLASWAG, "ind": 24}, {"ind": 1, "endings": []}]
    path = written(tmp_path / "hellaswag_val.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    reading = read_layout(path)
    (item,) = reading.items
    assert (item.id, item.answer, item.chance) == ("24", 2, 0.25)
    assert item.prompt == Part("Roof removal: A man is on a roof. He")
    assert item.endings[2] == Part("How to sing. Sing Loud.")
    assert reading.problems == {
        "pairs without a right one": ["25"],
        "duplicates": ["24"],
        "rows that cannot be used": ["line 4 (`ctx` is missing)"],
    }
    assert reading.lines()[0] == "hellaswag: 1 items; 1 of 10,042 items that are published"
    assert cleaned("[header] How to sing [title] Sing. [step] Loud [substeps] x.") == "How to sing. Sing. Loud x."


def test_an_explicit_table_says_which_recordings_make_an_item(tmp_path: Path) -> None:
    table = (
        "id\tpair\tprompt\tprompt_audio\tending_0\tending_0_audio\tending_1\tending_1_audio\tanswer\n"
        "a\tp\tIt rained.\tp.wav\tShe got wet.\te0.wav\tShe stayed dry.\te1.wav\t1\n"
        "b\tp\tIt rained.\t\tyes\t\tno\t\t0\n"
        "b\tp\tIt rained.\t\tyes\t\tno\t\t0\n"
        "c\t\t\t\t\te0.wav\t\tgone.wav\t0\n"
        "d\t\t\t\tyes\t\tno\t\t2\n"
        "e\t\t\t\t\t\tno\t\t0\n"
    )
    path = written(tmp_path / "pairs.tsv", table)
    audio = folder(tmp_path / "audio", "p.wav", "e0.wav", "e1.wav")
    reading = read_layout(path, audio=audio)
    endings = (Part("She got wet.", audio="e0.wav"), Part("She stayed dry.", audio="e1.wav"))
    assert reading.items == [
        Item("a", "p", Part("It rained.", audio="p.wav"), endings, 1),
        Item("b", "p", Part("It rained."), (Part("yes"), Part("no")), 0),
    ]
    assert reading.problems == {
        "duplicates": ["b"],
        "recordings that are missing": ["gone.wav"],
        "pairs without a right one": ["d"],
        "rows that cannot be used": ["row 6 (it needs an `id` and two endings or more)"],
    }
    assert reading.lines()[0] == "pairs: 2 items; how many are published is not known"
    with pytest.raises(ConfigError, match="of two endings"):
        read_layout(written(tmp_path / "one.csv", "id,answer,ending_0\na,0,yes\n"))


def test_what_is_in_no_layout_or_in_another_is_refused(tmp_path: Path) -> None:
    assert ("items", *_OF_FOLDERS, *_OF_TEXTS, "pairs") == LAYOUTS
    assert tuple(_OF_FOLDERS) == FOLDERS
    other = folder(tmp_path / "other", "take.wav")
    with pytest.raises(ConfigError, match=r"a folder of recordings with a gold\.csv"):
        read_layout(other)
    with pytest.raises(ConfigError, match="`items` of the layout storycloze must be a file"):
        read_layout(other, "storycloze")
    path = written(tmp_path / "table.csv", "name,answer\na,1\n")
    with pytest.raises(ConfigError, match="of the layout sblimp must be a folder"):
        read_layout(path, "sblimp")
    with pytest.raises(ConfigError, match=r"must have the columns id, answer, but lacks `id`\."):
        read_layout(path)
    with pytest.raises(ConfigError, match="has recordings of its own"):
        read_layout(other, "swuggy", audio=other)
    with pytest.raises(ConfigError, match="does not exist"):
        read_layout(UPath(tmp_path / "none.jsonl"))
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "caf\xe9"}\n')
    with pytest.raises(ConfigError, match="must be UTF-8"):
        read_layout(UPath(tmp_path / "latin.jsonl"))


def test_build_eval_makes_a_set_of_a_published_folder_and_says_what_is_missing(built: Path, tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "speech", 2, first=700)
    dev = tmp_path / "lexical" / "dev"
    dev.mkdir(parents=True)
    for number, name in ((700, "w"), (701, "n")):
        (corpus / "audio" / f"utt-{number}.flac").rename(dev / f"{name}.wav")
    (dev / "gold.csv").write_text(f"{LEXICAL}1,w,A,3,mill,m,1,1\n1,n,A,3,,m,1,0\n2,x,A,3,mill,m,1,1\n")
    out = tmp_path / "set"
    ran = CliRunner().invoke(cli, ["build-eval", str(dev), str(out), "--like", str(built), "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    assert "swuggy: 1 items; 1 of 5,000 pairs with words of LibriSpeech that are published\n" in ran.stdout
    assert "1 recordings that are missing: x.wav\n1 pairs without a wrong one: 2/A\n1 items, 2 recordings" in ran.stdout
    (item,) = parse_items((out / "items.jsonl").read_text(), "items")
    assert [part.recording for part in item.endings] == ["w", "n"]
    kept = json.loads((out / "layout.json").read_text())
    assert kept["problems"]["recordings that are missing"] == ["x.wav"]
    assert kept["published"]["source"].startswith("https://zerospeech.com/")
