"""A finished run folder of any size without a second of audio: what the stages would have made of it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from upath import UPath

from lstdata.build.commit import commit_shard
from lstdata.build.finish import finish, sealed
from lstdata.build.inventory import keep_units
from lstdata.build.plan import make_plan
from lstdata.build.plan_table import PlannedRecord, PlannedShard, read_shard_rows
from lstdata.build.spec import BuildSpec, stage_fingerprints
from lstdata.build.stages import Stages
from lstdata.build.utterance import Utterance
from lstdata.compute import compute_class, versions
from lstdata.config import BuildConfig, load, to_dict
from lstdata.documents import drawn_spans
from lstdata.errors import LstDataError
from lstdata.records import HOP, Coded, UnitInventory
from lstdata.run_folder import FORMAT
from lstdata.shards import StoredSample
from lstdata.source_row import Locator, SourceRow
from lstdata.storage import commit_bytes, commit_json, sha256_file
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.vocab import VocabCard
from lstdata.workers import run_tasks

CLUSTERS = 500
POOL = 500
"""Different utterances; the others differ from these in their names alone."""

TEXT = """
it was late in the evening when the last of the travellers came down from the hills and found the inn already full
nobody could tell them whether the road along the river would be open before morning because the rain had carried away
part of the bridge and the men who might have mended it were still out with their cattle on the other side of the valley
the landlord however was a kind old fellow and gave them bread and cheese and a place beside the fire where they talked
about the war and the price of corn and the strange lights that had been seen above the chapel on three nights running
"i never believed in such things," said the youngest, "until i saw them myself; then i did not know what to believe."
"""


@dataclass(frozen=True)
class SyntheticSource:
    """Units with words of 12 to 15 s, several to a recording."""

    utterances: int
    kind: str = "units"
    root: str = "synthetic"

    def scan(self) -> Iterator[SourceRow]:
        for number in range(self.utterances):
            name = f"{number // 40 % 2000:05d}-{number // 40}"
            coded = utterance(number % POOL)
            yield SourceRow(
                id=f"{name}-{number % 40:04d}",
                locator=Locator(path=str(number)),
                recording=name,
                duration=coded.samples / 16_000,
                text=" ".join(coded.words or ()),
                speaker=str(number // 40 % 2000),
                language="en",
                license="CC0-1.0",
            )

    def open(self, locator: Locator) -> Coded:
        return utterance(int(locator.path) % POOL)

    def inventory(self) -> UnitInventory:
        return UnitInventory(CLUSTERS, None, "synthetic")


_pool: dict[int, Coded] = {}


def utterance(number: int) -> Coded:
    """2.7 words a second, half of the time silent, each character's time known."""
    if number not in _pool:
        _pool[number] = _drawn(number)
    return _pool[number]


def _drawn(number: int) -> Coded:
    rng = np.random.default_rng(number)
    samples = int(rng.integers(12 * 16_000, 15 * 16_000))
    frames = samples // HOP
    count = round(2.7 * samples / 16_000)
    first = int(rng.integers(100))
    words = tuple(islice(cycle(TEXT.split()), first, first + count))
    edges = np.sort(rng.choice(frames + 1, 2 * count, replace=False)).reshape(-1, 2)
    active = np.zeros(frames, dtype=np.bool_)
    for start, end in edges.tolist():
        active[start:end] = True
    return Coded(
        samples=samples,
        units=rng.integers(0, CLUSTERS, frames).astype(np.uint16),
        activity=active,
        words=words,
        word_frames=edges,
        word_scores=tuple(-float(score) for score in rng.random(count)),
        character_frames=tuple(
            tuple(np.linspace(start, end, len(word), endpoint=False).astype(int).tolist())
            for word, (start, end) in zip(words, edges.tolist(), strict=True)
        ),
        aligner="ctc",
        score=-0.5,
        header_seconds=samples / 16_000,
    )


def write_run(out: Path, utterances: int, *sets: str) -> UPath:
    """Build a finished run folder, by the code that builds real ones from the units on."""
    folder, config = UPath(out), load(BuildConfig, None, list(sets))
    source = SyntheticSource(utterances)
    plan = make_plan(source, config.plan, folder / "plan.parquet")
    commit_bytes(folder / "tokenizer.json", fit_tokenizer(TEXT.splitlines(), 1000))
    tokenizer = TextTokenizer.read(str(folder / "tokenizer.json"))
    units = keep_units(source.inventory(), folder, config, [])
    card = VocabCard(
        text_size=tokenizer.size,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_bos=tokenizer.bos,
        tokenizer_eos=tokenizer.eos,
        units=units.clusters,
        codebook_sha256=units.sha256,
    )
    commit_json(folder / "vocab.json", card.to_json())
    stages = stage_fingerprints(config, units.sha256, tokenizer.sha256, None, None)
    here = compute_class("cpu", models=False)
    spec = BuildSpec(source.root, folder, config, here, here, tuple(stages.items()))
    for _, outcome in run_tasks(partial(_Builder, spec, source), plan.shards, config.run):
        if isinstance(outcome, LstDataError):
            raise outcome
    totals = finish(plan, folder, lambda shard: spec.shard_fingerprint(shard.fingerprint))
    described = {
        "format": FORMAT,
        "source": {"path": source.root, "kind": source.kind},
        "config": to_dict(config),
        "versions": versions(),
        "compute_class": here,
        "fingerprints": {"source": plan.source_fingerprint, **stages},
        "plan_sha256": sha256_file(folder / "plan.parquet"),
        "totals": asdict(totals),
    }
    commit_json(folder / "run.json", sealed(folder, described))
    return folder


class _Builder:
    """Builds shards in a worker; the utterances of the pool are made once, and given other names."""

    def __init__(self, spec: BuildSpec, source: SyntheticSource) -> None:
        self._spec, self._source = spec, source
        self._tokenizer = TextTokenizer.read(str(spec.out / "tokenizer.json"))
        self._stages = Stages(spec.config, source, extractor=None, tokenizer=self._tokenizer, clusters=CLUSTERS)
        self._made: dict[int, StoredSample] = {}

    def __call__(self, shard: PlannedShard) -> float:
        records = read_shard_rows(self._spec.out / "plan.parquet", shard.number)
        return commit_shard(self._spec, shard, [self._stored(record) for record in records])

    def _stored(self, record: PlannedRecord) -> StoredSample:
        number = int(record.row.locator.path) % POOL
        if number not in self._made:
            made = self._stages.make_sample(Utterance(record=record, coded=utterance(number))).stored
            assert made is not None
            self._made[number] = made
        row, made = record.row, self._made[number]
        names = {"recording": row.recording, "speaker": row.speaker, "split": record.split}
        sample = replace(made.sample, key=record.key, id=row.id, **names)
        drawn = drawn_spans(sample, self._tokenizer, interleave=self._spec.config.interleave)
        return replace(made, sample=sample, drawn=drawn)
