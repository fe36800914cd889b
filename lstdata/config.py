"""What a user may choose, as nested frozen dataclasses; read from YAML and `--set a.b=c`; every mistake at once."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from lstdata.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """Where records come from and how a table names its columns."""

    kind: Literal["auto", "lhotse", "folder", "table"] = "auto"
    id: str = "id"
    audio: str = "audio"
    text: str = "text"
    duration: str = "duration"
    speaker: str = "speaker"
    language: str = "language"


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Which record goes to which shard, position and split."""

    order: Literal["block", "source", "global"] = "block"
    seed: int = 0
    validation: float = 0.01
    """Share of groups held out where the source names no splits."""
    shard_seconds: float | None = None
    """Audio per shard; None: a 64th of all, between 300 s and 4 h."""
    shard_samples: int = 4096

    def mistakes(self) -> Iterator[str]:
        if not 0 <= self.validation < 1:
            yield f"`validation` must be in [0, 1), but is {self.validation}."
        if self.shard_seconds is not None and self.shard_seconds <= 0:
            yield f"`shard_seconds` must be > 0, but is {self.shard_seconds}."
        if self.shard_samples < 1:
            yield f"`shard_samples` must be ≥ 1, but is {self.shard_samples}."


@dataclass(frozen=True, kw_only=True)
class UnitsConfig:
    """Discrete speech units."""

    extractor: Literal["mfcc"] = "mfcc"
    clusters: int | None = None
    """None: 500, fewer where the sample holds less than ten frames for each."""
    codebook: str | None = None
    """A codebook file; None: fitted on this source, once per run folder, then frozen."""
    fit_frames: int = 250_000
    """Frames of the sample, fixed by record hash, that a codebook is fitted on."""
    seed: int = 0

    def mistakes(self) -> Iterator[str]:
        if self.clusters is not None and not 2 <= self.clusters <= 65_535:
            yield f"`clusters` must be between 2 and 65535, but is {self.clusters}."
        if self.fit_frames < (self.clusters or 500):
            yield f"`fit_frames` must be ≥ `clusters` ({self.clusters or 500}), but is {self.fit_frames}."


@dataclass(frozen=True, kw_only=True)
class WordsConfig:
    """Word times: from the manifest where it has them, else from an aligner."""

    aligner: Literal["auto", "manifest", "sphinx", "none"] = "auto"
    """`auto`: the manifest's word times, else `sphinx`."""
    missing: Literal["skip", "speech", "error"] = "skip"
    """An utterance without word times: a dead letter, a speech-only sample, or the end of the build."""
    min_score: float | None = -7.25
    """Least score of an alignment by `sphinx`: log-likelihood per 10 ms frame of its words; None accepts any."""


@dataclass(frozen=True, kw_only=True)
class ActivityConfig:
    """Speech or silence per frame: high-passed energy over a running noise floor, with hysteresis."""

    highpass_hz: float = 100.0
    on_db: float = 10.0
    """A stretch is speech if it rises this far above the noise floor somewhere."""
    off_db: float = 6.0
    """It reaches as far as it stays this far above the noise floor."""
    floor_seconds: float = 10.0
    """Window of the running noise floor."""
    range_db: float = 35.0
    """What lies this far below the recording's loud frames is silence whatever the noise floor."""

    def mistakes(self) -> Iterator[str]:
        if self.off_db > self.on_db:
            yield f"`off_db` must be ≤ `on_db` ({self.on_db}), but is {self.off_db}."
        if not 0 <= self.highpass_hz < 8000:
            yield f"`highpass_hz` must be in [0, 8000), but is {self.highpass_hz}."
        for name in ("floor_seconds", "range_db"):
            if getattr(self, name) <= 0:
                yield f"`{name}` must be > 0, but is {getattr(self, name)}."


@dataclass(frozen=True, kw_only=True)
class PatchingConfig:
    """How speech runs become positions."""

    strategy: Literal["none", "static", "silence", "aligned"] = "static"
    """Used where one strategy is needed; shards store the boundaries of all."""
    patch_size: int = 4
    min_silence: int = 3
    """Frames of silence that make a patch of their own under `silence`."""
    max_patch: int = 32

    def mistakes(self) -> Iterator[str]:
        for name in ("patch_size", "min_silence", "max_patch"):
            if getattr(self, name) < 1:
                yield f"`{name}` must be ≥ 1, but is {getattr(self, name)}."


