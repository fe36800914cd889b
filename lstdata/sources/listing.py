"""What lies in a folder, on this machine or behind a URL."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator

from lstdata.errors import Unavailable
from lstdata.objects import is_object, listed
from lstdata.storage import is_url, resolve


def names_in(folder: str) -> list[str] | None:
    """The sorted names directly in a folder; None where there is no such folder.

    Behind a URL, only what ends in `/` or has no dot in its last part is taken for a folder: asking costs a request.
    """
    if not is_url(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else None
    if "." in os.path.basename(folder):
        return None
    return [entry.name for entry in listed(folder)] or None


def files_below(root: str, deepest: int | None = None) -> Iterator[str]:
    """Relative paths of the files up to so many folders down; hidden ones are left out, links to folders not followed.

    Raises Unavailable where a folder cannot be listed.
    """
    pending = [""]
    while pending:
        folder = pending.pop()
        for name, is_folder in _entries(resolve(root, folder) if folder else root):
            path = posixpath.join(folder, name)
            if name.startswith("."):
                continue
            if not is_folder:
                yield path
            elif deepest is None or path.count("/") < deepest:
                pending.append(path)


def _entries(folder: str) -> list[tuple[str, bool]]:
    """(name, whether it is a folder) of what is directly in a folder; nothing where a URL leads to none."""
    if is_url(folder):
        return [(entry.name, entry.is_folder) for entry in listed(folder)]
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"`{folder}` cannot be listed: {' '.join(str(error).split())}.") from error


def is_file(path: str) -> bool:
    """Raises Unavailable where a store does not say."""
    return is_object(path) if is_url(path) else os.path.isfile(path)
