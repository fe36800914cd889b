"""The published schema of a sample is that of the samples which are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lstdata.members import read_json_gz
from lstdata.shards import encode_sample, iter_samples
from tests.test_shards import document, stored

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs" / "sample.schema.json").read_text())


def meta(**options: Any) -> dict[str, Any]:
    found: dict[str, Any] = read_json_gz(encode_sample(stored("a-1", **options))["json.gz"])
    return found


def text_meta() -> dict[str, Any]:
    found: dict[str, Any] = read_json_gz(encode_sample(document("a-1", "It was late."))["json.gz"])
    return found


def test_it_is_a_schema_and_knows_every_key() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for kind, written in (("speech", meta()), ("text", text_meta())):
        described = SCHEMA["$defs"][kind]
        assert set(described["properties"]) == set(described["required"]) == set(written)


@pytest.mark.parametrize("words", [True, False])
def test_what_is_written_is_valid(words: bool) -> None:
    jsonschema.validate(meta(words=words), SCHEMA)


def test_a_document_is_valid_and_no_speech() -> None:
    jsonschema.validate(text_meta(), SCHEMA)
    for spoilt in ({"kind": "speech"}, {"text": None}, {"samples": 0}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(text_meta() | spoilt, SCHEMA)


def test_the_samples_of_a_build_are_valid(built: Path) -> None:
    found = [s for tar in (built / "shards").glob("*.tar") for *_, s in iter_samples(tar.read_bytes(), str(tar))]
    assert len(found) == 12
    for sample in found:
        jsonschema.validate(read_json_gz(encode_sample(sample)["json.gz"]), SCHEMA)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"format": 3},
        {"kind": "text"},
        {"samples": 0},
        {"items": [[1, 2]]},
        {"drawn": [["s", [1]]]},
        {"patches": {"static": [1]}},
        {"colour": 1},
    ],
)
def test_another_thing_is_not(spoilt: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(meta() | spoilt, SCHEMA)
