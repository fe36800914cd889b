"""Folders of checkpoints whose files are damaged, or no files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lstdata.checkpoints import find_checkpoint
from lstdata.checkpoints.finding import FEATURE_EXTRACTOR
from lstdata.errors import ConfigError

WEIGHTS = "model-00001-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from safetensors.torch import save_file
    from torch import arange, zeros

    made = tmp_path / "toy"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"architectures": ["HubertModel"]}))
    save_file({"a": arange(6.0).reshape(2, 3), "b": zeros(0), "c": arange(5)}, made / WEIGHTS, {"format": "pt"})
    save_file({}, made / "model-00002-of-00002.safetensors")
    return made


def refusal(folder: Path) -> str:
    """What is said of the weights."""
    with pytest.raises(ConfigError) as caught:
        find_checkpoint(str(folder), option="units.model")
    start = f"`units.model` `{folder}`: its weights cannot be loaded: `{WEIGHTS}` is damaged: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_what_the_library_writes_is_whole(folder: Path) -> None:
    assert find_checkpoint(str(folder)).is_safe


def test_safetensors_of_another_length_are_refused(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    header = int.from_bytes(whole[:8], "little")
    for length in (0, 7, 8, 8 + header - 1):
        (folder / WEIGHTS).write_bytes(whole[:length])
        assert refusal(folder) == f"it has {length} bytes, too few for its header."
    for data in (whole[: 8 + header], whole[:-1], whole + b"\0"):
        (folder / WEIGHTS).write_bytes(data)
        assert refusal(folder) == f"it has {len(data)} bytes, but its header promises {len(whole)}."


@pytest.mark.parametrize(
    "header",
    [b"", b"[]", b"{", b'{"a": 5}', b'{"a": {}}', b'{"a": {"data_offsets": [0]}}', b"\xff", b"[" * 100_000],
)
def test_a_header_that_is_none_is_refused(folder: Path, header: bytes) -> None:
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)
    assert refusal(folder) == "its header is no table of tensors."


def test_a_folder_is_no_file_of_a_checkpoint(folder: Path) -> None:
    before = find_checkpoint(str(folder)).sha256
    for name in ("x.json", "x.txt", "pytorch_model.bin", "model.safetensors", "preprocessor_config.json"):
        (folder / name).mkdir()
    assert find_checkpoint(str(folder)).sha256 == before
    with pytest.raises(ConfigError, match="holds no feature extractor"):
        find_checkpoint(str(folder), parts=FEATURE_EXTRACTOR)
    for path in folder.glob("model-*"):
        path.unlink()
    with pytest.raises(ConfigError, match="holds no weights"):
        find_checkpoint(str(folder))
    (folder / "pytorch_model.bin").rmdir()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert not find_checkpoint(str(folder)).is_safe
