"""What may be replaced by a verb that writes one file: nothing without --force, and nothing of another kind."""

from __future__ import annotations

import os
from collections.abc import Callable

import click
from upath import UPath

from lstdata.errors import ConfigError

FORCE = click.option("--force", is_flag=True, help="Replace a file of the same kind that is there.")


def refuse_existing(file: UPath, source: str, read: Callable[[str], object] | None) -> None:
    """ConfigError where a file is there already, but for one that may be replaced: `read` can read it."""
    if not os.path.lexists(str(file)):
        return
    if os.path.exists(source) and file.exists() and file.samefile(source):
        raise ConfigError(f"`{file}` exists already and is SOURCE itself: give another name.")
    if read is None:
        raise ConfigError(f"`{file}` exists already: give another name, or --force to replace it.")
    try:
        read(str(file))
    except ConfigError as error:
        raise ConfigError(f"`{file}` exists already and --force does not replace it: {error}") from error
