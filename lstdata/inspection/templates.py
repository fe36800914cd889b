"""Templates of pages: all that is put in is escaped, and a name that is not given is an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2


@cache
def read_file(room: str, name: str) -> str:
    """A file of a package of ours."""
    return resources.files(room).joinpath(name).read_text(encoding="utf-8")


def templates(rooms: Sequence[str], finalize: Callable[[Any], Any] | None = None) -> jinja2.Environment:
    """Those in some packages, in the first that has one of a name; what is put out goes through `finalize`."""

    def load(name: str) -> str | None:
        rooms_with_it = (room for room in rooms if resources.files(room).joinpath(name).is_file())
        room = next(rooms_with_it, None)
        return None if room is None else read_file(room, name)

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=finalize,
    )
