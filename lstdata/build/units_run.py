"""A build in two phases: units first, where the GPUs are, and everything else later from their run folder.

The first phase is a build without word times, a run folder like any other. The second decodes the audio again but takes
units from there, so that it needs neither the model nor a GPU; its shards are those that one build would have made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from lstdata.build.folder import shard_paths
from lstdata.build.inventory import UnitSet
from lstdata.build.spec import BY_CONTENT
from lstdata.config import BuildConfig, differences
from lstdata.errors import ConfigError, CorruptShard, Rejected, Unavailable
from lstdata.records import HOP
from lstdata.run_folder import read_card, read_finished
from lstdata.shards import iter_samples
from lstdata.storage import commit_bytes, exists, place, read_bytes, read_json, sha256_bytes, sha256_file

_CODEBOOK = ("codebook.npz", "codebook.json")

OPTION = "units.taken_from"


@dataclass(frozen=True)
class UnitsRun:
    """A finished first phase."""

    root: UPath
    compute_class: str
    fingerprint: str
    """Of its units, as a stage."""
    plan_sha256: str
    units: UnitSet | None
    """None where not one frame of speech could be read."""
    hop: int
    """Samples per unit."""

    def check_plan(self, plan: UPath) -> None:
        """ConfigError where the second phase has planned other shards."""
        if sha256_file(plan) != self.plan_sha256:
            raise ConfigError(
                f"`{OPTION}` `{self.root}` has another plan than this build: both need the same source, with the same "
                "`source`, `segment` and `plan` options."
            )

    def keep_codebook(self, out: UPath, notes: list[str]) -> None:
        """The codebook byte for byte, and how it was fitted."""
        for name in _CODEBOOK:
            if exists(self.root / name) and not exists(out / name):
                commit_bytes(out / name, read_bytes(self.root / name))
                notes.append(f"{name}: that of `{self.root}`")


def open_units_run(config: BuildConfig) -> UnitsRun | None:
    """The first phase that `units.taken_from` names, None where it names none. ConfigError where it does not fit."""
    if config.units.taken_from is None:
        return None
    root = place(config.units.taken_from)
    if not exists(root / "run.json"):
        raise ConfigError(f"`{OPTION}` must be a run folder, but `{root}` has no run.json.")
    run = read_finished(root)
    changed = differences(_of_content(run["config"]["units"]), _of_content(asdict(config.units)), "units.")
    if changed:
        raise ConfigError(f"`{OPTION}` `{root}` was built with other options: {', '.join(changed)}.")
    card = read_card(root)
    return UnitsRun(
        root=root,
        compute_class=run["compute_class"],
        fingerprint=run["fingerprints"]["units"],
        plan_sha256=run["plan_sha256"],
        units=None if card is None else UnitSet(card.units, card.codebook_sha256),
        hop=HOP if card is None else card.hop,
    )


class TakenUnits:
    """The units of one shard of a first phase, by sample key."""

    def __init__(self, root: UPath, shard: str) -> None:
        """Unavailable where the shard is not there, CorruptShard where it is not the one that was committed."""
        tar, _, sidecar = shard_paths(root, shard)
        self._root = root
        try:
            stated = read_json(sidecar)
            data = read_bytes(tar) if stated["samples"] else b""
        except FileNotFoundError as error:
            raise Unavailable(f"`{root}` holds no shard {shard}: build it there again.") from error
        if stated["samples"] and sha256_bytes(data) != stated["sha256"]:
            raise CorruptShard(f"`{tar}` is damaged (sha256 differs): run `verify` on `{root}`.")
        found = iter_samples(data, str(tar)) if data else ()
        samples = (stored.sample for _, _, stored in found)
        self._units = {sample.key: sample.units for sample in samples}
        self._verdicts = {letter["id"]: letter for letter in stated["rejected"]}

    def of(self, key: str, id: str, frames: int) -> NDArray[np.uint16]:
        """A record's units, (frames,).

        Raises the verdict of the first phase on its units, and Unavailable where that has none for another reason.
        """
        units = self._units.get(key)
        if units is not None and len(units) == frames:
            return units
        letter = self._verdicts.get(id)
        if letter is not None and letter["stage"] == "units" and not letter["environmental"]:
            raise Rejected(letter["reason"], letter["message"])
        why = f"{len(units)} units, but its audio is of {frames} frames" if units is not None else "no units"
        raise Unavailable(f"`{id}` has {why} in `{self._root}`: `lstdata retry` it there.")


def _of_content(units: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in units.items() if name not in BY_CONTENT}
