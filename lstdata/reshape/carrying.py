"""What a run made from others takes over from them, and which runs can be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lstdata.config import BuildConfig, RunConfig, differences, from_dict
from lstdata.errors import ConfigError
from lstdata.patching import CHOSEN_LATER
from lstdata.run_folder import kept_audio, read_finished
from lstdata.sources.runs import RunSource, open_one
from lstdata.storage import absolute, place


@dataclass(frozen=True)
class Parent:
    """A finished run folder."""

    root: str
    run: Mapping[str, Any]
    """Its `run.json`."""
    source: RunSource

    @property
    def samples(self) -> int:
        return int(self.run["totals"]["written"])

    @property
    def is_text(self) -> bool:
        return self.source.card().units == 0

    @property
    def size(self) -> float:
        """Seconds or, of documents of text, bytes."""
        return float(self.run["totals"]["text_bytes" if self.is_text else "seconds"])


def read_parent(path: str) -> Parent:
    """ConfigError where it is no finished run folder, or one without samples."""
    root = absolute(path)
    source = open_one(root, BuildConfig().source)
    if source is None:
        raise ConfigError(f"`{root}` is no run folder: it has no run.json with a plan.")
    return Parent(source.root, read_finished(place(root)), source)


def carried_config(
    parents: Sequence[Parent], select: Mapping[str, Any], plan: Mapping[str, Any], run: RunConfig, *, keep_splits: bool
) -> BuildConfig:
    """The options under which samples come out as they are in the parents: their tokenizer, patches, audio and so on.

    `plan` are the options of planning that are not the first parent's. A sample without word times stays one, and the
    parents' dead letters are no reason to stop.
    """
    first = parents[0]
    before = first.run["config"]
    kept = {name: before[name] for name in ("about", "activity", "audio", "patching", "interleave") if name in before}
    tree = kept | {
        "source": {
            "kind": "run",
            "splits": "names" if keep_splits else "ignore",
            "select": {**select, "runs": [parent.root for parent in parents[1:]]},
        },
        "plan": {**before["plan"], **plan},
        "words": {} if first.is_text else {"missing": "speech"},
        "tokenizer": {**before["tokenizer"], "path": str(place(first.root) / "tokenizer.json")},
        "run": asdict(run) | {"max_reject_rate": 1.0},
    }
    return from_dict(BuildConfig, tree)


def check_alike(parents: Sequence[Parent]) -> None:
    """ConfigError, one line for each difference, where samples of one cannot stand beside those of another."""
    roots = [parent.root for parent in parents]
    twice = [root for root in roots if roots.count(root) > 1]
    if twice:
        raise ConfigError(f"`{twice[0]}` is given more than once.")
    first = parents[0]
    mistakes: list[str] = []
    for other in parents[1:]:
        changed = differences(first.source.card().to_json(), other.source.card().to_json())
        if changed:
            mistakes.append(
                f"`{other.root}` cannot be merged with `{first.root}`: its vocab card differs: {', '.join(changed)}."
            )
            continue
        changed = differences(_packing(first), _packing(other))
        if changed:
            mistakes.append(
                f"`{other.root}` was built with other options than `{first.root}`: {', '.join(changed)}. "
                f"{_remedy(first, other)}"
            )
    if mistakes:
        raise ConfigError(*mistakes)


def _remedy(first: Parent, other: Parent) -> str:
    """How the two can become alike: audio that is kept can be dropped, but not brought back."""
    ours, theirs = kept_audio(first.run), kept_audio(other.run)
    if ours is not None and ours != theirs:
        return f"Pack `{first.root}` again without its audio: `lstdata build-shards {first.root} NEW`."
    return f"Pack it again with those: `lstdata build-shards {other.root} NEW --set …`."


def _packing(parent: Parent) -> dict[str, Any]:
    """The options that decide what is stored of a sample beside its units and words."""
    config = from_dict(BuildConfig, dict(parent.run["config"]))
    patching = {name: value for name, value in asdict(config.patching).items() if name not in CHOSEN_LATER}
    return {"audio": asdict(config.audio), "patching": patching, "interleave": asdict(config.interleave)}
