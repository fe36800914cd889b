from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lstdata.checkpoints import Checkpoint
from lstdata.errors import ConfigError
from lstdata.units.encoder.described import Description, describe

CONFIG: dict[str, Any] = {
    "conv_kernel": [10, 3, 3, 3, 3, 2, 2],
    "conv_stride": [5, 2, 2, 2, 2, 2, 2],
    "hidden_size": 768,
    "num_hidden_layers": 12,
}


def described(folder: Path, **changes: Any) -> Description:
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return describe(Checkpoint("toy", str(folder), "HubertModel", ""))


def test_a_description_is_of_the_config(tmp_path: Path) -> None:
    assert described(tmp_path) == Description(hop=320, dimensions=768, blocks=12, normalizes=None)
    at_40_ms = {key: [*CONFIG[key], 2] for key in ("conv_kernel", "conv_stride")}
    assert described(tmp_path, **at_40_ms).hop == 640


@pytest.mark.parametrize(
    "strides",
    [
        [0, 2, 2, 2, 2, 2, 2],
        [5, 2, 2, 2, 2, 2, -2],
        [5, 2, 2, 2, 2, 2],
        [5, 2, 2, 2, 2, 2, 2.0],
        [5, 2, 2, 2, 2, 2, "2"],
        [5, 2, 2, 2, 2, 2, True],
        "5222222",
        5,
        None,
    ],
)
def test_convolutions_are_as_many_positive_whole_numbers(tmp_path: Path, strides: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        described(tmp_path, conv_stride=strides)
    assert str(caught.value) == (
        "`units.model` `toy`: its `conv_kernel` and `conv_stride` must be lists of equally many positive whole "
        f"numbers, but are [10, 3, 3, 3, 3, 2, 2] and {strides!r}."
    )


def test_no_convolutions_make_no_frames(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"but are \[\] and \[\]\."):
        described(tmp_path, conv_kernel=[], conv_stride=[])


def test_a_description_that_lacks_something_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`toy`: its config\.json does not describe it: ValueError"):
        described(tmp_path, hidden_size="wide")


@pytest.mark.parametrize(("kernel", "field"), [(9, 399), (1, 391)])
def test_frames_can_be_centred(tmp_path: Path, kernel: int, field: int) -> None:
    with pytest.raises(ConfigError) as caught:
        described(tmp_path, conv_kernel=[kernel, *CONFIG["conv_kernel"][1:]])
    assert str(caught.value) == (
        f"`units.model` `toy`: a frame of its convolutions looks at {field} samples every 320: that cannot be centred "
        "on a grid of whole frames."
    )


def test_frames_leave_no_sample_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="looks at 8 samples every 10"):
        described(tmp_path, conv_kernel=[8], conv_stride=[10])
