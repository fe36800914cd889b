"""What sources call languages."""

from __future__ import annotations

import pytest

from lstdata.languages import language_tag


@pytest.mark.parametrize(
    ("language", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-us"),
        ("English", "en"),
        ("english", "en"),
        ("eng", "en"),
        (" English ", "en"),
        ("English-American", "en-american"),
        ("Singaporean English", "en"),
        ("German", "de"),
        ("deu", "de"),
        ("ger", "de"),
        ("Mandarin", "zh"),
        ("Chinese", "zh"),
        ("cmn_hans_cn", "zh-hans-cn"),
        ("Cantonese", "yue"),
        ("tibetan", "bo"),
        ("Swedish", "sv"),
        ("Klingon", "klingon"),
        ("englishman", "englishman"),
        ("", ""),
    ],
)
def test_a_language_is_known_by_its_names_and_codes(language: str, tag: str) -> None:
    assert language_tag(language) == tag
    assert language_tag(tag) == tag
