"""`convert-codebook`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from upath import UPath

from lstdata.cli.replacing import FORCE, refuse_existing
from lstdata.cli.shared import JSON, PLACE, say


@click.command("convert-codebook")
@click.argument("source", type=PLACE)
@click.argument("codebook", type=click.Path(dir_okay=False, path_type=UPath))
@click.option("--array", metavar="NAME", help="The matrix to take, where SOURCE holds several.")
@click.option(
    "--kind",
    type=click.Choice(["kmeans", "linear"]),
    help="Nearest centroid, or best output of a linear layer. Default: linear where there is a bias or a blank.",
)
@click.option("--blank", type=int, metavar="N", help="The output of a linear layer that never becomes a unit.")
@click.option("--model", metavar="NAME", help="The model whose features it is for; a build with another refuses it.")
@click.option("--layer", type=click.IntRange(min=0), metavar="N", help="The layer of that model.")
@click.option(
    "--extractor",
    type=click.Choice(["encoder", "mfcc", "unknown"]),
    default="encoder",
    show_default=True,
    help="Which features it is for: a pretrained model's, the built-in ones, or nobody knows.",
)
@FORCE
@JSON
def convert_codebook_command(source: str, codebook: UPath, force: bool, as_json: bool, **said: Any) -> None:
    """Make a CODEBOOK (.npz) of the k-means model or linear quantizer in SOURCE.

    SOURCE is a .npy, .npz, .safetensors or PyTorch file, or a KMeans or MiniBatchKMeans that was pickled or dumped by
    joblib. Nothing of it is run.
    """
    from lstdata.storage import commit_bytes
    from lstdata.units.codebook import load_codebook
    from lstdata.units.convert import Wanted, convert_codebook

    refuse_existing(codebook, source, load_codebook if force else None)
    converted = convert_codebook(source, Wanted(**said))
    commit_bytes(codebook, converted.book.to_bytes())
    book = converted.book
    value = {name: entry for name, entry in asdict(converted).items() if name != "book"}
    value = {"clusters": book.clusters, "dimensions": book.dimensions, "sha256": book.sha256, **value}
    kind = "k-means" if converted.kind == "kmeans" else "a linear quantizer"
    lines = [
        f"codebook: {book.clusters} clusters of {book.dimensions} dimensions, {kind}, from `{converted.array}` of "
        f"{converted.origin}",
        f"centroids: mean length {converted.length:.4g}, mean distance to the nearest other {converted.nearest:.4g}",
        f"sha256: {book.sha256}",
        *(f"note: {note}" for note in converted.notes),
    ]
    say(value, as_json, "\n".join(lines))
