"""How many raw tokens another run has read: what a data-controlled comparison ends with."""

from __future__ import annotations

import json
from pathlib import Path

from lstdata.errors import ConfigError
from lstdata.storage import read_json


def tokens_read(run: Path) -> int:
    """Of a run that has come to its end; ConfigError where it has not, or where its tokens are pieces of units."""
    try:
        config = read_json(run / "train.json")["config"]
        steps, wanted = config["steps"], config.get("tokens")
        patchings = [config["patching"], *(data["patching"] or {} for data in config["data"])]
        last = json.loads((run / "metrics" / "train.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        taken, tokens = int(last["Step"]), int(last["total_tokens"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"`--tokens-of` must be a run of `lstdata train` with figures, but is `{run}`.") from error
    if any(patching.get("strategy") == "unit-bpe" for patching in patchings):
        raise ConfigError(f"`--tokens-of` must count raw tokens, but those of `{run}` are pieces of units.")
    if steps is not None and taken < steps:
        raise ConfigError(f"`--tokens-of` must be a finished run, but `{run}` is at step {taken} of {steps}.")
    if wanted is not None and tokens < wanted:
        raise ConfigError(
            f"`--tokens-of` must be a finished run, but `{run}` has read {tokens:,} of {wanted:,} tokens."
        )
    return tokens
