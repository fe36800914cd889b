"""Options from YAML and `--set a.b=c` to nested frozen dataclasses, checked: every mistake at once."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from lstdata.errors import ConfigError

T = TypeVar("T")

MOST_SEED = 2**32 - 1
"""What scikit-learn and numpy take for a seed."""


def load(cls: type[T], path: str | None = None, sets: Sequence[str] = ()) -> T:
    """Read `cls` from a YAML file and `a.b=value` overrides (values are YAML); raises ConfigError with all mistakes."""
    return from_dict(cls, *read_tree(path, sets))


def read_tree(path: str | None = None, sets: Sequence[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """What a file and the overrides say, before it is checked, and the mistakes of the overrides.

    ConfigError where the file cannot be read.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            with open(path, encoding="utf-8") as file:
                loaded = yaml.safe_load(file)
        except FileNotFoundError as error:
            raise ConfigError(f"`{path}` does not exist.") from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f"`{path}` cannot be read as YAML: {' '.join(str(error).split())}.") from error
        if not isinstance(loaded or {}, dict):
            raise ConfigError(f"`{path}` must hold a mapping of sections, but holds a {type(loaded).__name__}.")
        tree = loaded or {}
    return tree, [m for item in sets for m in _apply_set(tree, item)]


def from_dict(cls: type[T], tree: dict[str, Any], known: Sequence[str] = ()) -> T:
    """The config that `to_dict` gave; ConfigError with the mistakes `known` before and all that are found here."""
    mistakes = list(known)
    value = _build(cls, tree, "", mistakes)
    if mistakes:
        raise ConfigError(*mistakes)
    return typing.cast(T, value)


def override(config: T, sets: Sequence[str]) -> T:
    """A config with `a.b=value` overrides; raises ConfigError with all mistakes."""
    tree = to_dict(config)
    mistakes = [m for item in sets for m in _apply_set(tree, item)]
    return from_dict(type(config), tree, mistakes)


def to_dict(config: Any) -> dict[str, Any]:
    """The resolved config as plain JSON values."""
    return {key: _plain(value) for key, value in dataclasses.asdict(config).items()}


def seed_mistakes(seed: int) -> Iterator[str]:
    """What is wrong with a section's `seed`."""
    if not 0 <= seed <= MOST_SEED:
        yield f"`seed` must be between 0 and {MOST_SEED}, but is {seed}."


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


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


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
            continue
        if _holds_sections(option, value):
            return _sections(option, value, path, mistakes)
        if get_origin(option) is tuple and not is_dataclass(get_args(option)[0]):
            if (listed := _listed(option, value)) is not None:
                return listed
            continue
        if option is float and (number := _number(value)) is not None:
            if not math.isfinite(number):
                mistakes.append(f"`{path}` must be a finite number, but is {value!r}.")
                return None
            return number
        if option is str and isinstance(value, str) and not _is_unicode(value):
            mistakes.append(f"`{path}` must be UTF-8, but is {value!r}.")
            return None
        if isinstance(option, type) and isinstance(value, option) and (option is bool or not isinstance(value, bool)):
            return value
    wanted = " or ".join(_named(option) for option in options)
    mistakes.append(f"`{path}` must be {wanted}, but is {value!r}.")
    return None


def _listed(option: Any, value: Any) -> tuple[Any, ...] | None:
    """As many whole numbers as the option has, or texts, of which one may stand alone; None for anything else."""
    kinds = get_args(option)
    items = [value] if isinstance(value, str) and "," not in value else value
    if not isinstance(items, list | tuple):
        return None
    if kinds[0] is int:
        return tuple(items) if [type(item) for item in items] == list(kinds) else None
    return tuple(items) if all(isinstance(item, str) and _is_unicode(item) for item in items) else None


def _holds_sections(option: Any, value: Any) -> bool:
    """Whether it is a section where one may be, or a list of them."""
    if get_origin(option) is tuple:
        return is_dataclass(get_args(option)[0]) and isinstance(value, list | tuple)
    return is_dataclass(option) and isinstance(value, dict)


def _sections(option: Any, value: Any, path: str, mistakes: list[str]) -> Any:
    if is_dataclass(option):
        return _build(option, value, f"{path}.", mistakes)
    return tuple(_build(get_args(option)[0], item, f"{path}.{n}.", mistakes) for n, item in enumerate(value))


def _named(option: Any) -> str:
    if option is type(None):
        return "null"
    if get_origin(option) is Literal:
        choices = get_args(option)
        return f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else repr(choices[0])
    if get_origin(option) is tuple and get_args(option)[0] is int:
        return f"a list of {len(get_args(option))} whole numbers"
    if get_origin(option) is tuple:
        return "a list of sections" if is_dataclass(get_args(option)[0]) else "a list of texts"
    return "a section of keys" if is_dataclass(option) else getattr(option, "__name__", str(option))


def _is_unicode(text: str) -> bool:
    """False for arguments whose bytes are not UTF-8: no file of ours could hold them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: Any) -> float | None:
    """A number, perhaps written as a text: YAML 1.1 reads `1e-3` as one. None where it is no number."""
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except OverflowError:
        return math.inf
    except ValueError:
        return None
