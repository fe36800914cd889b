"""The drawings in docs/concepts.md are what the code makes of their excerpt today."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from docs.drawings.draw import DRAWINGS, FOLDER
from docs.drawings.excerpt import Excerpt, read_excerpt
from lstdata.config import PatchingConfig
from lstdata.patching import utterance_patches
from lstdata.records import frame_count

CONCEPTS = (Path(__file__).resolve().parents[1] / "docs" / "concepts.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def excerpt() -> Excerpt:
    return read_excerpt()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_what_the_code_draws(name: str, excerpt: Excerpt) -> None:
    drawn = DRAWINGS[name](excerpt)
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn, "run `python -m docs.drawings.draw` and look at it"
    ElementTree.fromstring(drawn)


def test_every_drawing_is_shown_with_words_for_those_who_do_not_see_it() -> None:
    shown = dict(re.findall(r"!\[(.*?)\]\(drawings/(\w+\.svg)\)", CONCEPTS.replace("\n", " ")))
    assert sorted(shown.values()) == sorted(DRAWINGS) == sorted(path.name for path in FOLDER.glob("*.svg"))
    assert all(len(words) > 40 for words in shown)


def test_the_excerpt_is_a_sample_as_builds_write_it(excerpt: Excerpt) -> None:
    for stored in excerpt.samples:
        sample = stored.sample
        assert sample.frames == frame_count(sample.samples)
        for strategy, lengths in stored.patches.items():
            np.testing.assert_array_equal(lengths, utterance_patches(strategy, sample, PatchingConfig()))
    assert len(excerpt.audio) == excerpt.samples[0].sample.samples
    assert f"`{excerpt.samples[0].sample.id}`" in CONCEPTS
    assert excerpt.samples[0].sample.text in " ".join(CONCEPTS.replace("\n> ", " ").split())
