"""A kill point: who is killed, when and how. All of it follows from its seed, and from what happens undisturbed."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal

from tests.chaos.scenes import Call, Scene, Scenes

_TABLES: Final = ("out/shards.parquet", "out/index.parquet", "out/rejects.parquet")

_ENDS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def _code(sent: int) -> int:
    """What a driver exits with: only SIGKILL leaves it no choice."""
    return -sent if sent == signal.SIGKILL else 128 + sent


@dataclass(frozen=True)
class Blow:
    """Struck by a process of the build itself, at a call on a watched file."""

    role: str
    call: str
    place: str
    nth: int
    moment: str
    """before, after or, of a write, amid."""
    victim: str = "self"
    """Or the parent: a worker's driver; or the group: all of the build at once, as when the power fails."""
    signal: int = signal.SIGKILL

    def allows(self, code: int) -> bool:
        """Whether the driver may exit with this code; where a worker stands still, it was killed."""
        if self.signal == signal.SIGSTOP:
            return code == -signal.SIGKILL
        if self.victim == "self" and self.role == "worker":
            return code == 0
        return code == _code(self.signal)

    def __str__(self) -> str:
        name = signal.Signals(self.signal).name
        return f"{name} to {self.role}'s {self.victim} {self.moment} {self.call} of {self.place} (no. {self.nth})"


@dataclass(frozen=True)
class RayBlow:
    """Struck from outside as soon as workers have begun so many shards."""

    victim: Literal["driver", "worker", "node", "actor"]
    begun: int
    signal: int = signal.SIGKILL

    def allows(self, code: int) -> bool:
        """Whether the driver may exit with this code."""
        return code == (_code(self.signal) if self.victim == "driver" else 0)

    def __str__(self) -> str:
        return f"{signal.Signals(self.signal).name} to {self.victim} after {self.begun} shards were begun"


@dataclass(frozen=True)
class Point:
    seed: int
    kind: str
    scene: Scene
    workers: int
    blows: tuple[Blow | RayBlow, ...]

    def __str__(self) -> str:
        blows = "; then ".join(map(str, self.blows))
        return f"seed {self.seed}, {self.kind}: {self.scene.name} by {self.workers} workers, {blows}"


def kind_of(seed: int) -> str:
    """So many seeds in a row as there are kinds have one of each."""
    return list(_KINDS)[seed % len(_KINDS)]


def is_on_ray(seed: int) -> bool:
    return kind_of(seed).startswith("ray")


def draw(seed: int, scenes: Scenes) -> Point:
    random_ = random.Random(seed)
    scene, workers, blows = _KINDS[kind_of(seed)](random_, scenes)
    return Point(seed, kind_of(seed), scene, workers, tuple(blows))


Drawn = tuple[Scene, int, Sequence[Blow | RayBlow]]


def _plan(random_: random.Random, scenes: Scenes) -> Drawn:
    return scenes.plan, 1, [_blow(random_, _pick(random_, scenes.plan.trace))]


def _driver(random_: random.Random, scenes: Scenes) -> Drawn:
    return scenes.build, 1, [_blow(random_, _pick(random_, _of(scenes.build, "driver")))]


def _grow(random_: random.Random, scenes: Scenes) -> Drawn:
    return _anyone(random_, scenes.grow)


def _retry(random_: random.Random, scenes: Scenes) -> Drawn:
    return _anyone(random_, scenes.retry)


def _rebuild(random_: random.Random, scenes: Scenes) -> Drawn:
    return _anyone(random_, scenes.rebuild)


def _anyone(random_: random.Random, scene: Scene) -> Drawn:
    """Mostly the driver, whose doing differs from that of another build."""
    role = random_.choice(["driver", "driver", "driver", "worker"])
    victim = "self" if role == "driver" else "parent"
    return scene, 1, [_blow(random_, _pick(random_, _of(scene, role)), victim)]


def _worker(random_: random.Random, scenes: Scenes) -> Drawn:
    """One, or two over one shard: then the records of that shard are tried apart, and found to be good."""
    workers, scene = random_.choice([1, 2]), scenes.build
    call = _pick(random_, _of(scene, "worker", anywhere=workers == 1))
    times = random_.choice([1, 1, 2]) if "shards/" in call[2] and call[3] == 1 else 1
    return scene, workers, [_blow(random_, call)] * times


