"""A config as `--set` has it: what differs from the defaults, in one word each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lstdata.config import to_dict

SEEDS: Final = ("seed", "rows.seed", "interleave.seed")
"""Options of a training that each seed of a reproduction has its own value of."""


def sets(config: Any) -> list[str]:
    """`a.b=value` for each option of a config that is not its default; values are JSON, which YAML reads."""
    return [f"{name}={_word(value)}" for name, value in _changed(to_dict(config), to_dict(type(config)()), "")]


def of_seed(seed: int) -> list[str]:
    """What a seed changes in a training: first weights and dropout, the order of samples, and how they are drawn."""
    return [f"{name}={seed}" for name in SEEDS]


def _changed(given: Mapping[str, Any], default: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in given.items():
        if key == "about":
            continue
        usual = default.get(key)
        if isinstance(value, dict) and isinstance(usual, dict):
            yield from _changed(value, usual, f"{prefix}{key}.")
        elif value != usual:
            yield f"{prefix}{key}", value


def _word(value: Any) -> str:
    """Names stand as they are where YAML takes them for what they are."""
    plain = isinstance(value, str) and value.replace("-", "").replace("/", "").replace(".", "").isalpha()
    return value if plain and value not in _YAML else json.dumps(value)


_YAML = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")
