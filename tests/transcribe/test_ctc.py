"""CTC checkpoints: one whose weights spell tones, and a random one of the usual shape."""

from __future__ import annotations

import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from lstdata.checkpoints.convolutions import ConvStack
from lstdata.errors import ConfigError
from lstdata.transcribe.checkpoint import find_recogniser
from lstdata.transcribe.config import TranscribeConfig
from lstdata.transcribe.recogniser import Recogniser, make_recogniser
from tests.transcribe.tones import VOCABULARY, save_ctc, tone

BURST = 3200
FRAME = 0.02


def recogniser(folder: Path, **options: object) -> Recogniser:
    config = TranscribeConfig(model=str(folder), device="cpu", batch=1, **options)  # type: ignore[arg-type]
    return make_recogniser(find_recogniser(str(folder)), config)


@pytest.fixture(scope="module")
def hears_tones(tone_model: Path) -> Recogniser:
    return recogniser(tone_model)


@pytest.mark.parametrize("letters", ["..AB...A..BB.", ".B..AAB..A.B...", "A.B.", ".BA"])
def test_words_are_heard_where_the_bursts_are(hears_tones: Recogniser, letters: str) -> None:
    [heard] = hears_tones.transcribe([tone(letters, BURST)])
    bursts = [(word.start(), word.end(), word[0]) for word in re.finditer(r"[AB]+", letters)]
    collapsed = ["".join(c for i, c in enumerate(w) if i == 0 or w[i - 1] != c) for _, _, w in bursts]
    assert [word.text for word in heard.words] == collapsed
    for word, (start, end, _) in zip(heard.words, bursts, strict=True):
        assert word.start == pytest.approx(start * BURST / 16_000, abs=1.5 * FRAME)
        assert word.end == pytest.approx(end * BURST / 16_000, abs=1.5 * FRAME)
    assert heard.score is not None and -0.05 < heard.score < 0


def test_the_score_falls_where_the_model_is_less_sure(hears_tones: Recogniser) -> None:
    both = tone("..AB..A.", BURST)
    [sure], [unsure] = hears_tones.transcribe([both]), hears_tones.transcribe([both + 0.6 * tone("..BA..B.", BURST)])
    assert sure.score is not None and unsure.score is not None and unsure.score < sure.score


def test_silence_has_no_words(hears_tones: Recogniser) -> None:
    [heard] = hears_tones.transcribe([np.zeros(16_000, dtype=np.float32)])
    assert (heard.words, heard.score) == ((), None)


def test_a_record_alone_is_heard_the_same_after_any_other(hears_tones: Recogniser) -> None:
    wave = tone(".AB.", BURST)
    before = hears_tones.transcribe([wave])
    hears_tones.transcribe([tone("BBA..A", BURST)])
    assert hears_tones.transcribe([wave]) == before


def test_a_padded_batch_hears_each_record_inside_its_own_length(hears_tones: Recogniser) -> None:
    short, long = tone("..AB", BURST), tone("..AB.A.AB.BA.", BURST)
    together = hears_tones.transcribe([short, long])
    alone = [hears_tones.transcribe([wave])[0] for wave in (short, long)]
    assert [t.text for t in together] == [t.text for t in alone]
    assert together[0].words[-1].end <= len(short) / 16_000


def test_what_is_heard_in_the_padding_is_no_part_of_a_record(tone_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tone_model, tmp_path / "hears-a"))
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.bias"][3] = 50.0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    short, _ = recogniser(folder).transcribe([np.zeros(16_000, dtype=np.float32), np.zeros(64_000, dtype=np.float32)])
    assert [(word.text, word.start, word.end) for word in short.words] == [("A", 0.0, 49 * FRAME)]


def test_capitals_may_become_small_letters(tone_model: Path) -> None:
    [heard] = recogniser(tone_model, case="lower").transcribe([tone(".AB.", BURST)])
    assert heard.text == "ab"


@pytest.mark.parametrize("samples", [400, 719, 720, 12_345, 16_000])
def test_a_frame_is_where_the_models_own_convolutions_put_it(samples: int, random_model: Path) -> None:
    import torch
    from transformers import HubertForCTC

    model = HubertForCTC.from_pretrained(random_model).eval()
    with torch.inference_mode():
        frames = model(torch.zeros(1, samples)).logits.shape[1]
    assert ConvStack(tuple(model.config.conv_kernel), tuple(model.config.conv_stride)).frames(samples) == frames


def test_a_model_without_trained_letters_is_refused(random_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(random_model, tmp_path / "headless"))
    weights = {k: v for k, v in load_file(folder / "model.safetensors").items() if not k.startswith("lm_head")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"has no weights for `lm_head\.bias`"):
        recogniser(folder)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('the pickle ran')",))


def test_code_in_pickled_weights_is_not_run(random_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(random_model, tmp_path / "pickled"))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ConfigError, match="/pickled`: its weights cannot be loaded"):
        recogniser(folder)


def test_plain_tensors_in_pickled_weights_are_read(tone_model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = Path(shutil.copytree(tone_model, tmp_path / "old"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert recogniser(folder).transcribe([tone(".AB.", BURST)])[0].text == "AB"


def test_half_precision_is_for_gpus(tone_model: Path) -> None:
    with pytest.raises(ConfigError, match="`dtype` must be float32 on a CPU, but is bfloat16"):
        recogniser(tone_model, dtype="bfloat16")


@pytest.fixture(scope="module")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A HubertForCTC with the seven convolutions that real ones have."""
    import torch
    from transformers import HubertConfig, HubertForCTC

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    positions = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 1}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = HubertForCTC(HubertConfig(conv_dim=(4,) * 7, vocab_size=5, pad_token_id=0, **sizes, **positions))
    return save_ctc(model, VOCABULARY, tmp_path_factory.mktemp("random-model"), return_attention_mask=False)
