"""What a selection needs to know of samples, as numbers: read from the indices of runs, a row group at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lstdata.config import SelectConfig
from lstdata.errors import ConfigError
from lstdata.randomness import hash64
from lstdata.records import Mask
from lstdata.sources.choosing import UNKNOWN, part_name
from lstdata.sources.runs import RunSource
from lstdata.storage import read_given

_NAMED: Final = ("split", "speaker", "recording", "language")
_COLUMNS: Final = ("id", "seconds", "text_bytes", "align_score", *_NAMED)


@dataclass(frozen=True, eq=False)
class Named:
    """A name for each sample, as an index into `names`; −1 where there is none."""

    codes: NDArray[np.int32]
    names: list[str]

    def where(self, wanted: Callable[[str], bool]) -> Mask:
        """The samples with a name that is wanted."""
        return np.array([*map(wanted, self.names), False])[self.codes]

    @cached_property
    def parts(self) -> dict[str, list[int]]:
        """The codes that are there, by the part that they make; several names may share one."""
        found: dict[str, list[int]] = {}
        for code in np.unique(self.codes).tolist():
            found.setdefault(UNKNOWN if code < 0 else part_name(self.names[code]), []).append(code)
        return found

    def hashes(self) -> NDArray[np.uint64]:
        """0 where there is none."""
        return np.array([*(hash64(name) | 1 for name in self.names), 0], dtype=np.uint64)[self.codes]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Numbers per sample, in the order of the runs and their indices."""

    ids: NDArray[np.uint64]
    """Hashes."""
    seconds: NDArray[np.float64]
    sizes: NDArray[np.float64]
    """Seconds or, of documents of text, bytes."""
    scores: NDArray[np.float64]
    """NaN where there is none."""
    splits: Named
    speakers: Named
    recordings: NDArray[np.uint64]
    """Hashes; each document of text is its own."""
    languages: Named
    listed: Mask
    """Whether the file of `ids` names it."""
    is_text: bool = False
    """Whether they are documents."""
    missing: tuple[str, ...] = ()
    """What the file of `ids` names and no run has."""


@dataclass
class Reading:
    """The indices of runs, as numbers."""

    select: SelectConfig
    _numbers: dict[str, list[NDArray[Any]]] = field(default_factory=lambda: defaultdict(list))
    _codes: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        ids = self.select.ids
        self._wanted = None if ids is None else pc.unique(pa.array(_listed_ids(ids), pa.string()))
        self._missing: Any = self._wanted

    def read(self, run: RunSource, prefix: str) -> int:
        """How many samples it has."""
        count = 0
        for rows in run.index(_COLUMNS):
            count += rows.num_rows
            for name in ("seconds", "align_score", "text_bytes"):
                self._numbers[name].append(rows[name].to_numpy().astype(np.float64))
            for name in _NAMED:
                self._numbers[name].append(self._coded(name, rows[name].combine_chunks()))
            self._read_ids(rows["id"].combine_chunks(), prefix, rows["text_bytes"].null_count == 0)
        return count

    def candidates(self) -> Candidates:
        found = {name: np.concatenate(parts) for name, parts in self._numbers.items()}
        named = {name: Named(found[name], list(self._codes[name])) for name in _NAMED}
        is_text = ~np.isnan(found["text_bytes"])
        return Candidates(
            ids=found["ids"],
            seconds=found["seconds"],
            sizes=np.where(is_text, found["text_bytes"], found["seconds"]),
            scores=found["align_score"],
            splits=named["split"],
            speakers=named["speaker"],
            recordings=np.where(is_text, found["ids"], named["recording"].hashes()),
            languages=named["language"],
            listed=found["listed"],
            is_text=bool(is_text.any()),
            missing=() if self._missing is None else tuple(self._missing.to_pylist()),
        )

    def _read_ids(self, ids: pa.Array, prefix: str, of_text: bool) -> None:
        """Hashed only where a hash is asked for: that takes a microsecond each."""
        ids = pc.binary_join_element_wise(prefix, ids, "")
        wanted = of_text or self.select.share is not None or self.select.hours is not None
        hashes = map(hash64, ids.to_pylist()) if wanted else ()
        self._numbers["ids"].append(np.fromiter(hashes, np.uint64) if wanted else np.zeros(len(ids), np.uint64))
        listed = np.ones(len(ids), np.bool_)
        if self._wanted is not None:
            listed = pc.is_in(ids, value_set=self._wanted).to_numpy(zero_copy_only=False)
            self._missing = self._missing.filter(pc.invert(pc.is_in(self._missing, value_set=ids)))
        self._numbers["listed"].append(listed)

    def _coded(self, name: str, column: pa.Array) -> NDArray[np.int32]:
        known = self._codes[name]
        encoded = column.dictionary_encode()
        codes = np.array([*(known.setdefault(value, len(known)) for value in encoded.dictionary.to_pylist()), -1])
        indices: NDArray[np.int64] = encoded.indices.fill_null(len(codes) - 1).to_numpy()
        return codes[indices].astype(np.int32)


def _listed_ids(path: str) -> list[str]:
    """The lines of a file, without those that are empty."""
    data = read_given(path, "source.select.ids", "file of ids")
    try:
        return [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ConfigError(f"`source.select.ids` must be UTF-8, but `{path}` is not: {error}.") from error
