"""Which samples a selection takes, from a few numbers of each; pure and vectorised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lstdata.errors import ConfigError
from lstdata.filters import has_tag
from lstdata.randomness import digest, mixed
from lstdata.records import Mask
from lstdata.select_options import SelectConfig, parts_of
from lstdata.sources.dealing import deal

if TYPE_CHECKING:
    from lstdata.sources.candidates import Candidates, Named

UNKNOWN = "unknown"
"""The part of those of which it is not known what parts are made by."""


@dataclass(frozen=True, slots=True)
class Left:
    """What a rule leaves of what those before it have left."""

    rule: str
    samples: int
    size: float
    """Seconds or, of documents of text, bytes."""
    not_found: int = 0
    """Of a rule that lists ids: how many of them no run has."""
    example: str | None = None
    """One of those."""


def choose(candidates: Candidates, config: SelectConfig) -> tuple[Mask, list[Left]]:
    """Which samples are taken, and what each rule that is on leaves. ConfigError where a rule cannot be kept."""
    if candidates.is_text:
        _refuse_hours(config)
    chosen = np.ones(len(candidates.ids), np.bool_)
    said: list[Left] = []
    for rule, allowed in _rules(candidates, config):
        chosen &= allowed
        said.append(_left(rule, candidates, chosen))
    if candidates.missing:
        said[0] = replace(said[0], not_found=len(candidates.missing), example=candidates.missing[0])
    if config.part is not None:
        chosen = _of_part(candidates, config, chosen)
        said.append(_left(f"part {config.part}", candidates, chosen))
    if config.share is not None or config.hours is not None:
        chosen = _sampled(candidates, config, chosen)
        rule = f"share {config.share:g}" if config.hours is None else f"{config.hours:g} h"
        said.append(_left(f"{rule}, seed {config.seed}", candidates, chosen))
    return chosen, said


def values_of(column: Named) -> list[str]:
    """The parts that a column makes, in order; several values may share a part."""
    return sorted(column.parts)


def part_name(value: str) -> str:
    """A value as the name of a folder: itself where it is one, else what of it can be, and a few digits of its hash."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.") else "-" for letter in value)
    kept = kept[:60].lstrip("-.")
    return value if value and kept == value else f"{kept}-{digest('part', value).hex()[:8]}".lstrip("-")


def column(candidates: Candidates, by: str) -> Named:
    return {"split": candidates.splits, "speaker": candidates.speakers, "language": candidates.languages}[by]


def _rules(of: Candidates, config: SelectConfig) -> Iterator[tuple[str, Mask]]:
    """(rule in words, the samples that it allows) of each that is on and looks at one sample at a time."""
    if config.ids is not None:
        yield f"ids {config.ids}", of.listed
    for name, column in (("splits", of.splits), ("speakers", of.speakers)):
        wanted = getattr(config, name)
        if wanted is not None:
            yield f"{name} {', '.join(wanted)}", column.where(frozenset(wanted).__contains__)
    if (tags := config.languages) is not None:
        yield f"languages {', '.join(tags)}", of.languages.where(lambda name: any(has_tag(name, tag) for tag in tags))
    for name, unit, values in (("seconds", " s", of.seconds), ("score", "", of.scores)):
        least, most = getattr(config, f"min_{name}"), getattr(config, f"max_{name}")
        if least is not None:
            yield f"{name} ≥ {least:g}{unit}", values >= least
        if most is not None:
            yield f"{name} ≤ {most:g}{unit}", values <= most


def _of_part(of: Candidates, config: SelectConfig, chosen: Mask) -> Mask:
    taken = np.zeros_like(chosen)
    if config.by == "share":
        parts = parts_of(config.into)
        number = next(n for n, part in enumerate(parts) if part.name == config.part)
        rows = np.flatnonzero(chosen)
        dealt = deal(of.speakers.hashes()[rows], of.recordings[rows], of.sizes[rows], parts, config.seed)
        taken[rows[dealt == number]] = True
        return taken
    found = column(of, config.by)
    return chosen & np.isin(found.codes, found.parts.get(config.part or "", []))


def _sampled(of: Candidates, config: SelectConfig, chosen: Mask) -> Mask:
    """Of each split the samples of least hash until they have their share of it: one at least."""
    rows = np.flatnonzero(chosen)
    sizes = np.rint(1000 * of.sizes).astype(np.int64)
    share = config.share
    if share is None:
        assert config.hours is not None
        total = int(sizes[rows].sum()) / 3.6e6
        if config.hours > total:
            raise ConfigError(f"`hours` must be ≤ {total:.2f}, which is all there is, but is {config.hours:g}.")
        share = config.hours / total
    rows = rows[np.lexsort((rows, mixed(of.ids[rows], config.seed, "share")))]
    taken = np.zeros_like(chosen)
    for split in np.unique(of.splits.codes[rows]).tolist():
        members = rows[of.splits.codes[rows] == split]
        sums = np.cumsum(sizes[members])
        taken[members[: int(np.searchsorted(sums, round(share * int(sums[-1])))) + 1]] = True
    return taken


def _refuse_hours(config: SelectConfig) -> None:
    if config.hours is not None or any(part.of == "hours" for part in parts_of(config.into)):
        raise ConfigError("hours are of audio, but these are documents of text: give a share.")
    if config.min_seconds is not None or config.max_seconds is not None:
        raise ConfigError("`min_seconds` and `max_seconds` are of audio, but these are documents of text.")


def _left(rule: str, of: Candidates, chosen: Mask) -> Left:
    return Left(rule, int(chosen.sum()), float(np.rint(1000 * of.sizes[chosen]).sum()) / 1000)
