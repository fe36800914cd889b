"""`fit-units`, `fit-units-bpe` and `fit-tokenizer`."""

from __future__ import annotations

from dataclasses import asdict

import click
from upath import UPath

from lstdata.cli.replacing import FORCE, refuse_existing
from lstdata.cli.shared import CONFIG, JSON, PLACE, SET, RunFolder, say


@click.command("fit-units")
@click.argument("source", type=PLACE)
@click.argument("codebook", type=click.Path(dir_okay=False, path_type=UPath))
@CONFIG
@SET
@FORCE
@JSON
def fit_units(
    source: str, codebook: UPath, config_path: str | None, sets: tuple[str, ...], force: bool, as_json: bool
) -> None:
    """Fit a CODEBOOK (.npz) of speech units on SOURCE, to give to builds as `units.codebook`."""
    from lstdata.build.freeze import fit_source
    from lstdata.config import BuildConfig, load
    from lstdata.progress import CountProgress
    from lstdata.units.codebook import load_codebook

    config = load(BuildConfig, config_path, sets)
    refuse_existing(codebook, source, load_codebook if force else None)
    with CountProgress("frames", quiet=as_json) as progress:
        summary, notes = fit_source(source, codebook, config, progress.update)
    say(asdict(summary) | {"notes": notes}, as_json, "\n".join(notes))


@click.command("fit-units-bpe")
@click.argument("run", type=RunFolder(kept=True))
@click.argument("model", type=click.Path(dir_okay=False, path_type=UPath))
@click.option("--pieces", type=int, default=1000, show_default=True, help="Of the model; more than there are clusters.")
@FORCE
@JSON
def fit_units_bpe(run: UPath, model: UPath, pieces: int, force: bool, as_json: bool) -> None:
    """Fit byte-pair pieces of speech units on the finished RUN: a MODEL to train the baseline `unit-bpe` with."""
    from lstdata.loader.unit_pieces import fit_run_pieces
    from lstdata.progress import CountProgress
    from lstdata.units.pieces import UnitPieces

    refuse_existing(model, str(run), UnitPieces.read if force else None)
    with CountProgress("utterances", quiet=as_json) as progress:
        fitted = fit_run_pieces(run, model, pieces, progress.update)
    said = f"{fitted.size} pieces of {fitted.units} units"
    say({"pieces": fitted.size, "units": fitted.units, "sha256": fitted.sha256}, as_json, said)


@click.command("fit-tokenizer")
@click.argument("source", type=PLACE)
@click.argument("tokenizer", type=click.Path(dir_okay=False, path_type=UPath))
@CONFIG
@SET
@FORCE
@JSON
def fit_tokenizer(
    source: str, tokenizer: UPath, config_path: str | None, sets: tuple[str, ...], force: bool, as_json: bool
) -> None:
    """Train a byte-level BPE TOKENIZER (tokenizer.json) on SOURCE's transcripts, for `tokenizer.path`."""
    from lstdata.build.freeze import fit_source_tokenizer
    from lstdata.config import BuildConfig, load
    from lstdata.tokenizer import TextTokenizer

    config = load(BuildConfig, config_path, sets)
    refuse_existing(tokenizer, source, TextTokenizer.read if force else None)
    fitted = fit_source_tokenizer(source, tokenizer, config)
    say({"size": fitted.size, "sha256": fitted.sha256}, as_json, f"tokenizer: {fitted.size} tokens")
