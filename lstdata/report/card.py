"""The dataset card: what the Hugging Face Hub shows of a run folder, in Markdown with its metadata in front."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from upath import UPath

from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE, Codec
from lstdata.report.corpus import Part
from lstdata.report.hub import cell, code, hub_languages, hub_license, hub_split, size_category
from lstdata.report.numbers import Numbers, compute_numbers
from lstdata.report.reading import iter_batches
from lstdata.report.rejected import Reason
from lstdata.run_folder import kept_audio
from lstdata.storage import commit_bytes, exists
from lstdata.units.codebook import load_codebook

CARD = "README.md"


@dataclass(frozen=True)
class Published:
    """What is published in place of the run's own shards: Parquet files, perhaps of some splits only."""

    files: Mapping[str, tuple[str, str]]
    """By the run's split: its name on the Hub, and the pattern of its files."""
    columns: Sequence[tuple[str, str, str]]
    """Name, type and meaning of each."""


def write_card(
    out: UPath, folder: UPath | None = None, published: Published | None = None, *, force: bool = False
) -> UPath:
    """Write the card of the finished run folder `out` there, or of what is published of it to another folder; its path.

    Equal run folders give equal bytes; the last line is the hash of the others, so that a card that was edited is known
    and, without `force`, refused by ConfigError. Raises CorruptShard for a damaged run folder.
    """
    path = (folder or out) / CARD
    if not force and exists(path) and not _unedited(path.read_bytes()):
        raise ConfigError(f"`{path}` was written or edited by hand; move it away, or replace it with --force.")
    custom, made_of = custom_fields(out / "index.parquet"), features_of(out / "codebook.npz")
    text = render_card(compute_numbers(out), custom, made_of, published).encode()
    commit_bytes(path, text + _seal(text))
    return path


def _seal(text: bytes) -> bytes:
    return f"\n<!-- lstdata card, sha256 {hashlib.sha256(text).hexdigest()} -->\n".encode()


def _unedited(card: bytes) -> bool:
    """Whether a file is a card as it was written, perhaps with other line ends."""
    lines = card.replace(b"\r\n", b"\n")
    text, mark, rest = lines.rpartition(b"\n<!-- lstdata card, sha256 ")
    return mark + rest == _seal(text)


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
    environment.filters |= {"cell": cell, "code": code}
    run = numbers.run
    splits = [split for split in numbers.splits if published is None or split.name in published.files]
    total = replace(numbers, splits=splits).total
    return environment.get_template("card.md").render(
        name=numbers.title or "speech",
        about=run["config"]["about"].strip(),
        tags=hub_languages(numbers.corpus.languages),
        license=hub_license(numbers.corpus.licenses),
        size_category=size_category(total.samples),
        files=_shard_files(numbers) if published is None else list(published.files.values()),
        total=total,
        splits=splits,
        spoken=total.units > 0 or not total.text_tokens,
        published=published,
        audio=_audio(kept_audio(run), published),
        whole=len(splits) == len(numbers.splits),
        clusters=len(numbers.units.counts),
        rate=SAMPLE_RATE // numbers.hop,
        made_of=cell(made_of),
        speakers=len(numbers.corpus.speakers),
        languages=_by_hours(numbers.corpus.languages),
        licenses=_by_hours(numbers.corpus.licenses),
        custom=custom,
        planned=numbers.planned,
        written=numbers.total.samples,
        rejected=numbers.rejected,
        filtered=numbers.filtered,
        rejects=_rejects(numbers.rejects),
        versions=run["versions"],
        version=run["versions"]["lstdata"],
    )


def _audio(kept: Codec | None, published: Published | None) -> str:
    """What there is of audio, in a few words; columns have none of it."""
    if kept is None:
        return "no audio"
    return f"and the audio, as {kept}" if published is None else f"no audio (the run's shards keep it, as {kept})"


def _shard_files(numbers: Numbers) -> list[tuple[str, list[str]]]:
    """(name of a split on the Hub, patterns of its shards); splits that would be called the same are one there."""
    found: dict[str, list[str]] = {}
    for split in numbers.splits:
        if split.shards:
            found.setdefault(hub_split(split.name), []).append(f"shards/{split.name}-{'[0-9]' * 6}.tar")
    return list(found.items())


def _rejects(reasons: Sequence[Reason]) -> list[tuple[str, str, int]]:
    """(stage, reason, records), whatever is to blame."""
    counts: Counter[tuple[str, str]] = Counter()
    for reason in reasons:
        counts[reason.stage, reason.reason] += reason.count
    return [(stage, reason, count) for (stage, reason), count in counts.most_common()]


def _by_hours(parts: Mapping[str | None, Part]) -> list[tuple[str | None, Part]]:
    return sorted(parts.items(), key=lambda item: (-item[1].seconds, -item[1].text_bytes, item[0] or ""))
