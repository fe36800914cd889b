"""`reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstdata.cli.shared import JSON, SET, say

if TYPE_CHECKING:
    from lstdata.reproduce.recipe import Recipe

SIZES = ("tiny", "small", "420m", "1b")


@click.command("reproduce")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--size", type=click.Choice(SIZES), help="A recipe of this project: pipelines/reproduce-SIZE.yaml.")
@click.option("--recipe", "path", type=click.Path(dir_okay=False), help="A recipe of your own, a YAML file.")
@click.option("--arms", metavar="ARM,…", help="Only these models of the recipe's comparison, or others.")
@click.option("--seeds", type=int, help="How many: 0, 1, 2 …")
@click.option("--place", "places", multiple=True, metavar="NAME=PATH", help="Where a corpus of yours is; repeatable.")
@click.option("--jobs", default=1, show_default=True, help="Steps at once, of those that do not need each other.")
@click.option("--processes", default=1, show_default=True, help="Of each training: one for each GPU.")
@click.option("--dry-run", is_flag=True, help="Print the steps as a shell script, and what they will take.")
@click.option("--gpus", type=int, help="With --dry-run: how many train.  [default: 8]")
@click.option("--gpu", help="With --dry-run: their kind, by its short name.  [default: H100]")
@click.option("--mfu", type=float, help="With --dry-run: the share of their peak that is made use of.  [default: 0.4]")
@SET
@JSON
def reproduce_command(
    out: Path,
    size: str | None,
    path: str | None,
    arms: str | None,
    seeds: int | None,
    places: tuple[str, ...],
    jobs: int,
    processes: int,
    dry_run: bool,
    gpus: int | None,
    gpu: str | None,
    mfu: float | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare the paper's models with their baselines: corpus, shards, training runs, evaluation, all in OUT.

    Every step is a command of lstdata. Run it again to go on where it was; without other options, OUT's own recipe
    says how. What a changed recipe contradicts is refused.
    """
    from upath import UPath

    from lstdata.errors import ConfigError
    from lstdata.locking import locked
    from lstdata.reproduce.asking import Asked, choose
    from lstdata.reproduce.driving import How, reproduce
    from lstdata.reproduce.folder import refuse_strangers
    from lstdata.reproduce.writing import write_report

    machine = {"gpus": gpus, "gpu": gpu, "mfu": mfu}
    recipe = choose(out, Asked(size, path, tuple(arms.split(",")) if arms else (), seeds, places, sets))
    if dry_run:
        _dry_run(out, recipe, machine, as_json)
        return
    for name, value in machine.items():
        if value is not None:
            raise click.UsageError(f"--{name} is for --dry-run.")
    how = How(jobs, processes)
    if how.mistakes():
        raise ConfigError(*how.mistakes())
    with locked(UPath(out), refuse_strangers):
        said = reproduce(out, recipe, how, lambda line: click.echo(line, err=as_json))
    written = write_report(out)
    said["files"] = [str(path) for path in written.paths]
    say(said, as_json, "\n".join([f"{said['steps']} steps are done in {out}", *said["files"]]))


def _dry_run(out: Path, recipe: Recipe, machine: dict[str, Any], as_json: bool) -> None:
    """The GPUs that were asked about; without any, what the recipe was measured on."""
    from dataclasses import asdict

    from lstdata.reproduce.cost import estimate, gpus, lines, measured
    from lstdata.reproduce.script import shell_script
    from lstdata.reproduce.steps import list_steps

    given = {name: value for name, value in machine.items() if value is not None}
    chosen = {"gpus": 8, "gpu": "H100", "mfu": 0.4, **given}
    speed = (None if given else measured(recipe)) or gpus(*chosen.values())
    steps, cost = list_steps(recipe), estimate(recipe, speed)
    said = {"size": recipe.size, "steps": [asdict(step) for step in steps], "cost": cost.to_json()}
    say(said, as_json, shell_script(recipe, steps, str(out), list(lines(cost))).rstrip("\n"))
