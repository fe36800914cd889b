from __future__ import annotations

import json
from typing import Any

import pytest

from lstdata.errors import ConfigError
from lstdata.evaluate.items import Item, Part, parse_items, recordings, write_items

ROW: dict[str, Any] = {
    "id": "item-0",
    "pair": "pair-0",
    "prompt": {"text": "It rained.", "recording": "p", "audio": "audio/p.flac"},
    "endings": [{"text": "She got wet.", "recording": "a"}, {"text": "She stayed dry.", "recording": "b"}],
    "answer": 1,
}


def test_items_are_read_as_they_are_written() -> None:
    other = {
        **ROW,
        "id": "item-1",
        "prompt": None,
        "endings": [{"recording": "c"}, {"recording": "a"}],
        "answer": 0,
        "by": {"type": "weather"},
    }
    del other["pair"]
    items = parse_items("".join(json.dumps(row) + "\n\n" for row in (ROW, other)), "items.jsonl")
    assert items[0] == Item(
        "item-0",
        "pair-0",
        Part("It rained.", "p", "audio/p.flac"),
        (Part("She got wet.", "a"), Part("She stayed dry.", "b")),
        1,
    )
    assert (items[1].prompt, items[1].group, items[1].chance) == (None, "item-1", 0.5)
    assert (items[0].by, items[1].by) == ((), (("type", "weather"),))
    assert parse_items(write_items(items), "again") == items
    assert list(recordings(items)) == ["p", "a", "b", "c"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answer": 2}, r"line 1: `answer` must be in 0…1, but is 2\."),
        ({"answer": True}, "`answer` must be in 0…1"),
        ({"endings": ROW["endings"][:1]}, "`endings` must be two or more, but is 1"),
        ({"endings": [{"text": ""}, {"text": "b"}]}, "must hold texts that are not empty"),
        ({"prompt": {}}, "`prompt` must have `text`, `recording` or `audio`"),
        ({"prompt": "It rained."}, "line 1: "),
        ({"by": {"type": 1}}, "`by` must hold a text for each division"),
    ],
)
def test_what_is_no_item_is_named(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_items(json.dumps({**ROW, **change}), "items.jsonl")


def test_all_mistakes_are_named_at_once() -> None:
    missing = {key: value for key, value in ROW.items() if key != "answer"}
    lines = [json.dumps(ROW), "{", json.dumps(missing), json.dumps(ROW)]
    with pytest.raises(ConfigError) as error:
        parse_items("\n".join(lines), "items.jsonl")
    assert [line.split(":")[1] for line in error.value.mistakes] == [" line 2", " line 3", " line 4"]
    assert "`answer` is missing" in error.value.mistakes[1]
    with pytest.raises(ConfigError, match="has no items"):
        parse_items("\n", "items.jsonl")
