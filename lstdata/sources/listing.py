"""What lies in a folder, on this machine or behind a URL."""

from __future__ import annotations

import os

from lstdata.objects import is_object, listed
from lstdata.storage import is_url


def names_in(folder: str) -> list[str] | None:
    """The sorted names directly in a folder; None where there is no such folder.

    Behind a URL, only what ends in `/` or has no dot in its last part is taken for a folder: asking costs a request.
    """
    if not is_url(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else None
    if "." in os.path.basename(folder):
        return None
    return [entry.name for entry in listed(folder)] or None


def is_file(path: str) -> bool:
    """Raises Unavailable where a store does not say."""
    return is_object(path) if is_url(path) else os.path.isfile(path)
