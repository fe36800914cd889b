"""What may be said of a selection, and what is wrong with it."""

from __future__ import annotations

import pytest

from lstdata.config import BuildConfig, load
from lstdata.errors import ConfigError
from lstdata.select_options import Part, parts_mistakes, parts_of


def test_the_ways_to_say_a_share() -> None:
    assert parts_of(("a=0.9", "b=5%", "c=100h", "d=50speakers", "e=3recordings", "f=rest")) == [
        Part("a", 0.9, "share"),
        Part("b", 0.05, "share"),
        Part("c", 100.0, "hours"),
        Part("d", 50.0, "speakers"),
        Part("e", 3.0, "recordings"),
        Part("f", 0.0, "rest"),
    ]


@pytest.mark.parametrize(
    "into", [("a=0.9", "b=0.1"), ("a=90%", "b=10%"), ("a=0.3", "b=rest"), ("a=1h", "b=2speakers", "c=rest")]
)
def test_parts_that_are_whole(into: tuple[str, ...]) -> None:
    assert not [*parts_mistakes(into)]


@pytest.mark.parametrize(
    ("into", "message"),
    [
        (("a",), "must be NAME=SHARE"),
        (("../a=0.5", "b=0.5"), "must be NAME=SHARE"),
        (("a=2", "b=rest"), "takes shares as"),
        (("a=0", "b=rest"), "takes shares as"),
        (("a=1.5speakers", "b=rest"), "counts whole speakers"),
        (("a=1.0",), "at least two parts"),
        (("a=0.5", "A=0.5"), "names the part a more than once"),
        (("a=0.5", "b=0.2"), "but has 0.7"),
        (("a=0.5", "b=0.5", "c=rest"), "must leave something for the rest"),
        (("a=rest", "b=rest"), "to one part only"),
        (("a=10h", "b=0.5"), "must give the rest to one part"),
        (("a=1speakers", "b=1recordings", "c=rest"), "but not both"),
    ],
)
def test_what_is_wrong_with_parts(into: tuple[str, ...], message: str) -> None:
    assert message in "\n".join(parts_mistakes(into))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["min_seconds=3", "max_seconds=2"],
            r"`source\.select\.min_seconds` must be ≤ `max_seconds` \(2\), but is 3\.",
        ),
        (["share=0"], r"`source\.select\.share` must be in \(0, 1\], but is 0\."),
        (["share=0.5", "hours=2"], "must not be given where `hours` is"),
        (["hours=0"], "must be > 0"),
        (["speakers=[]"], "must name at least one"),
        (["prefixes=[a]", "runs=[b]"], "one for each of the 2 runs"),
        (["part=a"], "`into` names no parts"),
        (["part=c", "into=[a=0.5, b=0.5]"], "must be one of a, b, but is c"),
        (["by=speaker", "into=[a=0.5, b=0.5]"], "must not be given where `by` is speaker"),
    ],
)
def test_what_is_wrong_with_a_selection(options: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(BuildConfig, None, [f"source.select.{option}" for option in options])
