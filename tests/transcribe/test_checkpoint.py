"""Which model it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lstdata.errors import ConfigError
from lstdata.transcribe.checkpoint import find_recogniser


def safetensors(data: bytes) -> bytes:
    """One tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"architectures": ["WavLMForCTC"]}))
    (made / "vocab.json").write_text("{}")
    (made / "preprocessor_config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(safetensors(b"abcd"))
    return made


def test_a_folder_is_known_by_its_files_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "model"))
    (moved / "README.md").write_text("about")
    one, other = find_recogniser(str(folder)), find_recogniser(f"{moved}/")
    assert one.identity() == other.identity()
    assert (one.name, one.architecture, one.revision) == ("model", "WavLMForCTC", None)


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.json", "config.json"])
def test_every_file_that_counts_is_in_the_sum(folder: Path, name: str) -> None:
    before = find_recogniser(str(folder)).sha256
    if name == "model.safetensors":
        (folder / name).write_bytes(safetensors(b"abce"))
    else:
        (folder / name).write_text((folder / name).read_text() + " ")
    assert find_recogniser(str(folder)).sha256 != before


def test_pickled_weights_count_only_where_there_are_no_others(folder: Path) -> None:
    before = find_recogniser(str(folder))
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert find_recogniser(str(folder)) == before and before.is_safe
    (folder / "model.safetensors").unlink()
    after = find_recogniser(str(folder))
    assert after.sha256 != before.sha256 and not after.is_safe


def test_what_is_no_recogniser_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"architectures": ["Wav2Vec2ForPreTraining"]}))
    with pytest.raises(ConfigError, match="is a Wav2Vec2ForPreTraining, which is neither a CTC model"):
        find_recogniser(str(folder))
    (folder / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="does not name its model under `architectures`"):
        find_recogniser(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"holds no config\.json"):
        find_recogniser(str(folder))


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="/model` holds no weights: there must be model"):
        find_recogniser(str(folder))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("preprocessor_config.json", "no feature extractor: there must be preprocessor_config.json"),
        ("vocab.json", "no tokenizer: there must be tokenizer.json or vocab.json"),
    ],
)
def test_a_folder_without_a_part_is_refused(folder: Path, name: str, said: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigError) as raised:
        find_recogniser(str(folder))
    assert f"`model` `{folder}` holds {said}" in str(raised.value)


@pytest.mark.parametrize("path", ["/no/such/folder", "./model", "a/b/c"])
def test_a_path_to_nothing_is_not_looked_for_on_the_hub(path: str) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        find_recogniser(path)


def test_a_folder_has_no_revision(folder: Path) -> None:
    with pytest.raises(ConfigError, match="`revision` is for models on the hub"):
        find_recogniser(str(folder), "main")
