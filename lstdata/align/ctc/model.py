"""The model behind the aligner: found by its name, loaded, and asked for log-probabilities in windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lstdata.checkpoints import Checkpoint
from lstdata.checkpoints.bundles import find_model, load_bundle
from lstdata.checkpoints.convolutions import ConvStack
from lstdata.checkpoints.ctc_alphabet import Alphabet, alphabet_of, check_rate, convolutions
from lstdata.checkpoints.finding import FEATURE_EXTRACTOR, TOKENIZER
from lstdata.checkpoints.loading import LOCAL, exact_arithmetic, load_model, loading, quieten_transformers
from lstdata.config import WordsConfig
from lstdata.errors import ConfigError
from lstdata.records import SAMPLE_RATE, Waveform

if TYPE_CHECKING:
    from torch import Tensor

OPTION = "words.model"

WINDOW = 30
"""Seconds of a recording for which log-probabilities are taken from one call of the model."""

CONTEXT = 2
"""Seconds on either side that the model hears besides."""

WILDCARD = -0.1
"""What a wildcard costs in each frame, in nats, against the best that the model hears there.

It takes up what is spoken but not spelt, since there silence costs much more; it never wins over letters that are heard
or over silence, which cost less.
"""


@dataclass(frozen=True, slots=True)
class CtcModel:
    """Log-probabilities of letters; what they are depends on the recording alone."""

    alphabet: Alphabet
    convolutions: ConvStack
    variance: float | None
    """What is added to the variance by which a recording is normalised; None: it is taken as it is."""
    logits: Callable[[Tensor], Tensor]
    """(1, samples) to (1, frames, tokens)."""
    device: str

    def emissions(self, samples: Waveform, ids: tuple[int, ...]) -> Waveform:
        """(frames, 1 + ids + 1) log-probabilities: silence, the tokens `ids`, the wildcard.

        Silence is the blank or the token between words: models differ in which of them they take a pause for. Windows
        begin at multiples of `WINDOW` seconds, wherever the recording ends.
        """
        hop, field = self.convolutions.hop, self.convolutions.field
        frames = self.convolutions.frames(len(samples))
        core, context = WINDOW * SAMPLE_RATE // hop, CONTEXT * SAMPLE_RATE // hop
        out = np.empty((frames, len(ids) + 2), dtype=np.float32)
        mean, scale = self._normalisation(samples)
        for first in range(0, frames, core):
            last = min(first + core, frames)
            begin, end = max(first - context, 0), min(last + context, frames)
            heard = (samples[begin * hop : (end - 1) * hop + field] - mean) * scale
            out[first:last] = self._columns(heard, ids)[first - begin : last - begin]
        return out

    def _normalisation(self, samples: Waveform) -> tuple[np.float32, np.float32]:
        """(mean, 1 / deviation) of the whole recording, as 64-bit sums over blocks of a minute."""
        if self.variance is None or not len(samples):
            return np.float32(0), np.float32(1)
        blocks = range(0, len(samples), 60 * SAMPLE_RATE)
        mean = sum(samples[i : i + 60 * SAMPLE_RATE].sum(dtype=np.float64) for i in blocks) / len(samples)
        squares = sum(np.square(samples[i : i + 60 * SAMPLE_RATE] - mean, dtype=np.float64).sum() for i in blocks)
        return np.float32(mean), np.float32(1 / np.sqrt(squares / len(samples) + self.variance))

    def _columns(self, heard: Waveform, ids: tuple[int, ...]) -> Waveform:
        import torch

        with exact_arithmetic():
            values = torch.from_numpy(np.ascontiguousarray(heard, dtype=np.float32))[None].to(self.device)
            logs = torch.log_softmax(self.logits(values)[0].float(), dim=-1)
            silence = logs[:, self.alphabet.blank]
            if self.alphabet.delimiter in self.alphabet.tokens:
                between = self.alphabet.tokens.index(self.alphabet.delimiter or "")
                silence = torch.logaddexp(silence, logs[:, between])
            best = torch.maximum(logs.max(dim=-1).values, silence)
            letters = logs[:, torch.tensor(ids, dtype=torch.int64, device=logs.device)]
            found: Waveform = torch.cat([silence[:, None], letters, best[:, None] + WILDCARD], dim=1).cpu().numpy()
        return found


def find_ctc_model(config: WordsConfig) -> Checkpoint:
    """The model that `words.model` names. Raises ConfigError for what is no CTC model, and Unavailable."""
    if not config.model:
        raise ConfigError(f"`{OPTION}` must be a folder, a name on the hub, or torchaudio:MMS_FA, but is not given.")
    parts = FEATURE_EXTRACTOR | TOKENIZER
    return find_model(config.model, config.revision, option=OPTION, parts=parts, accept=_refuse_others)


def load_ctc(checkpoint: Checkpoint, device: str = "cpu") -> CtcModel:
    """Takes seconds. Raises ConfigError where the checkpoint is not whole or not of a kind that is known."""
    return _of_torchaudio(checkpoint, device) if checkpoint.bundle else _of_transformers(checkpoint, device)


def _refuse_others(name: str, architecture: str) -> None:
    if not architecture.endswith(("ForCTC", "ASRBundle", "FABundle")):
        fitting = "a CTC model (as Wav2Vec2ForCTC, HubertForCTC, WavLMForCTC, or a bundle as torchaudio:MMS_FA)"
        raise ConfigError(f"`{OPTION}` must be {fitting}, but `{name}` is a {architecture}.")


def _of_transformers(checkpoint: Checkpoint, device: str) -> CtcModel:
    quieten_transformers("`words.aligner` ctc")
    from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

    extractor, tokenizer = (
        _part(kind, checkpoint, part)
        for kind, part in ((AutoFeatureExtractor, "feature extractor"), (AutoTokenizer, "tokenizer"))
    )
    model = load_model(AutoModelForCTC, checkpoint, device, option=OPTION)
    check_rate(checkpoint, extractor.sampling_rate, OPTION)
    return CtcModel(
        alphabet=_heard(alphabet_of(checkpoint, tokenizer), model.config.vocab_size, checkpoint),
        convolutions=convolutions(checkpoint, model.config, OPTION),
        variance=1e-7 if getattr(extractor, "do_normalize", False) else None,
        logits=lambda values: model(values).logits,
        device=device,
    )


def _heard(alphabet: Alphabet, outputs: int, checkpoint: Checkpoint) -> Alphabet:
    """The alphabet, where the model has an output for each letter; silent tokens at its end need none."""
    letters = (id for id in range(len(alphabet.tokens)) if id not in alphabet.silent)
    needed = 1 + max(alphabet.blank, *letters)
    if needed > outputs:
        raise ConfigError(
            f"`{OPTION}` `{checkpoint.name}` must have an output for each letter, but its tokenizer needs {needed} and "
            f"the model has {outputs}."
        )
    return alphabet


def _part(kind: Any, checkpoint: Checkpoint, part: str) -> Any:
    with loading(checkpoint, part, OPTION):
        return kind.from_pretrained(checkpoint.folder, **LOCAL)


def _of_torchaudio(checkpoint: Checkpoint, device: str) -> CtcModel:
    bundle, model = load_bundle(checkpoint)
    check_rate(checkpoint, bundle.sample_rate, OPTION)
    options = {"star": None} if type(bundle).__name__.endswith("FABundle") else {}
    labels = tuple(bundle.get_labels(blank="", **options))
    with exact_arithmetic():
        model = model.to(device)
    layers = bundle._params["extractor_conv_layer_config"]
    return CtcModel(
        alphabet=_heard(Alphabet(labels, 0, "|" if "|" in labels else None), bundle._params["aux_num_out"], checkpoint),
        convolutions=ConvStack(tuple(k for _, k, _ in layers), tuple(s for _, _, s in layers)),
        variance=1e-5 if bundle._normalize_waveform else None,
        logits=lambda values: model(values)[0],
        device=device,
    )
