"""The figures of a run folder, computed in one pass over its tables and one over its shards, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from upath import UPath

from lstdata.config import PatchingConfig, from_dict
from lstdata.index import SHARDS_SCHEMA, positions_column, read_table
from lstdata.inspection.finding import Place
from lstdata.records import HOP
from lstdata.report.corpus import Corpus
from lstdata.report.origins import Origin, read_origins
from lstdata.report.outliers import Outliers
from lstdata.report.positions import Savings
from lstdata.report.reading import iter_batches, read_run_json, read_samples
from lstdata.report.rejected import Reason, read_reasons
from lstdata.report.shard_figures import MedianScores, ShardFigures, shard_figures
from lstdata.report.speech import Speech
from lstdata.report.threshold import Threshold
from lstdata.report.unit_usage import UnitUsage
from lstdata.run_folder import read_card
from lstdata.shards import STORED_STRATEGIES

SAMPLES_READ = 10_000
"""Samples whose units and patches are counted; a larger run is read in whole shards, evenly spread."""

_COLUMNS = [*Place.COLUMNS, "split", "seconds", "header_seconds", "units", "words"]
_COLUMNS += ["text_bytes", "text_tokens", "interpolated"]
_COLUMNS += [*map(positions_column, STORED_STRATEGIES), "align_score", "speaker", "language", "license"]


@dataclass(frozen=True)
class Split:
    """Exact totals of one split, or of all."""

    name: str
    shards: int
    """Those that hold samples."""
    samples: int
    rejected: int
    """Of records that came as far as a shard; those that the source itself gave up are in no split."""
    seconds: float
    units: int
    words: int
    text_bytes: int = 0
    """Of documents of text, in UTF-8."""
    text_tokens: int = 0


@dataclass
class Numbers:
    """All that the report says, apart from the utterances it draws."""

    run: dict[str, Any]
    """`run.json`."""
    splits: list[Split]
    shards: list[ShardFigures]
    rejects: list[Reason]
    parents: list[Origin]
    corpus: Corpus
    units: UnitUsage
    speech: Speech
    savings: Savings
    outliers: Outliers
    threshold: Threshold
    hop: int
    """Samples per frame."""
    read: int
    """Samples whose units and patches were counted."""

    @property
    def total(self) -> Split:
        names = (field.name for field in fields(Split) if field.name != "name")
        return Split("all", *(sum(getattr(s, name) for s in self.splits) for name in names))

    @property
    def rejected(self) -> int:
        return sum(reason.count for reason in self.rejects)

    @property
    def filtered(self) -> int:
        """Those of the dead letters that filters were asked to make."""
        return self.rejected_as("filtered")

    @property
    def planned(self) -> int:
        return self.total.samples + self.rejected

    @property
    def title(self) -> str:
        """The name of the corpus's folder or file, or of the runs that this one was made of."""
        if self.parents:
            return " + ".join(parent.name for parent in self.parents)
        return str(self.run["source"]["path"]).rstrip("/").rpartition("/")[2]

    def rejected_as(self, kind: str) -> int:
        """`failed`, `environmental` or `filtered`."""
        return sum(reason.count for reason in self.rejects if reason.kind == kind)


def compute_numbers(out: UPath, limit: int = SAMPLES_READ) -> Numbers:
    """Read a finished run folder; CorruptShard where one of its files is not what was committed."""
    rows = read_table(out / "shards.parquet", SHARDS_SCHEMA).to_pylist()
    run = read_run_json(out / "run.json")
    card = read_card(out)
    units = UnitUsage(np.zeros(0 if card is None else card.units, dtype=np.int64))
    speech, savings, outliers, corpus, medians = Speech(), Savings(), Outliers(), Corpus(), MedianScores()
    patching = from_dict(PatchingConfig, run["config"]["patching"])
    aligners: set[str] = set()
    read = 0
    for place, stored in read_samples(out, rows, limit):
        read += 1
        units.add(stored.sample.units)
        speech.add(stored)
        savings.add_document(stored, patching)
        outliers.add_sample(stored, place)
        aligners.update(filter(None, [stored.sample.aligner]))
    for batch in iter_batches(out / "index.parquet", _COLUMNS):
        for part in (corpus, savings, outliers, medians):
            part.add_index(batch)
    medians.close()
    rejects = read_reasons(out / "rejects.parquet")
    return Numbers(
        run=run,
        splits=_splits(rows),
        shards=shard_figures(rows, medians.found),
        rejects=rejects,
        parents=read_origins(run, out / "plan.parquet"),
        corpus=corpus,
        units=units,
        speech=speech,
        savings=savings,
        outliers=outliers,
        threshold=Threshold.of(run["config"], aligners, rejects),
        hop=HOP if card is None else card.hop,
        read=read,
    )


def _splits(rows: Sequence[Mapping[str, Any]]) -> list[Split]:
    parts: dict[str, Split] = {}
    for row in rows:
        old = parts.get(row["split"], Split(row["split"], 0, 0, 0, 0.0, 0, 0))
        more = {name: getattr(old, name) + row[name] for name in asdict(old) if name not in ("name", "shards")}
        parts[row["split"]] = Split(row["split"], old.shards + (row["samples"] > 0), **more)
    return sorted(parts.values(), key=lambda s: (s.name != "train", s.name))
