from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.reproduce.curves import panels
from lstdata.reproduce.plot import STYLES, Line, Panel, plot, spread
from lstdata.reproduce.results import read_reproduction
from lstdata.reproduce.svg import COLOURS, as_file
from tests.reproduce.folders import answer, recognised, write_lines, write_recipe, write_run

ALL = {"s-s": [True, False]}


def draw(name: str = "a") -> str:
    lines = [
        Line(label="<base> & co", style=STYLES["base"], x=[1, 2], y=[3, 2], low=[2.9, 1.9], high=[3.1, 2.1]),
        Line(label="static-4", style=STYLES["static-4"], x=[1, 2], y=[3, 1]),
    ]
    return plot(
        Panel(name=name, chapter="c", title='A "title"', finding="f", lines=lines, x="steps", y="loss", marks=True)
    )


def test_a_drawing_has_nothing_that_reaches_beyond_it() -> None:
    svg, another = draw(), draw("b")
    assert svg == draw(), "equal in, equal out"
    ids, others = (set(re.findall(r'\sid="([^"]+)"', one)) for one in (svg, another))
    assert ids and not ids & others, "two on one page must not share ids"
    assert not re.search(r"<style|font-family|metadata|xlink|<!DOCTYPE", svg)
    assert not re.search(r"#[0-9a-f]{6}\b", svg), "all colours are the page's"
    assert {"var(--curve-ink)", "var(--curve-blue)", "var(--curve-soft)"} <= set(re.findall(r"var\([^)]+\)", svg))
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == 'A "title", loss: f'
    assert "<base> & co" in [element.text for element in root.iter() if element.text]


def test_a_drawing_in_a_file_has_its_colours_for_light_and_dark() -> None:
    root = ElementTree.fromstring(as_file(draw()))
    style = next(element.text or "" for element in root if element.tag.endswith("style"))
    for name, colour in COLOURS.items():
        assert f"--curve-{name}:{colour.light};" in style and f"--curve-{name}:{colour.dark};" in style
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).map(sorted))
def test_names_do_not_overlap_and_stay_in_order_and_inside(wanted: list[float]) -> None:
    places = spread(wanted)
    assert all(second - first > 0.0619 for first, second in pairwise(places))
    assert places[0] >= -1e-9 and places[-1] <= 1 + 1e-9


def test_names_that_would_not_overlap_stay_where_they_belong_and_others_make_a_block_about_their_mean() -> None:
    assert spread([0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9])
    assert spread([0.5, 0.5]) == pytest.approx([0.469, 0.531])
    assert spread([0.0, 0.0]) == pytest.approx([0.0, 0.062])


def test_which_panels_there_are_and_what_they_find(tmp_path: Path) -> None:
    arms = ("base", "unit-bpe", "static-4", "aligned")
    write_recipe(tmp_path, arms, asr={"arms": ["base"], "seeds": 1})
    for arm in arms:
        answer(write_run(tmp_path, arm), ALL, given_boundaries=arm == "aligned")
    metrics = tmp_path / "runs/compute/static-4-0/metrics/valid"
    write_lines(metrics / "speech.jsonl", [{"Step": step, "loss_units": 5 - 0.2 * step} for step in (2, 4, 8)])
    for step, wer in ((100, 0.8), (200, 0.6)):
        recognised(tmp_path, "base", 0, step, wer)
    found = {one.name: one for one in panels(read_reproduction(tmp_path))}
    axes = ("positions", "tokens", "flops", "seconds")
    assert list(found) == [f"{kind}-{axis}" for kind in ("units", "text", "loss") for axis in axes] + [
        "recognition-wer"
    ]
    assert (
        found["units-positions"].finding == "base’s last loss, 4.200, is reached by static-4 with 50% of its positions"
    )
    assert found["units-tokens"].finding == "base’s last loss, 4.200, is reached by static-4 with 80% of its raw tokens"
    assert found["recognition-wer"].finding == "base 60.0 %"
    assert [line.label for line in found["units-flops"].lines] == ["base", "static-4", "aligned †"]
    assert [line.label for line in found["text-flops"].lines] == [*arms[:3], "aligned †"]


def test_of_an_arm_that_never_gets_there_that_is_said(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    for arm in ("base", "static-4"):
        answer(write_run(tmp_path, arm), ALL)
    metrics = tmp_path / "runs/compute/static-4-0/metrics/valid"
    write_lines(metrics / "speech.jsonl", [{"Step": 8, "loss_units": 9.0}])
    found = {one.name: one for one in panels(read_reproduction(tmp_path))}
    assert found["units-flops"].finding == "static-4 does not reach base’s last loss, 4.200"


def test_lines_are_means_over_seeds_at_the_steps_that_all_have(tmp_path: Path) -> None:
    write_recipe(tmp_path, ("static-4",), (0, 1))
    for seed in (0, 1):
        answer(write_run(tmp_path, "static-4", seed), ALL)
    metrics = tmp_path / "runs/compute/static-4-1/metrics/valid"
    write_lines(metrics / "speech.jsonl", [{"Step": 8, "loss_units": 4.4}])
    found = {one.name: one for one in panels(read_reproduction(tmp_path))}
    assert found["units-flops"].finding == "static-4 4.300"
    (line,) = found["units-flops"].lines
    assert (line.x, line.y, line.low, line.high) == ([8e9], [pytest.approx(4.3)], [pytest.approx(4.2)], [4.4])
