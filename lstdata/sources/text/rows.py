"""What is a document of a row or of plain text, by the names that the config gives to columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from lstdata.config import SourceConfig
from lstdata.errors import ConfigError, Rejected
from lstdata.records import TextDocument
from lstdata.source_row import Locator, SourceRow
from lstdata.sources.arrow import arrow_schema
from lstdata.sources.columns import Row, column_mistakes, quoted, required_text, text_value
from lstdata.sources.rows import escaped, json_values, rejected, split_name
from lstdata.sources.text.files import Kind
from lstdata.sources.text.reading import Value, read_file
from lstdata.sources.text.spans import MOST_BYTES, too_long

_OPTIONS: Final = ("id", "text", "language", "license", "split")
"""Of `SourceConfig`, those that name a column of a document; all other columns travel with it."""

_SAMPLED: Final = 100
"""Lines that are looked at to learn which columns there are."""


def check_columns(path: str, kind: Kind, config: SourceConfig) -> None:
    """ConfigError where the first file lacks the column of the text, or one that was named."""
    columns: list[str]
    if kind == "table":
        columns = arrow_schema(path).names
    elif kind == "lines":
        first = islice(read_file(path, kind, config), _SAMPLED)
        columns = list(
            dict.fromkeys(name for found in first if isinstance(found.value, Mapping) for name in found.value)
        )
        if not columns:
            return
    else:
        return
    mistakes = column_mistakes(config, columns, f"`{path}`", ("text",))
    if mistakes:
        raise ConfigError(*mistakes)


def described(value: Value, config: SourceConfig, *, id: str, locator: Locator, split: str | None) -> SourceRow:
    """The row of a document; it says `id` and `split` itself where it can."""
    try:
        if isinstance(value, Rejected):
            raise value
        row: Row = value if isinstance(value, Mapping) else {}
        if row.get(config.id) is not None:
            id = required_text(row, config.id)
        document = document_of(value, config)
        return SourceRow(
            id=id,
            locator=locator,
            recording=id,
            text_bytes=len(document.text.encode()),
            text_digest=document.digest,
            language=text_value(row, config.language),
            license=text_value(row, config.license),
            split=(split_name(row.get(config.split)) if config.splits == "names" else None) or split,
        )
    except Rejected as error:
        return rejected(id, locator.path, error.reason, f"`{escaped(id)}`: {error.detail}")


def document_of(value: Value, config: SourceConfig) -> TextDocument:
    """The document of a row, or of a plain text; Rejected where it is none that could be stored."""
    if isinstance(value, Rejected):
        raise value
    if isinstance(value, str):
        return TextDocument(text=_checked(value, "it"))
    named = {getattr(config, option) for option in _OPTIONS}
    text = _checked(value.get(config.text or ""), f"`{config.text}`")
    custom = json_values({name: item for name, item in value.items() if name not in named})
    _require_unicode(json.dumps(custom, ensure_ascii=False), quoted(custom))
    return TextDocument(text=text, custom=custom)


def _checked(text: Any, name: str) -> str:
    if text is not None and not isinstance(text, str):
        raise Rejected("bad_row", f"{name} must be a text, but is {text!r:.80}.")
    if text is None or not text.strip():
        raise Rejected("empty_text", f"{name} has no text.")
    _require_unicode(text, name)
    size = len(text.encode())
    if size > MOST_BYTES:
        raise too_long(size)
    return text


def _require_unicode(text: str, name: str) -> None:
    """JSON can spell halves of characters, which no UTF-8 file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        part = escaped(text[error.start : error.end])
        raise Rejected("bad_encoding", f"{name} has `{part}`, which is not Unicode text.") from error
