"""One split of a finished run folder, read by sample number and drawn into documents."""

from __future__ import annotations

import mmap
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import Document, make_document
from lstdata.errors import ConfigError, CorruptShard
from lstdata.records import Sample
from lstdata.run_folder import read_finished
from lstdata.shards import sample_in
from lstdata.storage import is_local, read_json, read_stretch, sizes_in
from lstdata.tokenizer import TextTokenizer
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from lstdata.units.pieces import UnitPieces

OPEN_SHARDS: Final = 64
"""Shards that stay mapped, the latest read."""

TABLES: Final = ("run.json", "vocab.json", "tokenizer.json", "shards.parquet", "index.parquet")

_PLACED: Final = ("shard", "split", "offset", "bytes", "crc32")
"""Columns of the index that say where a sample is."""


class Corpus(Protocol):
    """What rows are packed from."""

    @property
    def vocab(self) -> VocabCard: ...

    def __len__(self) -> int: ...

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        """The document that a sample gives in an epoch, at this share of training: the same in every process."""
        ...


@dataclass(frozen=True, eq=False)
class RunFolder:
    """What all splits of a finished run share."""

    root: UPath
    vocab: VocabCard
    tokenizer: TextTokenizer


def open_run(root: UPath, expected: VocabCard | None = None) -> RunFolder:
    """Open a finished run folder; ConfigError where it is none or its vocab card is not the expected one.

    Where either is of a run of text only the text side must be as expected.
    """
    there = sizes_in(root)
    if not there and is_local(root) and not root.exists():
        raise ConfigError(f"`data` must be a finished run folder, but there is no `{root}`.")
    missing = [name for name in TABLES if name not in there]
    if missing:
        raise ConfigError(f"`data` must be a finished run folder, but `{root}` lacks {', '.join(missing)}.")
    read_finished(root)
    vocab = VocabCard.from_json(read_json(root / "vocab.json"), str(root / "vocab.json"))
    tokenizer = TextTokenizer.read(str(root / "tokenizer.json"))
    if tokenizer.sha256 != vocab.tokenizer_sha256:
        raise ConfigError(f"`{root / 'tokenizer.json'}` is not the tokenizer that `vocab.json` names.")
    if expected is not None:
        text_alone = vocab.is_text or expected.is_text
        (expected.check_same_text if text_alone else expected.check_same)(vocab)
    return RunFolder(root, vocab, tokenizer)


def open_pieces(path: str, vocab: VocabCard) -> UnitPieces:
    """The model of `unit-bpe`; ConfigError where it was made for another number of clusters."""
    from lstdata.units.pieces import UnitPieces

    pieces = UnitPieces.read(path)
    if pieces.units != vocab.units:
        raise ConfigError(f"`{path}` must be made for {vocab.units} clusters, but was for {pieces.units}.")
    return pieces


class SplitCorpus:
    """The samples of one split, numbered in the order of the index; ConfigError where there are none."""

    def __init__(self, run: RunFolder, split: str, interleave: InterleaveConfig, patching: PatchingConfig) -> None:
        by_pieces = patching.strategy == "unit-bpe" and not run.vocab.is_text
        self.pieces = open_pieces(str(patching.unit_bpe), run.vocab) if by_pieces else None
        self.vocab = run.vocab
        if self.pieces is not None:
            self.vocab = run.vocab.with_pieces(self.pieces.size, self.pieces.sha256)
        self._tokenizer = run.tokenizer
        self._interleave = interleave
        self._patching = patching
        self._places = _Places(run.root, split)
        self._mapped: OrderedDict[Path, mmap.mmap] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places.offset)

    def sample(self, number: int) -> Sample:
        """One sample, checked against the index; CorruptShard names shard and sample."""
        path, offset, size, crc32 = self._places.of(number)
        stretch = self._map(path)[offset : offset + size] if is_local(path) else self._fetch(path, offset, size)
        if zlib.crc32(stretch) != crc32:
            raise CorruptShard(f"`{path}`: sample `{self._places.id(number)}` is damaged (crc32 differs).")
        return sample_in(stretch, str(path))

    def document(self, number: int, epoch: int, progress: float = 0.0) -> Document:
        return make_document(
            self.sample(number),
            self.vocab,
            self._tokenizer,
            interleave=self._interleave,
            patching=self._patching,
            epoch=epoch,
            progress=progress,
            pieces=self.pieces,
        )

    def _fetch(self, path: UPath, offset: int, size: int) -> bytes:
        """A sample's stretch by one request; Unavailable where the store does not answer."""
        try:
            return read_stretch(path, offset, size)
        except FileNotFoundError as error:
            raise CorruptShard(f"`{path}` is missing.") from error

    def _map(self, path: Path) -> mmap.mmap:
        data = self._mapped.pop(path, None)
        if data is None:
            try:
                with open(path, "rb") as file:
                    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
        self._mapped[path] = data
        if len(self._mapped) > OPEN_SHARDS:
            self._mapped.popitem(last=False)[1].close()
        return data


class _Places:
    """Where the samples of a split are, as columns: little memory, also for millions."""

    def __init__(self, root: UPath, split: str) -> None:
        from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table

        self._index = root / "index.parquet"
        self._split = split
        table = read_table(self._index, INDEX_SCHEMA, _PLACED)
        chosen = table.filter(_of_split(split)).combine_chunks()
        if not chosen.num_rows:
            counts = [f"{c['counts']} {c['values']}" for c in table["split"].value_counts().to_pylist()]
            raise ConfigError(
                f"`data` must hold {split} samples, but `{root}` has {', '.join(counts) or 'none'}. "
                "Build from more recordings, or with a larger `plan.validation` where the source names no splits."
            )
        paths = {row["shard"]: row["path"] for row in read_table(root / "shards.parquet", SHARDS_SCHEMA).to_pylist()}
        shards = chosen["shard"].dictionary_encode().combine_chunks()
        self._paths = [root / paths[name] for name in shards.dictionary.to_pylist()]
        self._shard = shards.indices.to_numpy()
        self._size = chosen["bytes"].to_numpy()
        self._crc32 = chosen["crc32"].to_numpy()
        self.offset = chosen["offset"].to_numpy()

    def of(self, number: int) -> tuple[UPath, int, int, int]:
        """(shard's path, first byte, bytes, crc32) of a sample."""
        columns = self.offset[number], self._size[number], self._crc32[number]
        offset, size, crc32 = (int(value) for value in columns)
        return self._paths[self._shard[number]], offset, size, crc32

    def id(self, number: int) -> str:
        """Read again from the index: needed for messages only."""
        from lstdata.index import INDEX_SCHEMA, read_table

        ids = read_table(self._index, INDEX_SCHEMA, ("id", "split")).filter(_of_split(self._split))["id"]
        return str(ids[number].as_py())


def _of_split(split: str) -> Any:
    import pyarrow.compute as pc

    return pc.field("split") == split
