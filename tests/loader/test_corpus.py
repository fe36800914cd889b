from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError, CorruptShard
from lstdata.index import INDEX_SCHEMA, SHARDS_SCHEMA, read_table
from lstdata.loader.corpus import RunFolder, SplitCorpus, open_run
from lstdata.loader.rows import RowStream
from lstdata.packing import RowBudget
from lstdata.shards import read_shard


@pytest.fixture
def run(built: Path) -> RunFolder:
    return open_run(built)


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """A run folder of its own, to break."""
    return Path(shutil.copytree(built, tmp_path / "run"))


def corpus(run: RunFolder, split: str = "train") -> SplitCorpus:
    return SplitCorpus(run, split, InterleaveConfig(), PatchingConfig())


def test_samples_are_those_of_the_shards_in_the_order_of_the_index(run: RunFolder) -> None:
    shards = read_table(run.root / "shards.parquet", SHARDS_SCHEMA).to_pylist()
    expected = [s for row in shards if row["split"] == "train" for s in read_shard(run.root / row["path"])]
    opened = corpus(run)
    found = [opened.sample(number) for number in range(len(opened))]
    assert [s.id for s in found] == [s.id for s in expected]
    assert all(np.array_equal(a.units, b.units) for a, b in zip(found, expected, strict=True))


def test_documents_change_with_the_epoch_and_with_nothing_else(run: RunFolder) -> None:
    first, again = corpus(run), corpus(run)
    last = len(first) - 1
    drawn = [first.document(last, epoch).tokens.tolist() for epoch in range(6)]
    assert drawn == [again.document(last, epoch).tokens.tolist() for epoch in range(6)]
    assert len({tuple(tokens) for tokens in drawn}) > 1


def test_a_budget_in_positions_packs_more_tokens_when_patched(run: RunFolder) -> None:
    speech = InterleaveConfig(strategy="speech")
    budget = RowBudget(positions=100, tokens=10_000)
    tokens = {
        name: len(
            RowStream(SplitCorpus(run, "train", speech, PatchingConfig(strategy=name)), budget, seed=0).row(0).tokens
        )
        for name in ("none", "static")
    }
    assert tokens["static"] > 2 * tokens["none"]


def test_one_flipped_bit_is_a_clear_error(copied: Path) -> None:
    row = read_table(copied / "index.parquet", INDEX_SCHEMA).to_pylist()[0]
    path = copied / "shards" / f"{row['shard']}.tar"
    data = bytearray(path.read_bytes())
    data[row["offset"] + row["bytes"] // 2] ^= 1
    path.write_bytes(data)
    opened = corpus(open_run(copied), row["split"])
    with pytest.raises(CorruptShard, match=rf"{path.name}`: sample `{row['id']}` is damaged"):
        opened.sample(0)


def test_a_lost_and_a_truncated_shard_are_clear_errors(copied: Path) -> None:
    opened = corpus(open_run(copied))
    for path in (copied / "shards").glob("train-*.tar"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CorruptShard, match="is damaged"):
        opened.sample(len(opened) - 1)
    opened = corpus(open_run(copied))
    for path in (copied / "shards").glob("train-*.tar"):
        path.unlink()
    with pytest.raises(CorruptShard, match="cannot be read"):
        opened.sample(0)


def test_an_unfinished_run_is_refused(copied: Path) -> None:
    (copied / "shards.parquet").unlink()
    with pytest.raises(ConfigError, match=r"finished run folder, but .* lacks shards\.parquet"):
        open_run(copied)


def test_a_split_without_samples_is_refused_with_what_there_is(run: RunFolder) -> None:
    with pytest.raises(ConfigError, match=r"must hold test samples, but .* has 11 train, 1 validation"):
        corpus(run, "test")


def test_another_vocab_card_is_refused(run: RunFolder) -> None:
    with pytest.raises(ConfigError, match="`units` is 499 here"):
        open_run(run.root, expected=replace(run.vocab, units=499))


def test_a_tokenizer_that_the_card_does_not_name_is_refused(copied: Path) -> None:
    path = copied / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    with pytest.raises(ConfigError, match=r"is not the tokenizer that `vocab\.json` names"):
        open_run(copied)
