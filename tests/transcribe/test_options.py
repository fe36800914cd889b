"""The options of transcribing: what is shown is what they are, and what they refuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lstdata.config import load, to_dict
from lstdata.errors import ConfigError
from lstdata.transcribe import TranscribeConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "transcribing.md"


def test_the_options_shown_are_the_defaults() -> None:
    block = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    known = to_dict(TranscribeConfig()) | {"source": {}, "run": {}}
    assert yaml.safe_load(block[1]) == {name: value for name, value in known.items() if name != "about"}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("batch=0", "`batch` must be ≥ 1, but is 0."),
        ("max_seconds=0", "`max_seconds` must be > 0, but is 0.0."),
        ("gpus_per_worker=0", "`gpus_per_worker` must be > 0, but is 0.0."),
        ("dtype=int8", "`dtype` must be one of float32, bfloat16, float16, but is 'int8'."),
        ("run.workers=0", "`run.workers` must be ≥ 1, but is 0."),
    ],
)
def test_wrong_values_are_named(option: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(TranscribeConfig, None, ["model=m", option])
    assert str(raised.value) == message
