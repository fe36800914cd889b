"""What a data-controlled run is to read: as much as another, which must have come to its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstdata.errors import ConfigError
from lstdata.train.tokens_read import tokens_read


def run(folder: Path, taken: int = 10, **config: Any) -> Path:
    (folder / "metrics").mkdir(parents=True)
    whole = {"steps": 10, "patching": {"strategy": "static"}, "data": [{"patching": None}], **config}
    (folder / "train.json").write_text(json.dumps({"config": whole}))
    figures = [json.dumps({"Step": step, "total_tokens": 100 * step}) for step in range(1, taken + 1)]
    (folder / "metrics" / "train.jsonl").write_text("\n".join(figures) + "\n")
    return folder


def test_it_is_the_last_step_s_total(tmp_path: Path) -> None:
    assert tokens_read(run(tmp_path / "run")) == 1000
    assert tokens_read(run(tmp_path / "other", taken=7, steps=None, tokens=650)) == 700


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"taken": 9}, "must be a finished run, but `.*` is at step 9 of 10"),
        ({"steps": None, "tokens": 1001}, "must be a finished run, but `.*` has read 1,000 of 1,001 tokens"),
        ({"patching": {"strategy": "unit-bpe"}}, "must count raw tokens, but those of `.*` are pieces of units"),
        ({"taken": 0}, "must be a run of `lstdata train` with figures"),
    ],
)
def test_others_are_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tokens_read(run(tmp_path / "run", **changed))
    with pytest.raises(ConfigError, match="must be a run of `lstdata train` with figures"):
        tokens_read(tmp_path / "nothing")
