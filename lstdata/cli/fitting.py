"""`fit-units` and `fit-tokenizer`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from lstdata.cli.shared import CONFIG, JSON, SET, say


@click.command("fit-units")
@click.argument("source")
@click.argument("codebook", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
@SET
@JSON
def fit_units(source: str, codebook: Path, config_path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Fit a CODEBOOK (.npz) of speech units on SOURCE, to give to builds as `units.codebook`."""
    from lstdata.build.freeze import describe_fit, fit_source
    from lstdata.config import BuildConfig, load

    summary = fit_source(source, codebook, load(BuildConfig, config_path, sets))
    say(asdict(summary), as_json, describe_fit(summary))


@click.command("fit-tokenizer")
@click.argument("source")
@click.argument("tokenizer", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
@SET
@JSON
def fit_tokenizer(source: str, tokenizer: Path, config_path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Train a byte-level BPE TOKENIZER (tokenizer.json) on SOURCE's transcripts, for `tokenizer.path`."""
    from lstdata.build.freeze import fit_source_tokenizer
    from lstdata.config import BuildConfig, load

    fitted = fit_source_tokenizer(source, tokenizer, load(BuildConfig, config_path, sets))
    say({"size": fitted.size, "sha256": fitted.sha256}, as_json, f"tokenizer: {fitted.size} tokens")
