"""The folder of a transcription: what it was begun with, and whether it may go on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Final

from upath import UPath

from lstdata.checkpoints import Checkpoint
from lstdata.compute import compute_class as cpu_class
from lstdata.config import differences, to_dict
from lstdata.errors import ConfigError, CorruptShard
from lstdata.storage import TEMPORARY, absolute, commit_json, place, read_json, require_local
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.survey import Survey

FORMAT: Final = 1
TRANSCRIPTS: Final = "transcripts.parquet"
JOURNAL: Final = "journal.jsonl"
_STATE: Final = "transcribe.json"
_OURS: Final = (TRANSCRIPTS, JOURNAL, _STATE)
"""All that transcribing writes; the state comes last, so that the folder stays known while the others are deleted."""
_NOT_OUTPUT: Final = ("run", "about", "gpus_per_worker", "model", "revision")
"""Options that change no transcript; the model counts by its files, not by where they lie."""

_ANEW: Final = "Give a new folder, or --rebuild to discard what is there."


@dataclass(frozen=True)
class Asked:
    """One transcription as the user asked for it."""

    source: str
    out: UPath
    config: TranscribeConfig
    allow_mixed_compute: bool = False
    rebuild: bool = False
    """Discard what was transcribed in the folder before."""

    def __post_init__(self) -> None:
        """Paths become absolute: workers may run in another folder."""
        object.__setattr__(self, "out", place(self.out))
        object.__setattr__(self, "source", absolute(self.source))
        require_local(self.out, "`transcribe`")


def is_begun(out: UPath) -> bool:
    """Whether the folder is bound to a source, a model and options already."""
    return (out / _STATE).exists()


def discard(asked: Asked) -> None:
    """Delete what transcribing wrote, and nothing else; ConfigError where that is the source."""
    if os.path.realpath(asked.source) in {os.path.realpath(str(p)) for p in (asked.out, asked.out / TRANSCRIPTS)}:
        raise ConfigError(f"`{asked.source}` is SOURCE, and --rebuild would discard it: give another folder.")
    for name in _OURS:
        (asked.out / name).unlink(missing_ok=True)


def begin(asked: Asked, config: TranscribeConfig, checkpoint: Checkpoint, survey: Survey) -> dict[str, Any]:
    """What the folder was begun with, written first where it is empty; refused where anything else was asked for."""
    wanted = {
        "format": FORMAT,
        "source": {"path": asked.source, "fingerprint": survey.fingerprint},
        **made_by(config, checkpoint),
        "compute_class": compute_class(config),
        "survey": asdict(survey),
        "totals": None,
    }
    path = asked.out / _STATE
    if not path.exists():
        commit_json(path, wanted)
        return wanted
    try:
        begun: dict[str, Any] = read_json(path)
        stated = begun["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptShard(f"`{path}` cannot be read: {error}.") from error
    if stated != FORMAT:
        raise CorruptShard(f"`{path}` has the format {stated!r}, but this version reads {FORMAT}. {_ANEW}")
    _refuse_changes(asked, begun, wanted)
    return begun


def made_by(config: TranscribeConfig, checkpoint: Checkpoint) -> dict[str, Any]:
    """The options and the model that decide what is heard."""
    options = {name: value for name, value in to_dict(config).items() if name not in _NOT_OUTPUT}
    return {"config": options, "model": checkpoint.identity()}


def finish(out: UPath, begun: dict[str, Any], totals: dict[str, Any]) -> None:
    """Say that the folder is complete; the journal has served."""
    commit_json(out / _STATE, begun | {"totals": totals})
    (out / JOURNAL).unlink(missing_ok=True)


def compute_class(config: TranscribeConfig) -> str:
    """Machines of one class give equal transcripts: processor or GPU, and library versions."""
    import torch

    parts = [cpu_class(), f"transformers-{metadata.version('transformers')}"]
    if config.device == "cuda":
        parts.append(torch.cuda.get_device_name() if torch.cuda.is_available() else "cuda")
    return " ".join(parts)


def refuse_strangers(out: UPath) -> None:
    """ConfigError where the folder holds anything, but no transcripts that were begun."""
    if is_begun(out):
        return
    strangers = sorted(p.name for p in out.iterdir() if p.name != ".lock" and TEMPORARY not in p.name)
    if strangers:
        raise ConfigError(
            f"`{out}` is not empty and no folder of transcripts: it holds `{strangers[0]}`. Give a new folder."
        )


def _refuse_changes(asked: Asked, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
    changes = differences(begun["config"], wanted["config"])
    changes += differences(begun["model"], wanted["model"], "model.")
    if changes:
        raise ConfigError(f"`{asked.out}` was begun with other options: {'; '.join(changes)}. {_ANEW}")
    if begun["source"]["fingerprint"] != wanted["source"]["fingerprint"]:
        raise ConfigError(
            f"The source `{asked.source}` is not, or no longer, what `{asked.out}` was begun with. {_ANEW}"
        )
    done = begun["totals"] is not None
    if begun["compute_class"] != wanted["compute_class"] and not asked.allow_mixed_compute and not done:
        raise ConfigError(
            f"`{asked.out}` was begun on {begun['compute_class']}, but this is {wanted['compute_class']}: transcripts "
            "could differ. Give a new folder, --rebuild, or --allow-mixed-compute."
        )
