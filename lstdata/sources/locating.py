"""Where a record's audio is, and opening it there."""

from __future__ import annotations

import os
import posixpath

from lstdata import audio
from lstdata.errors import Rejected
from lstdata.records import Audio, Locator
from lstdata.storage import is_url, resolve


def relative(path: str) -> str:
    """A path of a manifest, normalised; absolute paths and URLs as they are.

    Raises Rejected `path_escapes` for a relative path that leaves the source's root.
    """
    if is_url(path) or os.path.isabs(path):
        return path
    normal = posixpath.normpath(path)
    if normal == ".." or normal.startswith("../"):
        raise Rejected("path_escapes", f"`{path}` leaves the source's folder; give an absolute path instead.")
    return normal


def open_located(root: str, locator: Locator) -> Audio:
    """Decode a record; a missing file below a root that exists is the record's fault, whatever folder is missing.

    A verdict names the file as the locator does: it is the same wherever the corpus lies.
    """
    path = resolve(root, locator.path)
    below = not is_url(path) and not os.path.isabs(locator.path)
    if below and os.path.isdir(root) and not os.path.exists(path):
        raise Rejected("missing_audio", f"there is no file `{locator.path}`.")
    try:
        return audio.read(path, start=locator.start, end=locator.end, channel=locator.channel)
    except Rejected as verdict:
        raise Rejected(verdict.reason, verdict.detail.replace(path, locator.path)) from verdict
