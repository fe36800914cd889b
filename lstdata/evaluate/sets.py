"""An evaluation set: a folder with `items.jsonl` and, where they are spoken, a run folder of their recordings.

The run is built by the same stages as training data, with the codebook and the tokenizer of the run that it is made
like, so that its units are those that a model knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from upath import UPath

from lstdata.config import BuildConfig, FilterConfig, InterleaveConfig, PatchingConfig
from lstdata.errors import ConfigError
from lstdata.evaluate.items import Item, Part, parse_items, recordings, write_items
from lstdata.evaluate.layouts.reading import Reading
from lstdata.options import from_dict
from lstdata.records import Sample
from lstdata.run_folder import read_finished
from lstdata.run_options import RunConfig
from lstdata.source_options import PlanConfig, SourceConfig
from lstdata.storage import commit_bytes, commit_json, exists

if TYPE_CHECKING:
    from lstdata.build import Listener
    from lstdata.loader.corpus import RunFolder, SplitCorpus

ITEMS: Final = "items.jsonl"
RECORDINGS: Final = "recordings.jsonl"
READING: Final = "layout.json"
"""What the items were read from, the number published, and by name all that was left out."""
RUN: Final = "run"
MANIFESTS: Final = ("recordings.jsonl", "recordings.jsonl.gz", "cuts.jsonl", "cuts.jsonl.gz")
"""Files that make the folder of the items a source of its own."""


@dataclass(frozen=True)
class BuiltSet:
    """What `build_set` has made."""

    items: int
    recordings: int
    rejected: int
    incomplete: int
    """Items that a recording which was rejected, or is not in the source, leaves without a part."""


def build_set(
    given: Reading, out: UPath, like: UPath, listener: Listener, *, source: str | None = None, run: RunConfig
) -> BuiltSet:
    """Make the evaluation set `out` of items, like a finished run folder of speech; called again it resumes.

    `source` has the recordings, by the ids that items name; None: the manifests in the folder of a file of items, else
    the items' own `audio`. ConfigError for items that name no recording by both and for a run that is none
    of speech.
    """
    from lstdata.build import Asked, build_shards

    items = _named(given.items)
    spoken = list(recordings(items))
    config = like_config(like, run) if spoken else BuildConfig()
    commit_bytes(out / ITEMS, write_items(items).encode())
    commit_json(out / READING, given.record())
    if not spoken:
        return BuiltSet(len(items), 0, 0, 0)
    folder = given.folder
    if source is None and given.layout == "items" and any(exists(folder / name) for name in MANIFESTS):
        source = str(folder)
    elif source is None:
        source = str(_table(items, folder, out))
        config = replace(config, source=SourceConfig(audio_folder=str(folder)))
    totals = build_shards(Asked(source, out / RUN, config), listener)
    there = set(Recordings(out / RUN).places)
    incomplete = sum(any(part.recording and part.recording not in there for part in item.parts()) for item in items)
    return BuiltSet(len(items), len(there.intersection(spoken)), totals.rejected, incomplete)


def like_config(like: UPath, run: RunConfig) -> BuildConfig:
    """The config of a finished run, for another source: its codebook and tokenizer, nothing left out or held out."""
    lacking = [name for name in ("run.json", "codebook.npz") if not exists(like / name)]
    if lacking:
        raise ConfigError(f"`like` must be a finished run folder of speech, but `{like}` has no {lacking[0]}.")
    config = from_dict(BuildConfig, read_finished(like)["config"])
    return replace(
        config,
        about="",
        source=SourceConfig(),
        segment=replace(config.segment, enabled=False),
        plan=PlanConfig(validation=0.0),
        filter=FilterConfig(),
        units=replace(config.units, codebook=str(like / "codebook.npz"), taken_from=None),
        words=replace(config.words, missing="speech"),
        tokenizer=replace(config.tokenizer, path=str(like / "tokenizer.json")),
        run=run,
    )


class EvaluationSet:
    """Items and, by id, the samples of their recordings; ConfigError where `root` is none."""

    def __init__(self, root: UPath) -> None:
        self.root = root
        if not exists(root / ITEMS):
            raise ConfigError(
                f"`{root}` must be an evaluation set, which `lstdata build-eval` makes, but has no {ITEMS}."
            )
        self.items = parse_items((root / ITEMS).read_text(encoding="utf-8"), str(root / ITEMS))
        self.recordings = Recordings(root / RUN) if exists(root / RUN) else None

    @property
    def name(self) -> str:
        return self.root.name


class Recordings:
    """The samples of a finished run of all its splits, by id."""

    def __init__(self, root: UPath) -> None:
        from lstdata.index import INDEX_SCHEMA, read_table
        from lstdata.loader.corpus import open_run

        self.run: RunFolder = open_run(root)
        table = read_table(root / "index.parquet", INDEX_SCHEMA, ("id", "split")).to_pylist()
        counts: dict[str, int] = {}
        self.places: dict[str, tuple[str, int]] = {}
        for row in table:
            split = row["split"]
            self.places[row["id"]] = split, counts.get(split, 0)
            counts[split] = counts.get(split, 0) + 1
        self._corpora: dict[str, SplitCorpus] = {}

    def sample(self, id: str) -> Sample:
        from lstdata.loader.corpus import SplitCorpus

        split, number = self.places[id]
        if split not in self._corpora:
            self._corpora[split] = SplitCorpus(self.run, split, InterleaveConfig(), PatchingConfig())
        return self._corpora[split].sample(number)


def _named(items: Sequence[Item]) -> list[Item]:
    """Parts that bring audio without an id are named by its path, without the suffix."""

    def named(part: Part) -> Part:
        if part.audio is None or part.recording is not None:
            return part
        return replace(part, recording=part.audio.rpartition(".")[0] or part.audio)

    return [
        replace(item, prompt=item.prompt and named(item.prompt), endings=tuple(map(named, item.endings)))
        for item in items
    ]


def _table(items: Sequence[Item], folder: UPath, out: UPath) -> UPath:
    """A table of the parts that bring audio."""
    parts = {part.recording: part for item in items for part in item.parts() if part.recording}
    silent = [name for name, part in parts.items() if part.audio is None]
    if silent:
        raise ConfigError(
            f"the items name {len(silent)} recordings without `audio`, such as {silent[0]!r}, and `{folder}` has no "
            "manifests; say with `--source` where they are."
        )
    rows = [{"id": part.recording, "audio": part.audio, "text": part.text} for part in parts.values()]
    commit_bytes(out / RECORDINGS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    return out / RECORDINGS
