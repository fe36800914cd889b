"""Training that begins with weights from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstdata.config import differences, to_dict
from lstdata.errors import ConfigError
from lstdata.model.config import ModelConfig
from lstdata.storage import read_json
from lstdata.train.llama import OPTION, open_llama
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class WarmStart:
    """Weights that fit a model, not yet read."""

    identity: dict[str, Any]
    """What says on any machine which weights they are."""
    names: frozenset[str]
    """Parameters that they begin."""
    tensors: Callable[[], Iterator[tuple[str, Tensor]]]
    """Those names and values; of a table, perhaps only its first rows."""

    def load(self, model: nn.Module) -> None:
        """Put the weights in their places; what they do not name stays as it is."""
        import torch

        with torch.no_grad():
            for name, value in self.tensors():
                parameter = model.get_parameter(name)
                if value.shape[1:] != parameter.shape[1:] or len(value) > len(parameter):
                    shapes = " × ".join(map(str, parameter.shape)), " × ".join(map(str, value.shape))
                    raise ConfigError(f"`{name}` of `{OPTION}` must be {shapes[0]}, but is {shapes[1]}.")
                parameter[: len(value)].copy_(value)

    def describe(self, model: ModelConfig) -> str:
        """What it begins and what stays fresh, by parts of the model."""
        import torch

        from lstdata.model.lst import build_model

        with torch.device("meta"):
            parameters = build_model(model).named_parameters()
        parts = dict.fromkeys(name.split(".")[0] for name, _ in parameters)
        begun = {name.split(".")[0] for name in self.names}
        taken, fresh = ([part for part in parts if (part in begun) is wanted] for wanted in (True, False))
        return f"{', '.join(taken)} from {self.identity['name']}; fresh: {', '.join(fresh) or 'nothing'}"


def open_warm_start(init_from: str, model: ModelConfig, vocab: VocabCard) -> WarmStart:
    """The weights in a folder, or of a name on the hub; ConfigError with all that does not fit."""
    if (Path(init_from) / "train.json").is_file():
        return _of_run(Path(init_from), model, vocab)
    if Path(init_from).is_dir() and not (Path(init_from) / "config.json").is_file():
        raise ConfigError(
            f"`{OPTION}` must be a run of `lstdata train`, or a Llama of transformers, but `{init_from}` has neither a "
            "train.json nor a config.json."
        )
    llama = open_llama(init_from, model, vocab)
    return WarmStart(llama.checkpoint.identity(), frozenset(llama.sources), llama.tensors)


def _of_run(run: Path, model: ModelConfig, vocab: VocabCard) -> WarmStart:
    """The last checkpoint of a training run of ours, of the same dimensions and the same ids."""
    from lstdata.train.checkpoint import last_step, read_weights, step_folder, weights_sha256

    begun = read_json(run / "train.json")
    VocabCard.from_json(begun["vocab"], str(run / "train.json")).check_same(vocab)
    theirs, weights = read_weights(run)
    changed = differences(_dimensions(theirs), _dimensions(model))
    if changed:
        raise ConfigError(f"`{OPTION}` `{run}` has a model of other dimensions:", *changed)
    folder = step_folder(run, last_step(run))
    identity = {"name": f"{run.resolve().name}/{folder.name}", "sha256": weights_sha256(folder)}
    return WarmStart(identity, frozenset(weights), lambda: iter(weights.items()))


def _dimensions(model: ModelConfig) -> dict[str, Any]:
    return {key: value for key, value in to_dict(model).items() if key not in ("dropout", "attention", "recompute")}
