"""What of a URL may be written or said: all but its password and the signatures in its query."""

from __future__ import annotations

import re
from typing import Final, TypeVar, cast

T = TypeVar("T")

_HIDDEN: Final = "***"

_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://)[^/?#\s`'\"@]*:[^/?#\s`'\"@]*@", re.IGNORECASE)
_SECRET = re.compile(
    r"([?&;](?:[\w-]*(?:signature|credential|token|secret|passw|access[_-]?key|api[_-]?key|accessid|auth)[\w-]*"
    r"|sig|key|pwd|policy)=)[^&;#\s`'\"<>|]+",
    re.IGNORECASE,
)
"""Of the presigned URLs of S3, Google and Azure, and of what people put into queries otherwise."""


def redacted(value: T) -> T:
    """The same without the secrets of the URLs in it; also in what lists and dicts hold."""
    if isinstance(value, str):
        text = _PASSWORD.sub(rf"\1{_HIDDEN}@", value) if "://" in value else value
        return cast("T", _SECRET.sub(rf"\1{_HIDDEN}", text) if "=" in text else text)
    if isinstance(value, dict):
        return cast("T", {key: redacted(item) for key, item in value.items()})
    if isinstance(value, list):
        return cast("T", [redacted(item) for item in value])
    if isinstance(value, tuple):
        return cast("T", tuple(redacted(item) for item in value))
    return value


def has_password(url: str) -> bool:
    return _PASSWORD.match(url) is not None
