"""What lies in a folder, on this machine or behind a URL."""

from __future__ import annotations

import os
from typing import Any

from lstdata.errors import Unavailable
from lstdata.storage import is_url


def names_in(folder: str) -> list[str] | None:
    """The sorted names directly in a folder; None where there is no such folder.

    Behind a URL, only what ends in `/` or has no dot in its last part is taken for a folder: asking costs a request.
    """
    if not is_url(folder):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else None
    if "." in os.path.basename(folder):
        return None
    try:
        files, path = _file_system(folder)
        listed = files.ls(path, detail=False) if files.isdir(path) else None
    except Exception as error:
        raise Unavailable(f"`{folder}` cannot be listed: {' '.join(str(error).split())}.") from error
    return None if listed is None else sorted(os.path.basename(str(name).rstrip("/")) for name in listed)


def is_file(path: str) -> bool:
    if not is_url(path):
        return os.path.isfile(path)
    try:
        files, path = _file_system(path)
        return bool(files.isfile(path))
    except Exception as error:
        raise Unavailable(f"`{path}` cannot be reached: {' '.join(str(error).split())}.") from error


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
