from __future__ import annotations

from lstdata.inspection.finding import Place
from lstdata.report.drawings import MOST_DRAWN, SECONDS_DRAWN, choose_outliers
from lstdata.report.outliers import Outlier, Ranking


def ranking(**seconds: float) -> Ranking:
    found = [Outlier(Place(key, key, "s", 0, 0, 0), length, 0.0) for key, length in seconds.items()]
    return Ranking("n", "t", "u", found=found)


def chosen(*rankings: Ranking, drawn: tuple[str, ...] = ()) -> list[str]:
    return [place.key for place in choose_outliers(rankings, drawn)]


def test_the_first_of_each_list_comes_first() -> None:
    assert chosen(ranking(a=1, b=1, c=1), ranking(b=1, d=1), drawn=("d",)) == ["a", "b", "c"]
    assert chosen(ranking(a=1, b=1, c=1), ranking(x=1, y=1)) == ["a", "x", "b", "y", "c"]
    assert chosen() == []


def test_their_number_and_length_are_bounded() -> None:
    many = ranking(**{f"k{i:02}": 1.0 for i in range(40)})
    assert len(chosen(many)) == MOST_DRAWN
    assert chosen(ranking(long=31.0, ok=30.0)) == ["ok"]
    assert sum(30.0 for _ in chosen(ranking(a=30, b=30, c=30, d=30))) <= SECONDS_DRAWN
