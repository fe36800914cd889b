"""A Llama of `transformers` as the beginning of the global transformer.

Both turn elements i and i + D/2 of a head of width D together, so rotary positions need no permutation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lstdata.checkpoints.finding import Checkpoint, find_checkpoint
from lstdata.errors import ConfigError, MissingExtra
from lstdata.model.config import ModelConfig, feedforward_width
from lstdata.storage import read_json, sha256_bytes
from lstdata.tokenizer.files import given_tokenizer
from lstdata.vocab import VocabCard

if TYPE_CHECKING:
    from torch import Tensor

OPTION: Final = "init_from"

_TABLES: Final = {"embedding.weight": "model.embed_tokens.weight", "logits.weight": "lm_head.weight"}
"""Tables by their names here and there; tied ones are both the first."""

_BLOCK: Final = {
    "attention_norm": ("input_layernorm",),
    "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attention.output": ("self_attn.o_proj",),
    "feedforward_norm": ("post_attention_layernorm",),
    "feedforward.gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "feedforward.output": ("mlp.down_proj",),
}
"""Parts of a block by their names here, and what they are joined from."""


@dataclass(frozen=True)
class Llama:
    """A checkpoint that fits a model."""

    checkpoint: Checkpoint
    sources: Mapping[str, tuple[str, ...]]
    """Parameters here, and the tensors there that they are joined from."""
    kv_heads: int
    """Of grouped-query attention."""
    heads: int
    text_size: int
    """Rows that are taken of a table."""

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Parameters' names and values; of tables, the first rows."""
        import torch

        with _weights(self.checkpoint.folder) as weights:
            for name, parts in self.sources.items():
                found = [weights[part].get_tensor(part).float() for part in parts]
                if name.endswith("attention.qkv.weight"):
                    found[1:] = [_repeated(x, self.kv_heads, self.heads // self.kv_heads) for x in found[1:]]
                yield name, torch.cat(found)[: self.text_size] if name in _TABLES else torch.cat(found)


def open_llama(init_from: str, model: ModelConfig, vocab: VocabCard) -> Llama:
    """The checkpoint in a folder or of a name on the hub; ConfigError with all that does not fit the model.

    Rows of the tables are taken where they are as wide as the model's and the data has the checkpoint's tokenizer.
    """
    checkpoint = find_checkpoint(init_from, option=OPTION, accept=_accept)
    if not checkpoint.is_safe:
        raise ConfigError(f"`{OPTION}` `{init_from}` must hold model*.safetensors; its weights are in another format.")
    folder = Path(checkpoint.folder)
    described = read_json(folder / "config.json")
    mistakes = list(_mistakes(described, model, init_from))
    if mistakes:
        raise ConfigError(*mistakes)
    plain = model.architecture == "plain"
    width = model.global_width if plain else model.local_width
    sources = _sources(model.global_layers)
    if plain:
        sources["norm.weight"] = ("model.norm.weight",)
    if width == described["hidden_size"] and _same_tokenizer(folder, vocab):
        tied = described.get("tie_word_embeddings", False)
        sources |= {here: (_TABLES["embedding.weight"] if tied else there,) for here, there in _TABLES.items()}
    with _weights(checkpoint.folder) as weights:
        missing = [part for parts in sources.values() for part in parts if part not in weights]
    if missing:
        raise ConfigError(f"`{OPTION}` `{init_from}` has no weights for `{missing[0]}`.")
    return Llama(checkpoint, sources, _kv_heads(described), model.global_heads, vocab.text_size)


def _sources(layers: int) -> dict[str, tuple[str, ...]]:
    return {
        f"trunk.blocks.{layer}.{name}.weight": tuple(f"model.layers.{layer}.{part}.weight" for part in parts)
        for layer in range(layers)
        for name, parts in _BLOCK.items()
    }


def _accept(name: str, architecture: str) -> None:
    if architecture != "LlamaForCausalLM":
        raise ConfigError(f"`{OPTION}` `{name}` must be a LlamaForCausalLM, but is a {architecture}.")


def _mistakes(described: Mapping[str, Any], model: ModelConfig, name: str) -> Iterator[str]:
    dimensions = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    unknown = [key for key in dimensions if not isinstance(described.get(key), int)]
    if unknown:
        yield f"`config.json` of `{name}` must give `{unknown[0]}`."
        return
    rope = described.get("rope_parameters") or described.get("rope_scaling") or {}
    theta = rope.get("rope_theta", described.get("rope_theta", 1e4))
    pairs = {
        "global_width": described["hidden_size"],
        "global_layers": described["num_hidden_layers"],
        "global_heads": described["num_attention_heads"],
        "global_theta": theta,
    }
    for option, wanted in pairs.items():
        if getattr(model, option) != wanted:
            yield f"`model.{option}` must be {wanted:g}, as of `{name}`, but is {getattr(model, option):g}."
    inner = feedforward_width(model.global_width, model.feedforward_multiple)
    if inner != described["intermediate_size"]:
        yield (
            f"The feed-forward layers of `{name}` must be {inner} wide (⅔·4·`global_width`, rounded up to a multiple "
            f"of `model.feedforward_multiple`, {model.feedforward_multiple}), but are {described['intermediate_size']}."
        )
    plain = {
        "hidden_act": (described.get("hidden_act", "silu"), "silu"),
        "attention_bias": (described.get("attention_bias", False), False),
        "mlp_bias": (described.get("mlp_bias", False), False),
        "rope_type": (rope.get("rope_type", rope.get("type", "default")), "default"),
    }
    if described.get("head_dim") is not None:
        plain["head_dim"] = described["head_dim"], described["hidden_size"] // described["num_attention_heads"]
    for key, (value, wanted) in plain.items():
        if value != wanted:
            yield f"`{key}` of `{name}` must be {wanted}, but is {value}."


def _kv_heads(described: Mapping[str, Any]) -> int:
    return int(described.get("num_key_value_heads") or described["num_attention_heads"])


def _repeated(x: Tensor, heads: int, times: int) -> Tensor:
    """Each head of the rows so often as queries share it: grouped-query attention as multi-head attention."""
    repeated: Tensor = x.view(heads, -1, x.shape[-1]).repeat_interleave(times, dim=0)
    return repeated.flatten(0, 1)


def _same_tokenizer(folder: Path, vocab: VocabCard) -> bool:
    """Whether one of the folder's tokenizers is that of the data."""
    files = (folder / name for name in ("tokenizer.json", "tokenizer.model"))
    return any(sha256_bytes(given_tokenizer(str(f))) == vocab.tokenizer_sha256 for f in files if f.is_file())


@contextmanager
def _weights(folder: str) -> Iterator[dict[str, Any]]:
    """The open file of each tensor, by name; nothing of it is read yet."""
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise MissingExtra("a warm start", "safetensors", "train") from error
    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, "pt")) for path in sorted(Path(folder).glob("model*.safetensors"))]
        yield {name: file for file in files for name in file.keys()}  # noqa: SIM118 — it is no mapping
