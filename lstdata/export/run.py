"""Exporting: every sample of a run goes through one format's writer, or is counted under a reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upath import UPath

from lstdata import __version__
from lstdata.errors import ConfigError, LstDataError
from lstdata.export import FORMATS
from lstdata.export.destination import LEFT_OUT, SUMMARY, append_lines, check_destination, exporting
from lstdata.export.samples import Run, open_run
from lstdata.export.writing import Writer
from lstdata.records import SAMPLE_RATE
from lstdata.run_folder import read_card
from lstdata.storage import commit_json, sha256_file


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is exported, as what, where to."""

    out: UPath
    dst: UPath
    format: str
    splits: tuple[str, ...] = ()
    """All, where there are none."""
    chunks: int = 1
    """Of `lst`: files of each split."""
    workers: int | None = None
    """Of `webdataset`: processes; None: as many as there are cores."""
    overwrite: bool = False


@dataclass
class Counts:
    """The samples of one split."""

    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """By reason."""


def export_run(asked: Asked, progress: Callable[[int, int], None]) -> dict[str, Any]:
    """Export a run; what `export.json` says. `progress` hears (samples done, samples in all) after every shard.

    Every sample is written, or counted under a reason and named in `left_out.jsonl`; equal runs give equal bytes.
    Raises LstDataError where none can be written.
    """
    check_destination(asked.out, asked.dst, overwrite=asked.overwrite)
    run = open_run(asked.out, asked.splits)
    with exporting(asked.dst) as folder:
        writer = _writer(asked, run, folder)
        counts = {split: Counts() for split in run.splits}
        _write(run, writer, folder, counts, progress)
        summary = _summary(asked, run, counts) | writer.close()
        if not summary["written"]:
            why = ", ".join(sorted({reason for counted in counts.values() for reason in counted.left_out}))
            raise LstDataError(f"`{asked.format}` can carry none of the {run.samples} samples of `{asked.out}`: {why}.")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        summary["files"] = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
        commit_json(folder / SUMMARY, summary)
    return summary


def _writer(asked: Asked, run: Run, folder: Path) -> Writer:
    match asked.format:
        case "lst":
            from lstdata.export.lst import LstWriter

            return LstWriter(folder, asked.chunks)
        case "slamkit":
            from lstdata.export.slamkit import SlamkitWriter

            return SlamkitWriter(folder)
        case "hf":
            from lstdata.export.hf import HubWriter

            return HubWriter(folder, run)
        case "lhotse":
            from lstdata.export.lhotse import SharWriter

            return SharWriter(folder, run)
        case "webdataset":
            from lstdata.export.webdataset import AudioWriter

            return AudioWriter(folder, run, asked.workers)
    raise ConfigError(f"`--format` must be one of {', '.join(FORMATS)}, but is {asked.format!r}.")


def _write(
    run: Run, writer: Writer, folder: Path, counts: dict[str, Counts], progress: Callable[[int, int], None]
) -> None:
    done = 0
    for shard, left_out in writer.written(run):
        named = [{"id": id, "split": shard.split, "reason": reason} for id, reason in left_out]
        append_lines(folder / LEFT_OUT, [json.dumps(name, ensure_ascii=False) for name in named])
        counts[shard.split].written += shard.samples - len(left_out)
        counts[shard.split].left_out.update(reason for _, reason in left_out)
        done += shard.samples
        progress(done, run.samples)


def _summary(asked: Asked, run: Run, counts: dict[str, Counts]) -> dict[str, Any]:
    card = read_card(asked.out)
    units: dict[str, Any] = {}
    if card is not None and card.units:
        units = {"clusters": card.units, "codebook_sha256": card.codebook_sha256}
        units["frames_per_second"] = SAMPLE_RATE / card.hop
    return {
        "format": asked.format,
        "lstdata": __version__,
        "run": {name: run.stated[name] for name in ("seal", "totals", "versions")},
        "units": units,
        "samples": run.samples,
        "written": sum(counted.written for counted in counts.values()),
        "left_out": sum(counted.left_out.total() for counted in counts.values()),
        "splits": {
            split: {"written": counted.written, "left_out": dict(counted.left_out)} for split, counted in counts.items()
        },
    }
