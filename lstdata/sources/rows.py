"""What every source promises about its rows: strings that can be written, JSON values, splits that can name a file."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lstdata.errors import Rejected
from lstdata.source_row import Locator, SourceRow

MOST_SECONDS = 10 * 365.25 * 86_400
"""Ten years: no recording starts later in its file, or is longer; what says so is a slip of units."""


_DEEPEST = 100
"""Lists and objects inside of one another in a value: far more is beyond what JSON's readers and writers can do."""


def rejected(id: str, path: str, reason: str, detail: str) -> SourceRow:
    """A row that its source already knows to be unusable."""
    return SourceRow(id=id, locator=Locator(path=path), recording=id, reject=(reason, detail))


def bad_row(number: int, path: str, error: Rejected) -> SourceRow:
    """The row that stands for line or table row `number` (from 1) where it has no id of its own that could be used."""
    return rejected(f"row-{number}", path, error.reason, f"row {number} of `{path}`: {error.detail}")


def writable(rows: Iterable[SourceRow]) -> Iterator[SourceRow]:
    """The same rows; one with a string that no UTF-8 file can hold becomes a rejected row that can be written."""
    for row in rows:
        words = (word.text for word in row.words or ())
        names = (row.id, row.locator.path, row.recording, row.speaker, row.language, row.license)
        strings = (*names, row.text, *(row.reject or ()), *words)
        try:
            "".join(s for s in strings if s is not None).encode()
            if row.custom:
                json.dumps(row.custom, ensure_ascii=False).encode()
            yield row
        except UnicodeEncodeError as error:
            yield _unwritable(row, escaped(error.object[error.start : error.end]))


def _unwritable(row: SourceRow, text: str) -> SourceRow:
    id, path = escaped(row.id), escaped(row.locator.path)
    if row.reject is not None:
        return rejected(id, path, row.reject[0], escaped(row.reject[1]))
    if path != row.locator.path:
        return rejected(id, path, "bad_name", f"the file name `{path}` is not UTF-8; rename the file.")
    return rejected(id, path, "bad_encoding", f"`{text}` is not Unicode text.")


def split_name(value: object) -> str | None:
    """The split that a record's own value names, by the same rule as the name of its part would.

    What the rule does not know stays under its own name, lower case. None where there is none. Raises Rejected
    `bad_row` for what cannot name files.
    """
    if value is None or value == "":
        return None
    name = str(value).strip().lower()
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise Rejected("bad_row", f"`split` must consist of letters, digits, `_` and `-`, but is {value!r}.")
    return split_of_part(name) or name


_PARTS = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
"""First words of names. `validated` is none of them: Common Voice's name for all that was listened to."""


def split_of_part(name: str) -> str | None:
    """The split that the name of a corpus' part stands for, by its first word; None where it is no split's name.

    `train-clean-100` is `train`, `dev_clean` `validation`; `test-other` and `eval2000` stay apart by their own names.
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", name.strip().lower()).strip("-_")
    word = re.split(r"[^a-z]", name, maxsplit=1)[0].removesuffix("set")
    return name if word in ("test", "testing", "eval", "evaluation") else _PARTS.get(word)


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of `values` can stand in a JSON file: dates as ISO text, NaN as null, bytes and objects left out.

    Raises Rejected `bad_row` for what is nested too deep.
    """
    return _json_object(values, _DEEPEST)


def _is_json(value: Any) -> bool:
    kinds = (str, bool, int, float, list, tuple, Mapping, datetime.date, datetime.time)
    return value is None or isinstance(value, kinds)


def _json_object(values: Mapping[Any, Any], levels: int) -> dict[str, Any]:
    return {str(key): _json(value, levels) for key, value in values.items() if _is_json(value)}


def _json(value: Any, levels: int) -> Any:
    if isinstance(value, Mapping | list | tuple) and not levels:
        raise Rejected("bad_row", f"it has a value that is nested more than {_DEEPEST} deep.")
    if isinstance(value, Mapping):
        return _json_object(value, levels - 1)
    if isinstance(value, list | tuple):
        return [_json(item, levels - 1) for item in value if _is_json(item)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def escaped(text: str) -> str:
    """Text that can be written: what is no Unicode, as in file names that are not UTF-8, as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
