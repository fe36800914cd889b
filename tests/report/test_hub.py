from __future__ import annotations

import pytest

from lstdata.report.hub import cell, code, hub_languages, hub_license, hub_split, size_category


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ("unknown", None)),
        ([None], ("unknown", None)),
        (["CC BY 4.0"], ("cc-by-4.0", None)),
        (["CC-BY-NC-SA-3.0"], ("cc-by-nc-sa-3.0", None)),
        (["https://creativecommons.org/licenses/by-sa/4.0/"], ("cc-by-sa-4.0", None)),
        (["http://creativecommons.org/publicdomain/zero/1.0/"], ("cc0-1.0", None)),
        (["CC0"], ("cc0-1.0", None)),
        (["Apache 2.0"], ("apache-2.0", None)),
        (["CC BY"], ("other", "CC BY")),
        (["LibriVox"], ("other", "LibriVox")),
        (["MIT", None], ("other", "partly unknown")),
        (["MIT", "CC0"], ("other", "several")),
    ],
)
def test_licences(names: list[str | None], expected: tuple[str, str | None]) -> None:
    assert hub_license(names) == expected


def test_languages_have_no_region() -> None:
    assert hub_languages(["en-US", "English", "de", None, "not a tag"]) == ["de", "en"]


def test_splits_and_sizes() -> None:
    assert [hub_split(name) for name in ("train", "dev-clean", "a.b")] == ["train", "dev_clean", "a_b"]
    assert [size_category(n) for n in (0, 999, 1000, 10**7, 10**10)] == [
        "n<1K", "n<1K", "1K<n<10K", "10M<n<100M", "10B<n<100B",
    ]  # fmt: skip


def test_nothing_in_a_cell_is_markup() -> None:
    assert cell("a|[b](c)\n<i> `x` \x1b[0m") == r"a\|\[b\](c) \<i\> \`x\` �\[0m"
    assert code("a`b|c\nd") == r"`a'b\|c d`"
