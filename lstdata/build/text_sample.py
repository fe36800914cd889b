"""A part of a plan's documents that stands for all of them: what a tokenizer is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from upath import UPath

from lstdata.build.plan_table import PlannedRecord, PlannedShard, read_shard_rows
from lstdata.build.text_stages import by_place, read_document
from lstdata.config import FilterConfig
from lstdata.errors import Rejected
from lstdata.filters import keeps_row
from lstdata.sources import Source

MOST_BYTES, MOST_SHARDS = 32 << 20, 64
"""Of text that is read in all, and shards that it is taken from: some say as much of a language as all do."""


def some_texts(
    source: Source, shards: Iterable[PlannedShard], plan_path: UPath, filters: FilterConfig
) -> Iterator[str]:
    """The first documents of shards that are evenly spread over the plan, equally many bytes of each."""
    planned = list(shards)
    number = min(len(planned), MOST_SHARDS)
    for i in range(number):
        left = MOST_BYTES // number
        chosen: list[PlannedRecord] = []
        for record in read_shard_rows(plan_path, planned[i * len(planned) // number].number):
            left -= record.row.text_bytes or 0
            if keeps_row(record.row, filters):
                chosen.append(record)
            if left <= 0:
                break
        for record in sorted(chosen, key=by_place):
            try:
                yield read_document(source, record).text
            except Rejected:  # a verdict that the build will give again
                continue
