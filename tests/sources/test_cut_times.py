"""Times and rates of manifests: what no recording can have is refused, what the file contradicts is never cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.sources import Source, open_source

RATE = 22_050


def cut(rate: Any = RATE, **changes: Any) -> dict[str, Any]:
    recording = {
        "id": "r",
        "sources": [{"type": "file", "channels": [0], "source": "a.wav"}],
        "sampling_rate": rate,
        "num_samples": 4 * RATE,
        "duration": 4.0,
        "channel_ids": [0],
    }
    cut = {"id": "c", "start": 1.0, "duration": 1.0, "channel": 0, "type": "MonoCut", "supervisions": []}
    return {**cut, "recording": recording, **changes}


def opened(root: Path, *cuts: dict[str, Any]) -> Source:
    (root / "cuts.jsonl").write_text("\n".join(map(json.dumps, cuts)), encoding="utf-8")
    return open_source(str(root), SourceConfig())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", 1e15),
        pytest.param("start", 10**400, id="start-huge"),
        ("start", -1),
        ("start", float("nan")),
        ("duration", 1e15),
        ("duration", float("inf")),
        ("duration", 0),
    ],
)
def test_times_that_no_recording_has_are_refused(tmp_path: Path, field: str, value: float) -> None:
    """They would overflow the plan's samples or its hours."""
    (row,) = opened(tmp_path, cut(**{field: value})).scan()
    assert row.reject is not None
    assert row.reject[0] == "bad_row"
    assert str(value)[:20] in row.reject[1]


def test_a_start_just_before_the_recording_is_its_start(tmp_path: Path) -> None:
    (row,) = opened(tmp_path, cut(start=-0.1)).scan()
    assert (row.locator.start, row.locator.end) == (0, 19_845)


@pytest.mark.parametrize("rate", [0, -1, 1.5e15, 22_050.5, 999, "x", "22050", True, float("nan")])
def test_a_manifests_rate_must_be_one(tmp_path: Path, rate: Any) -> None:
    (row,) = opened(tmp_path, cut(rate)).scan()
    assert row.reject is not None
    assert row.reject[0] in ("bad_sample_rate", "bad_row")


def test_a_stretch_is_not_cut_at_a_wrong_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).standard_normal(4 * RATE) * 0.1, RATE)
    source = opened(tmp_path, cut(), cut(16_000, id="wrong"))
    right, wrong = source.scan()
    assert (right.locator.rate, source.open(right.locator).decoded) == (RATE, RATE)
    with pytest.raises(Rejected, match=r"`a\.wav` has 22050 Hz.* at 16000 Hz") as caught:
        source.open(wrong.locator)
    assert caught.value.reason == "rate_mismatch"
