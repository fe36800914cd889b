"""The dataset card: what the Hugging Face Hub shows of a run folder, in Markdown with its metadata in front."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from upath import UPath

from lstdata.languages import language_tag
from lstdata.records import SAMPLE_RATE
from lstdata.report.corpus import Part
from lstdata.report.numbers import Numbers, compute_numbers
from lstdata.report.reading import iter_batches
from lstdata.storage import commit_bytes, exists
from lstdata.units.codebook import load_codebook

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ESCAPED = re.compile(r"([\\|`*_<>\[\]#])")


@dataclass(frozen=True)
class Published:
    """What is published in place of the run's own shards: Parquet files, perhaps of some splits only."""

    files: Mapping[str, tuple[str, str]]
    """By the run's split: its name on the Hub, and the pattern of its files."""
    columns: Sequence[tuple[str, str, str]]
    """Name, type and meaning of each."""


def write_card(out: UPath, folder: UPath | None = None, published: Published | None = None) -> UPath:
    """Write the card of the finished run folder `out` there, or of what is published of it to another folder; its path.

    Equal run folders give equal bytes. Raises CorruptShard for a damaged one.
    """
    path = (folder or out) / CARD
    custom, made_of = custom_fields(out / "index.parquet"), features_of(out / "codebook.npz")
    commit_bytes(path, render_card(compute_numbers(out), custom, made_of, published).encode())
    return path


def custom_fields(index: UPath) -> list[str]:
    """Names of the custom fields that any sample has."""
    names: set[str] = set()
    for batch in iter_batches(index, ["custom"]):
        for text in batch["custom"]:
            if text is not None:
                names.update(json.loads(text))
    return sorted(names)


def features_of(codebook: UPath) -> str:
    """What the units of a codebook are clusters of; empty where it does not say, or there is none."""
    if not exists(codebook):
        return ""
    book = load_codebook(codebook)
    known = json.loads(book.features or "{}")
    if {"model", "layer"} <= known.keys():
        return f"layer {known['layer']} of {known['model']}"
    return "of MFCC" if book.extractor == "mfcc" else ""


def render_card(numbers: Numbers, custom: list[str], made_of: str, published: Published | None = None) -> str:
    """The card's text; names that a corpus brings are escaped, and no path but the source's own name is in it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lstdata.report", "."), undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["cell"] = _cell
    run = numbers.run
    splits = [split for split in numbers.splits if published is None or split.name in published.files]
    total = replace(numbers, splits=splits).total
    return environment.get_template("card.md").render(
        name=run["source"]["path"].rstrip("/").rpartition("/")[2] or "speech",
        about=run["config"]["about"].strip(),
        tags=_tags(numbers.corpus.languages),
        license=_license(numbers.corpus.licenses),
        size=next((name for most, name in _SIZES if total.samples < most), "n>1M"),
        total=total,
        splits=splits,
        spoken=total.units > 0 or not total.text_tokens,
        published=published,
        whole=len(splits) == len(numbers.splits),
        clusters=len(numbers.units.counts),
        rate=SAMPLE_RATE // numbers.hop,
        made_of=_cell(made_of),
        speakers=len(numbers.corpus.speakers),
        languages=_by_hours(numbers.corpus.languages),
        licenses=_by_hours(numbers.corpus.licenses),
        custom=[field.replace("`", "'") for field in custom],
        planned=numbers.planned,
        written=numbers.total.samples,
        rejected=numbers.rejected,
        filtered=numbers.filtered,
        rejects=numbers.rejects,
        versions=run["versions"],
        version=run["versions"]["lstdata"],
    )


def _by_hours(parts: Mapping[str | None, Part]) -> list[tuple[str | None, Part]]:
    return sorted(parts.items(), key=lambda item: (-item[1].seconds, -item[1].samples, item[0] or ""))


def _tags(languages: Mapping[str | None, Part]) -> list[str]:
    """As tags without region: the Hub takes nothing else."""
    tags = (language_tag(name) for name in languages if name)
    return sorted({tag.partition("-")[0].lower() for tag in tags if _TAG.fullmatch(tag)})


def _license(licenses: Mapping[str | None, Part]) -> str:
    """The one licence of all samples as the Hub spells such names; `other` where there are several."""
    named = {name for name in licenses if name}
    if not named:
        return "unknown"
    return re.sub(r"\s+", "-", named.pop().lower()) if len(licenses) == 1 else "other"


def _cell(text: Any) -> str:
    return _ESCAPED.sub(r"\\\1", " ".join(str(text).split()))
