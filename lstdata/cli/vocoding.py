"""`fit-vocoder` and `vocode`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from upath import UPath

from lstdata.cli.replacing import FORCE, refuse_existing
from lstdata.cli.shared import JSON, PLACE, RunFolder, say

SPEAKER = click.option("--speaker", metavar="NAME", help="Of a checkpoint of several speakers, by number or name.")
STYLE = click.option("--style", metavar="NAME", help="Of a checkpoint of several styles, by number or name.")


@click.command("fit-vocoder")
@click.argument("run", type=RunFolder(kept=True))
@click.argument("out", type=click.Path(dir_okay=False, path_type=UPath))
@click.option("--split", default="train", show_default=True, metavar="NAME", help="Whose utterances are drawn.")
@click.option("--speaker", metavar="NAME", help="Only utterances of this speaker: one voice in place of their mean.")
@click.option("--limit-seconds", type=float, default=1800.0, show_default=True, help="Of recordings that are read.")
@click.option("--utterances", type=int, metavar="N", help="At most so many.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of which are drawn.")
@FORCE
@JSON
def fit_vocoder_command(
    run: UPath,
    out: UPath,
    split: str,
    speaker: str | None,
    limit_seconds: float,
    utterances: int | None,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Fit a vocoder, OUT (.npz), to the recordings of the finished RUN, to listen to units without a download.

    It has one voice, the mean of those that it heard: understood at best, and nobody's own.
    """
    from lstdata.errors import ConfigError
    from lstdata.progress import CountProgress
    from lstdata.vocoder import FITTED
    from lstdata.vocoder.fitting import fit_vocoder
    from lstdata.vocoder.recordings import Choice
    from lstdata.vocoder.resynthesis import Resynthesiser

    if out.suffix != FITTED:
        raise ConfigError(f"OUT must end in {FITTED}, but is `{out}`.")
    refuse_existing(out, str(run), Resynthesiser.read if force else None)
    choice = Choice(split=split, speaker=speaker, seconds=limit_seconds, utterances=utterances, seed=seed)
    with CountProgress("utterances", quiet=as_json) as progress:
        fitted = fit_vocoder(run, out, choice, progress.update)
    say(asdict(fitted), as_json, fitted.line())


@click.command("vocode")
@click.argument("vocoder", type=PLACE)
@click.argument("units", type=PLACE, nargs=-1, required=True)
@click.argument("out", type=click.Path(path_type=Path))
@SPEAKER
@STYLE
@click.option(
    "--predict-durations",
    is_flag=True,
    help="Merge equal units, and let a checkpoint that can say how long each lasts.",
)
@JSON
def vocode_command(
    vocoder: str,
    units: tuple[str, ...],
    out: Path,
    speaker: str | None,
    style: str | None,
    predict_durations: bool,
    as_json: bool,
) -> None:
    """Speak UNITS, a .npy of ids, into OUT, a .wav; several go into the folder OUT.

    VOCODER is a file of `lstdata fit-vocoder`, or a unit HiFi-GAN: a checkpoint, or the folder in which it lies, with a
    config.json beside it.
    """
    from lstdata.terminal import visible
    from lstdata.vocoder import open_vocoder
    from lstdata.vocoder.sound import vocode

    opened = open_vocoder(vocoder, speaker=speaker, style=style, predict_durations=predict_durations)
    said = vocode(opened, units, out)
    lines = [f"{one['wav']}: {one['seconds']:.2f} s of {one['count']} units" for one in said["written"]]
    say(said, as_json, "\n".join(visible(line) for line in [*lines, said["vocoder"]]))
