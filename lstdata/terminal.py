"""What comes from data, on a terminal."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey, also as to the direction of writing."""


def visible(text: str) -> str:
    """The text with a sign in place of each character that would be obeyed and not shown."""
    return _CONTROL.sub("�", text)
