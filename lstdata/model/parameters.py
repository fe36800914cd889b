"""The model's size, by formula."""

from __future__ import annotations

from lstdata.model.config import ModelConfig, feedforward_width


def count_parameters(config: ModelConfig) -> int:
    return sum(parameters_by_part(config).values())


def parameters_by_part(config: ModelConfig) -> dict[str, int]:
    """Parameters of `embedding`, `encoder`, `trunk`, `decoder` and `output`; the plain model has no patch parts."""
    d, g, k = config.local_width, config.global_width, config.queries

    def block(width: int) -> int:
        return 4 * width**2 + 3 * width * feedforward_width(width, config.feedforward_multiple) + 2 * width

    def tables(width: int) -> dict[str, int]:
        return {"embedding": config.vocabulary * width, "output": config.vocabulary * width + width}

    trunk = config.global_layers * block(g)
    if config.architecture == "plain":
        return {**tables(g), "trunk": trunk}
    cross = 4 * d**2 + 2 * d
    return {
        **tables(d),
        "encoder": config.encoder_layers * block(d) + k * d**2 + cross + (k * d * g if k * d != g else 0),
        "trunk": trunk,
        "decoder": k * d * g + config.decoder_layers * (block(d) + cross),
    }
