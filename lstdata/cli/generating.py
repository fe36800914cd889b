"""`generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from upath import UPath

from lstdata.cli.shared import JSON, PLACE, RunFolder, say
from lstdata.cli.vocoding import SPEAKER, STYLE

_FILE = click.Path(exists=True, dir_okay=False)


@click.command("generate")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to", type=click.Choice(["speech", "text", "free"]), default="free", show_default=True, help="What follows."
)
@click.option("--prompt-text", metavar="TEXT", help="A prompt of text.")
@click.option("--prompt-units", type=_FILE, metavar="FILE", help="A prompt of units: a .npy of ids.")
@click.option("--prompt-audio", type=_FILE, metavar="FILE", help="A recording, coded as --data was.")
@click.option("--prompt", "sample", metavar="KEY", help="A sample of --data, by key or id.")
@click.option("--prompt-as", type=click.Choice(["speech", "text"]), default="speech", show_default=True, help="Of KEY.")
@click.option("--prompt-seconds", type=float, help="Only the beginning of the prompt's speech.")
@click.option("--data", type=RunFolder(kept=True), help="A run folder, for --prompt and --prompt-audio.")
@click.option("--tokens", type=int, default=256, show_default=True, help="Most tokens of a sample.")
@click.option("--seconds", type=float, help="Most seconds of speech of a sample.")
@click.option("--spans", type=int, help="Most spans of a sample, the prompt's last one included.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="0 takes the likeliest token.")
@click.option("--top-k", type=int, help="Draw among so many likeliest tokens.")
@click.option("--top-p", type=float, default=1.0, show_default=True, help="Draw among the likeliest of this mass.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of what is drawn.")
@click.option("--samples", type=int, default=1, show_default=True, help="Drawn from the same prompt.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A .npy for the units.")
@click.option("--vocoder", type=PLACE, help="What speaks the units: see `lstdata vocode`.")
@click.option("--wav", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A .wav for their sound.")
@SPEAKER
@STYLE
@JSON
def generate_command(
    run: Path,
    to: Any,
    prompt_text: str | None,
    prompt_units: str | None,
    prompt_audio: str | None,
    sample: str | None,
    prompt_as: Any,
    prompt_seconds: float | None,
    data: UPath | None,
    tokens: int,
    seconds: float | None,
    spans: int | None,
    temperature: float,
    top_k: int | None,
    top_p: float,
    seed: int,
    samples: int,
    out: Path | None,
    vocoder: str | None,
    wav: Path | None,
    speaker: str | None,
    style: str | None,
    as_json: bool,
) -> None:
    """Go on with a prompt by the model of RUN, a folder of `lstdata train`, as text, as speech, or as it likes.

    Without a prompt a document begins. --to speech and --to text ask for one span of that modality: from speech to
    text is recognition, the reverse synthesis, and to the prompt's own modality continuation. Speech comes as units,
    and with --vocoder as sound.
    """
    from lstdata.generation.prompts import PromptOptions
    from lstdata.generation.run import Asked, lines, run_generation
    from lstdata.model.generation import Limits
    from lstdata.model.sampling import Sampling
    from lstdata.terminal import visible

    prompt = PromptOptions(
        text=prompt_text,
        units=prompt_units,
        audio=prompt_audio,
        sample=sample,
        data=data,
        sample_as=prompt_as,
        seconds=prompt_seconds,
    )
    asked = Asked(
        run=run,
        prompt=prompt,
        wanted=to,
        sampling=Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed),
        limits=Limits(tokens=tokens, seconds=seconds, spans=spans),
        samples=samples,
        out=out,
        vocoder=vocoder,
        speaker=speaker,
        style=style,
        wav=wav,
    )
    said = run_generation(asked)
    say(said, as_json, "\n".join(visible(line) for line in lines(said)))