def _signal(random_: random.Random, scenes: Scenes) -> Drawn:
    """Of a worker's call, to its driver."""
    workers = random_.choice([1, 2])
    call = _pick(random_, _of(scenes.build, "worker", anywhere=workers == 1))
    return scenes.build, workers, [_blow(random_, call, "parent", random_.choice(_ENDS))]


def _all_at_once(random_: random.Random, scenes: Scenes) -> Drawn:
    workers, role = random_.choice([1, 2]), random_.choice(["driver", "worker", "worker"])
    call = _pick(random_, _of(scenes.build, role, anywhere=workers == 1))
    return scenes.build, workers, [_blow(random_, call, "group")]


def _zombie(random_: random.Random, scenes: Scenes) -> Drawn:
    """A worker stands still while its driver is killed and another one finishes; then it goes on."""
    call = _pick(random_, [call for call in _of(scenes.build, "worker", anywhere=False) if call[2].startswith("out/")])
    return scenes.build, random_.choice([1, 2]), [_blow(random_, call, sent=signal.SIGSTOP)]


def _again(random_: random.Random, scenes: Scenes) -> Drawn:
    """Once more while it is being resumed, and in another shard: a worker lives a moment longer than its driver."""
    trace = scenes.build.trace
    later = [i for i, call in enumerate(trace) if _comes_again(call)]
    second = random_.choice(later[len(later) // 3 :])
    shard = PurePath(trace[second][2]).stem
    first = random_.choice([i for i in range(second) if PurePath(trace[i][2]).stem != shard])
    blows = []
    for call in (trace[first], trace[second]):
        blows.append(_blow(random_, call, "self" if call[0] == "driver" else "parent"))
    return scenes.build, 1, blows


def _comes_again(call: Call) -> bool:
    """Whether a build that was killed before this call makes the same one when it is resumed."""
    role, name, place, nth = call
    if role == "driver":
        return place in _TABLES and name in ("fsync", "replace")
    return place.startswith("out/shards/") and nth == 1


def _ray(victim: Literal["driver", "worker", "node", "actor"]) -> Callable[[random.Random, Scenes], Drawn]:
    def drawn(random_: random.Random, scenes: Scenes) -> Drawn:
        scene = scenes.encoder if victim == "actor" else scenes.build
        first = random_.randint(0 if victim == "driver" else 1, 8)
        sent = random_.choice(_ENDS) if victim == "driver" else signal.SIGKILL
        blows = [RayBlow(victim, first, sent)]
        if random_.random() < 0.3:
            blows.append(RayBlow(victim, first + random_.randint(1, 3)))
        return scene, 2, blows

    return drawn


_KINDS: Final[dict[str, Callable[[random.Random, Scenes], Drawn]]] = {
    "driver": _driver,
    "ray-worker": _ray("worker"),
    "worker": _worker,
    "plan": _plan,
    "ray-driver": _ray("driver"),
    "signal": _signal,
    "all-at-once": _all_at_once,
    "grow": _grow,
    "ray-node": _ray("node"),
    "retry": _retry,
    "rebuild": _rebuild,
    "zombie": _zombie,
    "ray-actor": _ray("actor"),
    "again": _again,
}

CI: Final = range(len(_KINDS))
"""The seeds of the tests that are marked slow: one of each kind."""


def _of(scene: Scene, role: str, anywhere: bool = True) -> list[Call]:
    """The calls of a role; unless `anywhere`, those that some worker makes however many there are."""
    return [call for call in scene.trace if call[0] == role and (anywhere or call[2] != "out/shards")]


def _pick(random_: random.Random, calls: Sequence[Call]) -> Call:
    """Most calls only read, and most of those the same kind of file: half of the points are where something changes."""
    reads = [call for call in calls if call[1] == "read"]
    changes = [call for call in calls if call[1] != "read"]
    of_source = [call for call in reads if not call[2].startswith("out/")]
    return random_.choice(random_.choice([some for some in (changes, changes, reads, of_source) if some]))


def _blow(random_: random.Random, call: Call, victim: str = "self", sent: int = signal.SIGKILL) -> Blow:
    moments = ["before", "amid", "after"] if call[1] == "write" else ["before", "after"]
    return Blow(*call, random_.choice(moments), victim, sent)
