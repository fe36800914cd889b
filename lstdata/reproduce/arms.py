"""The models that are compared: what each changes in the training, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A model of the comparison."""

    sets: tuple[str, ...]
    """Options of its training, as `--set` takes them; `$OUT` is the folder of the reproduction."""
    plain: bool = False
    """The baseline's architecture: every token is a position."""
    pieces: bool = False
    """Its tokens are pieces of several units: they cannot be counted beside raw ones."""
    given_boundaries: bool = False
    """It needs word times of what it is asked about."""
    tuned: tuple[str, ...] = ()
    """In place of `sets` where it is fine-tuned: patches that need no word times."""


def _static(size: int) -> Arm:
    sets = (f"patching.patch_size={size}",) if size != 4 else ()
    return Arm(sets=("patching.strategy=static", *sets))


_STATIC: Final = ("patching.strategy=static",)

ARMS: Final[dict[str, Arm]] = {
    "base": Arm(sets=("patching.strategy=none",), plain=True),
    "unit-bpe": Arm(
        sets=("patching.strategy=unit-bpe", "patching.unit_bpe=$OUT/pieces.model"), plain=True, pieces=True
    ),
    "static-4": _static(4),
    "static-6": _static(6),
    "static-9": _static(9),
    "aligned": Arm(sets=("patching.strategy=aligned",), given_boundaries=True),
    "aligned-merged": Arm(sets=("patching.strategy=aligned-merged",), given_boundaries=True),
    "mixed": Arm(sets=("patching.strategy=mixed",), tuned=_STATIC),
    "curriculum": Arm(sets=("patching.strategy=curriculum",), tuned=_STATIC),
}
"""By name, in the order of the paper's tables; the patch size is 4 where nothing else is said."""


def unknown(option: str, names: Sequence[str]) -> Iterator[str]:
    """What is wrong with a list of arms: names that are none, or twice the same."""
    for name in names:
        if name not in ARMS:
            yield f"`{option}` must be of {', '.join(ARMS)}, but names {name!r}."
    if len(set(names)) < len(names):
        yield f"`{option}` must name each arm once, but is {', '.join(names)}."
