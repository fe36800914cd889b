"""The stories: coherent by construction, of the right length, and their ending decided by one fact."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstdata.demo.plots import Plot, branches
from lstdata.demo.stories import PLOTS, WORDS, Split, draw_frame, split_of, tell

FUNCTION_WORDS = frozenset(
    "a an the and or but of in on at to for from with by as so it its he she him her his they them their there that "
    "this was were is are had has have be been not no nor i you we who what when where then than into out up down "
    "could would did do all one two".split()
)


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@given(st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from(["train", "validation", "test"]))
@settings(deadline=None)
def test_a_story_has_its_split_its_length_and_only_whole_sentences(seed: int, index: int, split: Split) -> None:
    frame = draw_frame(seed, f"s-{index}", split)
    assert split_of(frame.skeleton) == split
    for branch in (0, 1):
        story = tell(frame, branch)
        assert WORDS[0] <= len(story.text.split()) <= WORDS[1]
        assert not set("{}|>/") & set(story.text)
        assert story.text == " ".join(story.text.split())
        assert not re.search(r"\b[Aa] [aeio]\w", story.text)
        assert not re.search(r"(^|\. )\"?[a-z]", story.text)
        assert story.text[-1] in '.!?"'


@given(st.integers(0, 2**31), st.integers(0, 10**6))
@settings(deadline=None)
def test_the_two_tellings_of_a_frame_differ_in_the_fact_and_the_ending(seed: int, index: int) -> None:
    frame = draw_frame(seed, f"p-{index}", "test")
    first, second = tell(frame, 0), tell(frame, 1)
    assert first.prompt != second.prompt
    assert first.ending != second.ending
    ours, theirs = (re.split(r"(?<=[.!?]) ", s.prompt) for s in (first, second))
    common = [a for a in ours if a in theirs]
    assert len(common) >= len(ours) - len(re.split(r"(?<=[.!?]) ", max(_facts(frame.plot), key=len)))


def _facts(plot: Plot) -> list[str]:
    return [fact for branch in plot.branches for fact in branch.fact]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_plot_decides_its_ending_by_the_fact_alone(plot: Plot) -> None:
    people = {"hero", "friend", "he", "him", "his", "day"}
    slots = set(plot.slots) | {f"a {name}" for name in plot.slots}
    picks = [branch.pick for branch in plot.branches]
    assert len(set(picks)) == len(picks) >= 4
    for sentence in (*plot.before, *plot.after):
        for words in sentence:
            assert _fields(words) <= people | slots | {"one", "two"}
    for branch in plot.branches:
        assert len(branch.fact) == len(branch.ending) == 2
        assert all(_fields(words) <= people | slots | {"pick", "other"} for words in branch.fact)
        assert all(_fields(words) <= people | slots | {"pick"} for words in branch.ending)
        assert all(re.search(r"[.!?]\"?$", words) for words in (*branch.fact, *branch.ending))
    endings = [branch.ending if "{pick}" not in branch.ending[0] else branch.pick for branch in plot.branches]
    assert len(set(map(str, endings))) == len(endings)


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_fixed_article_stands_before_consonants_only(plot: Plot) -> None:
    picks = tuple(branch.pick for branch in plot.branches)
    words = {**plot.slots, **dict.fromkeys(("one", "two", "pick", "other"), picks)}
    facts = [(*branch.fact, *branch.ending) for branch in plot.branches]
    for text in (text for sentence in (*plot.before, *plot.after, *facts) for text in sentence):
        for name in re.findall(r"\b[Aa] \{(\w+)\}", text):
            assert not [word for word in words[name] if word[0] in "aeiou"], text


def test_a_table_of_branches_reads_wrapped_entries() -> None:
    first, second = branches("""
        rain: It rained
            all day. / Rain: it fell.
            > They got wet. / "Wet!" they said.
        sun: It was hot. > They drank.
    """)
    assert (first.pick, second.pick) == ("rain", "sun")
    assert first.fact == ("It rained all day.", "Rain: it fell.")
    assert first.ending == ("They got wet.", '"Wet!" they said.')
    assert second.ending == ("They drank.",)


def test_the_language_is_rich_and_stories_are_not_repeated() -> None:
    stories = [tell(draw_frame(0, f"story-{i:06d}", "train")).text for i in range(1000)]
    words = set(re.findall(r"[a-z']+", " ".join(stories).lower()))
    assert len(words - FUNCTION_WORDS) >= 800
    assert len(set(stories)) == len(stories)


def test_skeletons_fall_into_the_splits_by_their_shares() -> None:
    skeletons = {"/".join(("x", str(i))) for i in range(10_000)}
    test = sum(split_of(s) == "test" for s in skeletons)
    validation = sum(split_of(s) == "validation" for s in skeletons)
    assert abs(test - 1500) < 150
    assert abs(validation - 1500) < 150


def test_a_frame_depends_on_seed_id_and_split_alone() -> None:
    assert draw_frame(1, "a", "train") == draw_frame(1, "a", "train")
    assert draw_frame(1, "a", "train") != draw_frame(2, "a", "train")
    assert draw_frame(1, "a", "train") != draw_frame(1, "b", "train")
