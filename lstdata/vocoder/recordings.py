"""Some utterances of a finished run with their units, and the audio that these were made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from upath import UPath

from lstdata.audio.encoding import decode
from lstdata.build.plan_table import read_plan, read_shard_rows
from lstdata.config import BuildConfig, from_dict
from lstdata.errors import ConfigError, Rejected
from lstdata.export.webdataset import heard
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.inspection.finding import Place, open_finished, read_at
from lstdata.inspection.hearing import open_again
from lstdata.randomness import mixed
from lstdata.records import Waveform
from lstdata.run_folder import kept_audio, read_card
from lstdata.shards import StoredSample
from lstdata.source_row import Locator
from lstdata.sources import Source
from lstdata.vocab import VocabCard

_NAMED: Final = 8
"""Speakers that a message lists."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which utterances: drawn from a split until there are enough."""

    split: str = "train"
    speaker: str | None = None
    seconds: float = 1_800.0
    """The utterance that reaches this is the last one."""
    utterances: int | None = None
    """At most; None: as many as the seconds allow."""
    seed: int = 0

    def mistakes(self) -> list[str]:
        found = []
        if not self.seconds > 0:
            found.append(f"`--limit-seconds` must be > 0, but is {self.seconds:g}.")
        if self.utterances is not None and self.utterances < 1:
            found.append(f"`--utterances` must be ≥ 1, but is {self.utterances}.")
        return found


class Recordings:
    """The chosen utterances of a run; ConfigError where it has no units, no audio, or none that is asked for."""

    def __init__(self, root: UPath, choice: Choice) -> None:
        mistakes = choice.mistakes()
        if mistakes:
            raise ConfigError(*mistakes)
        self._root = root
        self._stated = open_finished(root)
        card = read_card(root)
        if card is None or card.is_text:
            raise ConfigError(f"`{root}` has no units of speech.")
        self.vocab: VocabCard = card
        self._source = self._open_source()
        self._rows = _choose(root, choice)
        self.speakers = len({row["speaker"] for row in self._rows} - {None})

    def __len__(self) -> int:
        return len(self._rows)

    def units(self) -> Iterator[NDArray[np.uint16]]:
        """Of each utterance, without its audio."""
        for row in self._rows:
            yield self._stored(row).sample.units

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint16], Waveform | None]]:
        """Units and audio of each, one at a time; None for audio that is gone, or another by now."""
        for _, rows in groupby(self._rows, key=lambda row: row["shard"]):
            locators: dict[str, Locator] | None = None
            for row in rows:
                stored = self._stored(row)
                if stored.audio is None and locators is None:
                    locators = self._locators(row["shard"])
                yield stored.sample.units, self._heard(stored, locators or {})

    def _open_source(self) -> Source | None:
        """None where the audio is in the shards, or only there."""
        path = self._stated["source"]["path"]
        source = open_again(path, from_dict(BuildConfig, self._stated["config"]).source)
        if source is not None and source.inventory() is None:
            return source
        if kept_audio(self._stated) is None:
            why = "cannot be opened" if source is None else "brings units without audio"
            raise ConfigError(
                f"`{self._root}` has no audio to fit a vocoder to: it keeps none (`audio.keep`), and its source "
                f"`{path}` {why}."
            )
        return None

    def _stored(self, row: dict[str, Any]) -> StoredSample:
        return read_at(self._root / row["path"], Place.of(row))

    def _locators(self, shard: str) -> dict[str, Locator]:
        plan = self._root / "plan.parquet"
        number = next((planned.number for planned in read_plan(plan).shards if planned.name == shard), None)
        return {} if number is None else {record.key: record.row.locator for record in read_shard_rows(plan, number)}

    def _heard(self, stored: StoredSample, locators: dict[str, Locator]) -> Waveform | None:
        if stored.audio is not None:
            return decode(stored.audio)
        locator = locators.get(stored.sample.key)
        if self._source is None or locator is None:
            return None
        try:
            return heard(stored.sample, self._source, locator)
        except Rejected:
            return None


def _choose(root: UPath, choice: Choice) -> list[dict[str, Any]]:
    """Rows of the index with the path of their shard, in the order of the index."""
    columns = (*Place.COLUMNS, "split", "speaker", "seconds")
    table = read_table(root / "index.parquet", INDEX_SCHEMA, columns)
    there = sorted(set(table["split"].unique().to_pylist()))
    table = table.filter(pc.field("split") == choice.split)
    if not table.num_rows:
        raise ConfigError(f"`--split` must be one of {', '.join(there) or 'none'}, but is {choice.split!r}.")
    if choice.speaker is not None:
        speakers = sorted(set(table["speaker"].unique().to_pylist()) - {None})
        table = table.filter(pc.field("speaker") == choice.speaker)
        if not table.num_rows:
            named = ", ".join(speakers[:_NAMED]) + (f" … of {len(speakers)}" if len(speakers) > _NAMED else "")
            raise ConfigError(f"`--speaker` must be one of {named or 'none'}, but is {choice.speaker!r}.")
    order = np.argsort(mixed(np.arange(table.num_rows, dtype=np.uint64), choice.seed, "vocoder"), kind="stable")
    seconds = np.cumsum(table["seconds"].to_numpy()[order])
    enough = int(np.searchsorted(seconds, choice.seconds)) + 1
    chosen = np.sort(order[: min(enough, choice.utterances or enough)])
    paths = {row["shard"]: row["path"] for row in read_table(root / "shards.parquet", SHARDS_SCHEMA).to_pylist()}
    return [row | {"path": paths[row["shard"]]} for row in table.take(chosen).to_pylist()]
