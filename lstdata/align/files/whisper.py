"""JSON of Whisper and of what is built on it: WhisperX, stable-ts, faster-whisper, the pipeline of `transformers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lstdata.align.files.entries import Entry, bad_file, checked_confidence, checked_words, spoken_text

KEYS = ("segments", "word_segments", "chunks", "words")
"""Members of the object that can hold word times."""

_TEXTS = ("word", "text")
_CONFIDENCES = ("probability", "score", "confidence")
_HINT = "make the file again with word times (`word_timestamps`, `return_timestamps='word'`)"

Where = tuple[str, Any]
"""An item and the place it has in the file, such as `segments[3].words[0]`."""


def parse(text: str, name: str) -> list[Entry]:
    """All words in order; those that the tool could not align have no times. Raises Rejected `bad_word_file`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_file(name, "", f"this is not JSON: {error}") from error
    entries: list[Entry] = []
    for group in _groups(value, name):
        entries += _joined(group, name)
    return checked_words(entries, name, _HINT)


def _groups(value: Any, name: str) -> Iterator[list[Where]]:
    """Lists of words; a word that is a piece of the one before is in the same list."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 and _has_keys(value[0]) else {"words": value}
    if not _has_keys(value):
        raise bad_file(name, "", f"this must be an object with one of {', '.join(f'`{key}`' for key in KEYS)}")
    if isinstance(value.get("segments"), list) and any(_has_words(s) for s in value["segments"]):
        for where, segment in _items(value, "segments", "", name):
            if isinstance(segment, Mapping) and segment.get("words") is not None:
                yield list(_items(segment, "words", f"{where}.", name))
        return
    key = next((key for key in ("word_segments", "words", "chunks") if value.get(key) is not None), None)
    if key is not None:
        yield list(_items(value, key, "", name))
    elif value.get("segments"):
        raise bad_file(name, "segments", f"none of them has `words`; {_HINT}")


def _has_keys(value: Any) -> bool:
    return isinstance(value, Mapping) and any(key in value for key in KEYS)


def _has_words(segment: Any) -> bool:
    return isinstance(segment, Mapping) and segment.get("words") is not None


def _items(holder: Mapping[str, Any], key: str, prefix: str, name: str) -> Iterator[Where]:
    items = holder[key]
    if not isinstance(items, list):
        raise bad_file(name, f"{prefix}{key}", f"this must be a list, but is {items!r:.40}")
    return ((f"{prefix}{key}[{i}]", item) for i, item in enumerate(items))


def _joined(words: Iterable[Where], name: str) -> list[Entry]:
    """The words of a list. Whisper writes a space before a word: without one, `-known` belongs to the word before."""
    found = [(_text(item, where, name), item, where) for where, item in words]
    is_spaced = any(text[:1].isspace() for text, _, _ in found[1:])
    entries: list[Entry] = []
    for text, item, where in found:
        start, end = _times(item, where, name)
        confidence = _confidence(item, where, name)
        spoken = spoken_text(text)
        if spoken is None:
            continue
        if is_spaced and entries and not text[0].isspace() and not text[0].isalnum():
            entries[-1] = _together(entries[-1], Entry(spoken, start, end, confidence))
        else:
            entries.append(Entry(spoken, start, end, confidence))
    return entries


def _together(word: Entry, piece: Entry) -> Entry:
    """A word and the piece that ends it; it is as certain as its least certain piece."""
    known = None if word.confidence is None or piece.confidence is None else min(word.confidence, piece.confidence)
    end = word.end if piece.end is None else piece.end
    return Entry(word.text + piece.text, word.start, end, known)


def _text(item: Any, where: str, name: str) -> str:
    if not isinstance(item, Mapping):
        raise bad_file(name, where, f"a word must be an object, but is {item!r:.40}")
    text = next((item[key] for key in _TEXTS if key in item), None)
    if not isinstance(text, str):
        raise bad_file(name, where, f"`word` or `text` must be a text, but is {text!r:.40}")
    return text


def _times(item: Mapping[str, Any], where: str, name: str) -> tuple[float | None, float | None]:
    """Both or none: a tool that could not find one end found no word."""
    pair = item.get("timestamp", (item.get("start"), item.get("end")))
    if pair is None:
        return None, None
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise bad_file(name, where, f"`timestamp` must be a start and an end, but is {pair!r:.40}")
    start, end = (_number(value, key, where, name) for key, value in zip(("start", "end"), pair, strict=True))
    return (None, None) if start is None or end is None else (start, end)


def _confidence(item: Mapping[str, Any], where: str, name: str) -> float | None:
    key = next((key for key in _CONFIDENCES if item.get(key) is not None), None)
    return None if key is None else checked_confidence(_number(item[key], key, where, name), name, where)


def _number(value: Any, key: str, where: str, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_file(name, where, f"`{key}` must be a number, but is {value!r:.40}")
    try:
        return float(value)
    except OverflowError:
        return float("inf")
