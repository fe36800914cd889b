"""What the Hugging Face Hub calls the languages, licences, sizes and splits of a dataset, and how it writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from lstdata.languages import language_tag
from lstdata.terminal import visible

_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
)
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ESCAPED: Final = re.compile(r"([\\|`*_<>\[\]#])")

_CREATIVE: Final = re.compile(r"cc-(by(?:-nc)?(?:-sa|-nd)?|0)(?:-([1-4]\.[0-5]))?(?:-[a-z]{2})?")
_CREATIVE_URL: Final = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/([0-9.]+)"
)
_LICENSES: Final = frozenset(
    """
    apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsl-1.0 isc unlicense wtfpl zlib ms-pl mpl-2.0 epl-1.0 epl-2.0 eupl-1.1
    eupl-1.2 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 agpl-3.0 gfdl ofl-1.1 pddl odbl odc-by c-uda cc cc0-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 lgpl-lr artistic-2.0 etalab-2.0 openrail
    """.split()
)


def hub_split(split: str) -> str:
    """As `datasets` wants names of splits: letters, digits and `_`."""
    return re.sub(r"\W", "_", split)


def hub_languages(names: Iterable[str | None]) -> list[str]:
    """As tags without region: the Hub takes nothing else."""
    tags = (language_tag(name) for name in names if name)
    return sorted({tag.partition("-")[0].lower() for tag in tags if _TAG.fullmatch(tag)})


def hub_license(names: Iterable[str | None]) -> tuple[str, str | None]:
    """(identifier, name where that is `other`) of the licences of all samples, None among them where one has none."""
    found = set(names)
    named = sorted(name for name in found if name)
    if not named:
        return "unknown", None
    if len(found) > 1:
        return "other", "several" if len(named) > 1 else "partly unknown"
    known = _known_license(named[0])
    return (known, None) if known else ("other", named[0])


def size_category(samples: int) -> str:
    return next((name for most, name in _SIZES if samples < most), "10B<n<100B")


def cell(text: Any) -> str:
    """One line of Markdown, also in a table, in which nothing is markup."""
    return _ESCAPED.sub(r"\\\1", visible(" ".join(str(text).split())))


def code(text: Any) -> str:
    """The same as code."""
    return "`" + visible(" ".join(str(text).split())).replace("`", "'").replace("|", r"\|") + "`"


def _known_license(name: str) -> str | None:
    """The Hub's identifier; None where it has none."""
    if url := _CREATIVE_URL.match(name.strip().lower()):
        kind, version = url.groups()
        name = "cc0-1.0" if kind == "zero" else f"cc-{kind}-{version}"
    spelt = re.sub(r"[\s_]+", "-", name.strip().lower())
    if spelt in _LICENSES:
        return spelt
    creative = _CREATIVE.fullmatch(spelt.replace("cc0", "cc-0"))
    if creative is None:
        return None
    kind, version = creative.groups()
    return "cc0-1.0" if kind == "0" else f"cc-{kind}-{version}" if version else None
