"""WebDataset shards with the audio in them: `KEY.flac`, `KEY.json` and `KEY.units.npy`, for each shard of the run.

Audio is what the run has kept as FLAC, or read from the source again, as it was when the run was built: decoded, mixed
down, at 16 kHz. Where the source is gone, it is what the run has kept as Opus, decoded. It is written as FLAC, whose
bytes depend on nothing but the signal and libsndfile's version; the Ogg pages of libsndfile carry random numbers.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lstdata.audio.encoding import decode, encode
from lstdata.build.plan_table import read_plan, read_shard_rows
from lstdata.config import BuildConfig, RunConfig, from_dict
from lstdata.errors import ConfigError, LstDataError, Rejected
from lstdata.export.samples import Run, Shard, samples_of
from lstdata.export.writing import LeftOut
from lstdata.members import npy, run_lengths
from lstdata.records import Audio, Sample, Waveform
from lstdata.run_folder import kept_audio
from lstdata.shards import StoredSample
from lstdata.source_row import Locator
from lstdata.sources import Source, open_source
from lstdata.workers import run_tasks
from lstdata.workers.trying import try_hard


class AudioWriter:
    """A shard with its samples is a tar of the same name, written by one of several processes."""

    def __init__(self, folder: Path, run: Run, workers: int | None) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"`--workers` must be ≥ 1, but is {workers}.")
        self._work = AudioShards(run, _source(run), folder)
        self._workers = RunConfig(workers=workers)

    def written(self, run: Run) -> Iterator[tuple[Shard, Sequence[LeftOut]]]:
        """Raises what a worker could not get over."""
        done: dict[Shard, Sequence[LeftOut]] = {}
        waiting = iter(run.shards)
        following = next(waiting, None)
        outcomes = run_tasks(
            self._work.prepare, run.shards, self._workers, describe=lambda shard: f"shard {shard.name}"
        )
        with closing(outcomes):
            for shard, outcome in outcomes:
                if isinstance(outcome, LstDataError):
                    raise outcome
                done[shard] = outcome
                while following in done:
                    yield following, done.pop(following)
                    following = next(waiting, None)

    def close(self) -> dict[str, Any]:
        import soundfile

        return {"libsndfile": soundfile.__libsndfile_version__}


@dataclass(frozen=True)
class AudioShards:
    """What a worker needs to write any shard."""

    run: Run
    source: Source | None
    """None where the audio is taken from the run itself."""
    folder: Path

    def prepare(self) -> Callable[[Shard], list[LeftOut]]:
        plan = self.run.out / "plan.parquet"
        numbers = {shard.name: shard.number for shard in read_plan(plan).shards}

        def work(shard: Shard) -> list[LeftOut]:
            locators = {r.row.id: r.row.locator for r in read_shard_rows(plan, numbers[shard.name])}
            return try_hard(partial(self._write, shard, locators), f"shard {shard.name}")

        return work

    def _write(self, shard: Shard, locators: Mapping[str, Locator]) -> list[LeftOut]:
        left_out: list[LeftOut] = []
        path = self.folder / f"{shard.name}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for stored in samples_of(self.run, shard):
                sample = stored.sample
                try:
                    audio = self._audio(stored, locators)
                except Rejected as verdict:
                    left_out.append((sample.id, verdict.reason))
                    continue
                for extension, data in (("flac", audio), ("json", described(sample)), ("units.npy", npy(sample.units))):
                    _add(tar, f"{sample.key}.{extension}", data)
        if len(left_out) == shard.samples:
            path.unlink()
        return left_out

    def _audio(self, stored: StoredSample, locators: Mapping[str, Locator]) -> bytes:
        kept = stored.audio
        if kept is not None and kept.codec == "flac":
            return kept.data
        if self.source is None and kept is not None:
            return encode(decode(kept), "flac").data
        if self.source is None:
            raise Rejected("text_only", "it is a document of text.")
        return encode(heard(stored.sample, self.source, locators[stored.sample.id]), "flac").data


def heard(sample: Sample, source: Source, locator: Locator) -> Waveform:
    """The audio that a sample was made of. Raises Rejected where it is gone, or another; Unavailable as sources do."""
    if sample.tokens is not None:
        raise Rejected("text_only", "it is a document of text.")
    opened = source.open(locator)
    assert isinstance(opened, Audio)
    if len(opened.samples) != sample.samples:
        raise Rejected("audio_changed", f"it has {len(opened.samples)} samples, but had {sample.samples}.")
    return opened.samples


_DESCRIBED = (
    *("id", "split", "samples", "hop", "text", "words", "interpolated", "word_scores", "character_frames"),
    *("aligner", "align_score", "recording", "speaker", "language", "license"),
)


def described(sample: Sample) -> bytes:
    """All that a sample says but its units and patches."""
    said = {name: getattr(sample, name) for name in _DESCRIBED}
    said["word_frames"] = None if sample.word_frames is None else sample.word_frames.tolist()
    said |= {"activity": run_lengths(sample.activity), "custom": dict(sample.custom)}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _source(run: Run) -> Source | None:
    """None where the run has FLAC, or Opus and no source; ConfigError where audio is nowhere."""
    kept = kept_audio(run.stated)
    if kept == "flac":
        return None
    path = run.stated["source"]["path"]
    try:
        source = open_source(path, from_dict(BuildConfig, run.stated["config"]).source)
    except ConfigError:
        if kept is None:
            raise
        return None
    if source.inventory() is None:
        return source
    if kept is None:
        raise ConfigError(f"`webdataset` needs the audio of the run, but its source `{path}` has none.")
    return None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))
