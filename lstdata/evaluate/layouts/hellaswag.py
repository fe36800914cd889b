"""HellaSwag as text: the `hellaswag_{train,val}.jsonl` of github.com/rowanz/hellaswag."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lstdata.errors import Rejected
from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.layouts.reading import BAD_ROWS, DUPLICATES, NO_RIGHT, Problems, Published, Reading
from lstdata.sources.encoding import json_lines

if TYPE_CHECKING:
    from upath import UPath

_CATALOG: Final = "https://www.tensorflow.org/datasets/community_catalog/huggingface/hellaswag"
PUBLISHED: Final = {
    "hellaswag_train.jsonl": Published(39_905, "items", _CATALOG),
    "hellaswag_val.jsonl": Published(10_042, "items", _CATALOG),
}


def read_hellaswag(path: UPath) -> Reading:
    """One item per line, called by its `ind`: context, four endings, and `label` the right one."""
    problems = Problems()
    items: dict[str, Item] = {}
    for number, row in json_lines(str(path)):
        try:
            item = _item(row)
        except (KeyError, TypeError, ValueError, AttributeError, Rejected) as error:
            problems.add(BAD_ROWS, f"line {number} ({_reason(error)})")
            continue
        if item.id in items:
            problems.add(DUPLICATES, item.id)
        elif not 0 <= item.answer < len(item.endings):
            problems.add(NO_RIGHT, item.id)
        else:
            items[item.id] = item
    published = PUBLISHED.get(path.name)
    return Reading("hellaswag", list(items.values()), path.parent, len(items), published, problems.found)


def cleaned(text: str) -> str:
    """Without WikiHow's marks: ` [title]` ends a sentence, any other `[…]` goes, and spaces are single.

    As lm-evaluation-harness has it, so that accuracies can be set side by side.
    """
    return " ".join(re.sub(r"\[[^\]]*\]", "", text.strip().replace(" [title]", ". ")).split())


def _item(row: dict[str, Any] | Rejected) -> Item:
    if isinstance(row, Rejected):
        raise row
    context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}" if "ctx_a" in row else row["ctx"]
    prompt = cleaned(f"{row['activity_label']}: {context}" if row.get("activity_label") else context)
    endings = tuple(Part(cleaned(ending)) for ending in row["endings"])
    if not prompt or len(endings) < 2 or any(not part.text for part in endings):
        raise ValueError("it needs a context and two endings or more, none of them empty")
    label = row.get("label", "")
    answer = int(label) if str(label).isdecimal() else -1
    id = str(row["ind"])
    return Item(id, id, Part(prompt), endings, answer)


def _reason(error: Exception) -> str:
    if isinstance(error, Rejected):
        return error.detail.rstrip(".")
    return f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
