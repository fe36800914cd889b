"""What a run folder says of itself: the format of its `run.json`, and the sums by which it is found unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from upath import UPath

from lstdata.errors import ConfigError, CorruptShard
from lstdata.records import Codec
from lstdata.storage import exists, read_json, sha256_bytes, sha256_file, sizes_in
from lstdata.vocab import VocabCard

FORMAT = 1

SEALED: tuple[str, ...] = ("segments.parquet", "plan.parquet", "shards.parquet", "index.parquet", "rejects.parquet")
SEALED += ("vocab.json", "tokenizer.json", "codebook.npz", "codebook.json")
"""The files, beside those of the shards, whose sha256 a finished `run.json` states."""


def sealed(out: UPath, run: Mapping[str, Any]) -> dict[str, Any]:
    """A finished `run.json` with the sha256 of the tables and frozen files of `out`, and of itself as `seal`."""
    there = sizes_in(out)
    files = {name: sha256_file(out / name) for name in SEALED if name in there}
    body = {key: value for key, value in run.items() if key != "seal"} | {"sha256": files}
    return body | {"seal": seal(body)}


def seal(run: Mapping[str, Any]) -> str:
    """sha256 of all of `run.json` but the seal itself."""
    body = {key: value for key, value in run.items() if key != "seal"}
    return sha256_bytes(json.dumps(body, sort_keys=True, ensure_ascii=False).encode())


def read_finished(root: UPath) -> dict[str, Any]:
    """The `run.json` of a finished run; ConfigError where it is not finished, CorruptShard where it was changed."""
    path = root / "run.json"
    try:
        run = read_json(path)
        stated, finished, own = run["format"], run["totals"] is not None, run.get("seal")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {' '.join(str(error).split())}.") from error
    if stated != FORMAT:
        raise ConfigError(f"`{path}` has the format {stated!r}, but this version reads {FORMAT}.")
    if not finished:
        raise ConfigError(f"the run folder `{root}` is not finished: run the command that makes it again first.")
    if own != seal(run):
        raise CorruptShard(
            f"`{path}` is not the one that was committed (its seal differs): run `verify` on the folder."
        )
    return dict(run)


def kept_audio(run: Mapping[str, Any]) -> Codec | None:
    """What the shards of a `run.json` hold their audio as; None where they hold none."""
    codec: Codec | None = run["config"].get("audio", {}).get("keep")
    return codec


def read_card(root: UPath) -> VocabCard | None:
    """The vocab card, None where there is none: no frame of speech could be read."""
    path = root / "vocab.json"
    return VocabCard.from_json(read_json(path), str(path)) if exists(path) else None


def check_sums(root: UPath, run: Mapping[str, Any], names: Iterable[str]) -> None:
    """CorruptShard where a file is not the one whose sha256 `run`, a finished `run.json`, states."""
    for name in names:
        path = root / name
        try:
            unchanged = sha256_file(path) == run.get("sha256", {}).get(name)
        except FileNotFoundError as error:
            raise CorruptShard(f"`{path}` is missing.") from error
        if not unchanged:
            raise CorruptShard(f"`{path}` is not the one that was committed (sha256 differs).")
