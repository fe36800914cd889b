"""`verify` finds what is wrong with documents of text."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstdata.records import Sample
from lstdata.shards import StoredSample, iter_samples, write_shard
from lstdata.verify import verify

TAR = "shards/train-000000.tar"


@pytest.fixture
def run(text_run: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(text_run, tmp_path / "run"))


def rewrite(path: Path, change: Callable[[Sample], Sample]) -> str:
    """Change the second sample of a tar; its id."""
    stored = [sample for *_, sample in iter_samples(path.read_bytes(), str(path))]
    stored[1] = StoredSample(change(stored[1].sample), {}, ())
    buffer = io.BytesIO()
    write_shard(buffer, stored)
    path.write_bytes(buffer.getvalue())
    return stored[1].sample.id


def one_token(sample: Sample) -> Sample:
    assert sample.tokens is not None
    tokens = sample.tokens.copy()
    tokens[0] = (tokens[0] + 1) % 300
    return replace(sample, tokens=tokens)


def wider(sample: Sample) -> Sample:
    assert sample.tokens is not None
    return replace(sample, tokens=sample.tokens.astype(np.uint32))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (one_token, "its tokens are not those of its text."),
        (wider, "its tokens are uint32, but those of this vocabulary are uint16."),
        (lambda sample: replace(sample, text=" "), "it has no text."),
    ],
)
def test_a_document_that_is_not_what_was_written_is_named(
    run: Path, change: Callable[[Sample], Sample], says: str
) -> None:
    id = rewrite(run / TAR, change)
    problems = verify(run).problems
    assert f"shard train-000000: sample `{id}`: {says}" in problems and any("sha256" in p for p in problems)


def test_a_flipped_bit_is_found_and_its_document_named(run: Path) -> None:
    data = bytearray((run / TAR).read_bytes())
    data[700] ^= 1
    (run / TAR).write_bytes(data)
    assert any("sample `part-" in problem and "crc32 differs" in problem for problem in verify(run).problems)


def test_a_codebook_has_no_place_there(run: Path) -> None:
    (run / "codebook.npz").write_bytes(b"")
    assert "`codebook.npz` has no place in a run of text." in verify(run).problems
