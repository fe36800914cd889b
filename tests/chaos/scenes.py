"""What is built while something is killed: a few small corpora, the commands, and what they leave undisturbed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tests.chaos.running import carry_through
from tests.conftest import write_cuts
from tests.units.encoder.checkpoints import random_model, save

OPTIONS: Final = [
    *("plan.shard_seconds=8", "tokenizer.vocab_size=300", "units.clusters=16", "units.fit_frames=500"),
    "run.max_reject_rate=0.5",
]
ENCODER: Final = ["units.layer=2", "run.device=cpu", "run.model_actors=1", "run.cpus_per_model=0.5"]

Call = tuple[str, str, str, int]
"""Role of the process, call, place, and how many of these it is in its process; as injected/sitecustomize.py has it."""


@dataclass(frozen=True)
class Scene:
    """Commands that make one run folder, and what it holds when nobody disturbs them."""

    name: str
    commands: Callable[[Path], list[list[str]]]
    """Of `lstdata`, for a run folder; one after another."""
    before: Path | None
    """The run folder that they find."""
    contents: dict[str, str]
    """See `contents`."""
    trace: list[Call]
    """The calls of the first command on watched files, made by one worker."""

    def set_up(self, out: Path) -> None:
        if self.before is not None:
            shutil.copytree(self.before, out)


class Scenes:
    """Each is made when it is first asked for, by one thread; `build` before any other thread asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.whole = _wound(write_cuts(folder / "whole", 20), 2)
        self._healed = write_cuts(folder / "healed", 14)

    @property
    def roots(self) -> dict[str, Path]:
        """The source folders, which are watched, by name."""
        return {"source": self.whole, "grown": self._folder / "grown", "healed": self._healed}

    @cached_property
    def build(self) -> Scene:
        return self._scene("build", lambda out: [build_command(self.whole, out)])

    @cached_property
    def plan(self) -> Scene:
        """The plan alone is disturbed; it is built from afterwards."""

        def commands(out: Path) -> list[list[str]]:
            building = build_command(self.whole, out)
            return [plan_command(building), building]

        return self._scene("plan", commands)

    @cached_property
    def rebuild(self) -> Scene:
        return self._scene("rebuild", lambda out: [[*build_command(self.whole, out), "--rebuild"]], self._wounded)

    @cached_property
    def grow(self) -> Scene:
        return self._scene("grow", lambda out: [build_command(self._folder / "grown", out)], self._wounded)

    @cached_property
    def retry(self) -> Scene:
        return self._scene("retry", lambda out: [["retry", str(out), "--source", str(self._healed)]], self._wounded)

    @cached_property
    def encoder(self) -> Scene:
        """Units by a pretrained model, which sits in an actor where the runner is Ray."""
        model = save(random_model("Hubert", "group"), self._folder / "hubert")
        sets = [f"units.model={model}", *ENCODER]
        return self._scene("encoder", lambda out: [build_command(self.whole, out, *sets)])

    @cached_property
    def _wounded(self) -> Path:
        """A finished run with two dead letters; by now its source holds six records more."""
        source, out = _wound(write_cuts(self._folder / "grown", 14), 2, 5), self._folder / "wounded"
        carry_through([*build_command(source, out), "--workers", "1"], out, {})
        write_cuts(source, 6, first=14)
        return out

    def _scene(self, name: str, commands: Callable[[Path], list[list[str]]], before: Path | None = None) -> Scene:
        """Carried out undisturbed, by one worker, with its calls traced."""
        out, trace = self._folder / f"undisturbed-{name}", self._folder / f"{name}.trace"
        if before is not None:
            shutil.copytree(before, out)
        for number, command in enumerate(commands(out)):
            workers = [] if command[0] == "plan" else ["--workers", "1"]
            carry_through([*command, *workers], out, self.roots, trace if number == 0 else None)
        calls = [tuple(json.loads(line)) for line in trace.read_text().splitlines()]
        return Scene(name, commands, before, contents(out), calls)


def build_command(source: Path, out: Path, *sets: str) -> list[str]:
    options = [part for item in [*OPTIONS, *sets] for part in ("--set", item)]
    return ["build-shards", str(source), str(out), *options, "--no-report", "--no-verify"]


def plan_command(building: list[str]) -> list[str]:
    """That plans what a build would build."""
    return ["plan", *(word for word in building[1:] if not word.startswith("--no-"))]


def contents(out: Path) -> dict[str, str]:
    """sha256 by name of all that is in a run folder but its lock and event logs; temporary files would be among it.

    Of run.json without how the build was carried out.
    """
    found = {}
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = str(path.relative_to(out))
        if name == ".lock" or name.startswith("events/"):
            continue
        data = path.read_bytes()
        if name == "run.json":
            run = json.loads(data)
            del run["config"]["run"], run["seal"]
            data = json.dumps(run, sort_keys=True).encode()
        found[name] = hashlib.sha256(data).hexdigest()
    return found


def _wound(corpus: Path, *numbers: int) -> Path:
    """Recordings without a byte become dead letters."""
    for number in numbers:
        (corpus / "audio" / f"utt-{number:03d}.flac").write_bytes(b"")
    return corpus
