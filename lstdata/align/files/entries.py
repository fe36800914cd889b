"""What a file of word times says, whatever its format: entries in order, in seconds of the recording it is about."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lstdata.errors import Rejected

UNKNOWN = "<unk>"
"""An entry's text where something is spoken that the file's maker had no word for."""

MOST_WORDS = 5
"""An entry of more words is a phrase: times of phrases are no word times."""

LONGEST_TEXT = 200
"""Characters of an entry; what is longer is damage, and would fill every message about it."""

_SILENCES = frozenset(("", "sil", "sp", "silence", "#"))
_UNKNOWNS = frozenset(("spn", "<unk>", "[unk]", "<spn>", "[spn]", "<oov>", "[oov]", "<spoken_noise>", "[spoken_noise]"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A word, or several that share their times; `start` and `end` are None where the file names it without them."""

    text: str
    start: float | None
    end: float | None
    confidence: float | None = None

    @property
    def is_unknown(self) -> bool:
        return self.text == UNKNOWN


def spoken_text(text: str) -> str | None:
    """An entry's text with plain spaces; UNKNOWN for a mark of unknown speech, None for one of silence or noise."""
    plain = " ".join(text.split())
    mark = plain.casefold()
    if mark in _UNKNOWNS:
        return UNKNOWN
    is_marked = len(plain) > 1 and (plain[0] + plain[-1]) in ("<>", "[]", "{}") and " " not in plain
    return None if mark in _SILENCES or is_marked else plain


def number(text: str) -> float | None:
    """A number as files write it, also one that is no time (`nan`, `inf`); None where it is none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def bad_file(name: str, where: str, rule: str) -> Rejected:
    """The verdict on a record whose file is not what it should be; `where` is a line or a place in it, perhaps none."""
    return Rejected("bad_word_file", f"`{name}`{', ' if where else ''}{where}: {rule}.")


def checked_confidence(value: float | None, name: str, where: str) -> float | None:
    if value is not None and not math.isfinite(value):
        raise bad_file(name, where, f"a confidence must be finite, but is {value}")
    return value


def checked_lengths(entries: list[Entry], name: str) -> list[Entry]:
    for entry in entries:
        if len(entry.text) > LONGEST_TEXT:
            at = "" if entry.start is None else f"at {entry.start} s"
            rule = (
                f"an entry must have at most {LONGEST_TEXT} characters, but {entry.text[:20]!r}… has {len(entry.text)}"
            )
            raise bad_file(name, at, rule)
    return entries


def checked_words(entries: list[Entry], name: str, hint: str) -> list[Entry]:
    """`entries`, if none is a phrase; `hint` says how to get words instead."""
    for entry in entries:
        words = len(entry.text.split())
        if words > MOST_WORDS:
            at = "" if entry.start is None else f"at {entry.start} s"
            raise bad_file(name, at, f"an entry must be a word, but {entry.text[:40]!r}… has {words}; {hint}")
    return entries