@dataclass(frozen=True, kw_only=True)
class InterleaveConfig:
    """How speech and text alternate in a document."""

    strategy: Literal["lst", "speech", "text"] = "lst"
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """The text tokenizer."""

    path: str | None = None
    """A `tokenizer.json`; None: a byte-level BPE trained on the transcripts of the training split, then frozen."""
    vocab_size: int = 2000

    def mistakes(self) -> Iterator[str]:
        if self.vocab_size < 257:
            yield f"`vocab_size` must be ≥ 257 (the bytes and one merge), but is {self.vocab_size}."


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How a build is carried out; nothing here changes a byte of the output."""

    runner: Literal["local", "ray"] = "local"
    workers: int | None = None
    """Worker processes, one core each; None: as many as there are cores."""
    address: str | None = None
    """Of a running Ray cluster; None starts a local one."""
    max_reject_rate: float = 0.05

    def mistakes(self) -> Iterator[str]:
        if self.workers is not None and self.workers < 1:
            yield f"`workers` must be ≥ 1, but is {self.workers}."
        if not 0 <= self.max_reject_rate <= 1:
            yield f"`max_reject_rate` must be in [0, 1], but is {self.max_reject_rate}."


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """All of `lstdata build-shards`."""

    about: str = ""
    source: SourceConfig = field(default_factory=SourceConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    units: UnitsConfig = field(default_factory=UnitsConfig)
    words: WordsConfig = field(default_factory=WordsConfig)
    activity: ActivityConfig = field(default_factory=ActivityConfig)
    patching: PatchingConfig = field(default_factory=PatchingConfig)
    interleave: InterleaveConfig = field(default_factory=InterleaveConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    run: RunConfig = field(default_factory=RunConfig)


def load(cls: type[T], path: str | None = None, sets: Sequence[str] = ()) -> T:
    """Read `cls` from a YAML file and `a.b=value` overrides (values are YAML); raises ConfigError with all mistakes."""
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                loaded = yaml.safe_load(file)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"`{path}` cannot be read as YAML: {' '.join(str(error).split())}.") from error
        if not isinstance(loaded or {}, dict):
            raise ConfigError(f"`{path}` must hold a mapping of sections, but holds a {type(loaded).__name__}.")
        tree = loaded or {}
    mistakes = [m for item in sets for m in _apply_set(tree, item)]
    if mistakes:
        raise ConfigError(*mistakes)
    return from_dict(cls, tree)


def from_dict(cls: type[T], tree: dict[str, Any]) -> T:
    """The config that `to_dict` gave; raises ConfigError where this version has other options."""
    mistakes: list[str] = []
    value = _build(cls, tree, "", mistakes)
    if mistakes:
        raise ConfigError(*mistakes)
    return typing.cast(T, value)


def to_dict(config: Any) -> dict[str, Any]:
    """The resolved config as plain JSON values."""
    return dataclasses.asdict(config)


def fingerprint(name: str, version: int, *parts: object) -> str:
    """16 hex digits that change with a stage's version number or with anything that it depends on."""
    text = json.dumps([name, version, *parts], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What changed between two resolved configs, as `units.clusters 500 → 100`."""
    changes: list[str] = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            changes += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            changes.append(f"`{prefix}{key}` {json.dumps(a)} → {json.dumps(b)}")
    return changes


def _apply_set(tree: dict[str, Any], item: str) -> Iterator[str]:
    name, equals, text = item.partition("=")
    if not equals or not name:
        yield f"`--set {item}` must have the form section.key=value."
        return
    *sections, key = name.split(".")
    node = tree
    for section in sections:
        child = node.setdefault(section, {})
        if not isinstance(child, dict):
            yield f"`--set {item}`: `{section}` is not a section."
            return
        node = child
    try:
        node[key] = yaml.safe_load(text)
    except yaml.YAMLError:
        node[key] = text


def _build(cls: Any, tree: Any, prefix: str, mistakes: list[str]) -> Any:
    if not isinstance(tree, dict):
        mistakes.append(f"`{prefix.rstrip('.')}` must be a section of keys, but is {tree!r}.")
        return None
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls)]
    for key in tree:
        if key not in names:
            mistakes.append(_unknown(f"{prefix}{key}", str(key), names))
    before = len(mistakes)
    values = {
        name: _build(hints[name], tree[name] or {}, f"{prefix}{name}.", mistakes)
        if is_dataclass(hints[name])
        else _convert(hints[name], tree[name], f"{prefix}{name}", mistakes)
        for name in names
        if name in tree
    }
    if len(mistakes) > before:
        return None
    value = cls(**values)
    check = getattr(value, "mistakes", None)
    if check is not None:
        mistakes.extend(m.replace("`", f"`{prefix}", 1) for m in check())
    return value


def _unknown(path: str, key: str, names: list[str]) -> str:
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.5)
    hint = f" Did you mean `{path[: len(path) - len(key)]}{near[0]}`?" if near else f" Known: {', '.join(names)}."
    return f"`{path}` is not an option.{hint}"


def _convert(kind: Any, value: Any, path: str, mistakes: list[str]) -> Any:
    options = get_args(kind) if get_origin(kind) in (typing.Union, types.UnionType) else (kind,)
    if value is None and type(None) in options:
        return None
    for option in options:
        if get_origin(option) is Literal:
            if value in get_args(option):
                return value
            mistakes.append(f"`{path}` must be one of {', '.join(map(str, get_args(option)))}, but is {value!r}.")
            return None
        if option is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if option is float and isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
            return float(value)  # YAML 1.1 reads 1e-3 as a string
        if isinstance(option, type) and isinstance(value, option) and (option is bool or not isinstance(value, bool)):
            return value
    wanted = " or ".join("null" if o is type(None) else getattr(o, "__name__", str(o)) for o in options)
    mistakes.append(f"`{path}` must be {wanted}, but is {value!r}.")
    return None
