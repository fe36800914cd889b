"""`merge`, `split`, `subset` and `reshard`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click
from upath import UPath

from lstdata.cli.building import check_run
from lstdata.cli.looking import make_report
from lstdata.cli.shared import (
    ADDRESS,
    JSON,
    PLACE,
    RUNNER,
    TAKE_OVER,
    WORKERS,
    RunFolder,
    say,
    say_problems,
)
from lstdata.errors import ConfigError
from lstdata.terminal import visible

if TYPE_CHECKING:
    from lstdata.build import Asked
    from lstdata.config import BuildConfig
    from lstdata.reshape import Choice
    from lstdata.reshape.carrying import Parent


_SIZES: Final = ("shard_seconds", "shard_bytes", "shard_samples")
"""Options of planning that say how large a shard is."""


@dataclass(frozen=True, kw_only=True)
class How:
    """The options that the four verbs share."""

    new_splits: bool
    order: str | None
    shard_seconds: float | None
    shard_bytes: int | None
    shard_samples: int | None
    runner: str | None
    workers: int | None
    address: str | None
    rebuild: bool
    allow_mixed_compute: bool
    take_over: bool
    dry_run: bool
    check: bool
    report: bool
    as_json: bool

    def config(self, parents: Sequence[Parent], select: Mapping[str, Any]) -> BuildConfig:
        from lstdata.config import RunConfig, from_dict
        from lstdata.reshape.carrying import carried_config

        plan = {name: getattr(self, name) for name in ("order", *_SIZES)}
        run = {name: getattr(self, name) for name in ("runner", "workers", "address")}
        return carried_config(
            parents,
            {name: value for name, value in select.items() if value not in (None, ())},
            {name: value for name, value in plan.items() if value is not None},
            from_dict(RunConfig, {name: value for name, value in run.items() if value is not None}),
            keep_splits=not self.new_splits,
        )

    def asked(self, parents: Sequence[Parent], out: UPath, config: BuildConfig) -> Asked:
        from lstdata.build import Asked

        return Asked(parents[0].root, out, config, self.rebuild, self.allow_mixed_compute, self.take_over)


def _shared(command: Any) -> Any:
    options = [
        click.option("--new-splits", is_flag=True, help="Hold out anew what is for validation, by `plan.validation`."),
        click.option("--order", type=click.Choice(["block", "source", "global"]), help="Of samples.  [default: RUN's]"),
        click.option("--shard-seconds", type=float, help="Audio per shard.  [default: RUN's]"),
        click.option("--shard-bytes", type=int, help="Text per shard, of a run of text.  [default: RUN's]"),
        click.option("--shard-samples", type=int, help="Most samples per shard.  [default: RUN's]"),
        RUNNER,
        WORKERS,
        ADDRESS,
        click.option("--rebuild", is_flag=True, help="Discard what OUT holds and make it anew."),
        click.option("--allow-mixed-compute", is_flag=True, help="Resume on another kind of machine."),
        TAKE_OVER,
        click.option("--dry-run", is_flag=True, help="Say what would be made; write nothing."),
        click.option("--verify/--no-verify", "check", default=True, show_default=True, help="Recheck everything."),
        click.option("--report/--no-report", default=True, show_default=True, help="Write OUT/report.html."),
        JSON,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("merge")
@click.argument("runs", type=PLACE, nargs=-1, required=True, metavar="RUN1 RUN2 ...")
@click.argument("out", type=RunFolder())
@click.option("--prefix-ids", is_flag=True, help="Put the name of its run folder before each id.")
@_shared
def merge_command(runs: tuple[str, ...], out: UPath, prefix_ids: bool, **how: Any) -> None:
    """Make one run folder, OUT, of several finished ones with the same tokenizer, codebook, patches and interleaving.

    Samples and dead letters come as they are; an id that is in two runs is refused. Run it again to resume.
    """
    from lstdata.reshape import chosen
    from lstdata.reshape.carrying import check_alike, read_parent
    from lstdata.reshape.ids import check_ids, prefixes_of

    if len(runs) < 2:
        raise ConfigError("`merge` needs at least two run folders, and OUT after them.")
    parents = [read_parent(run) for run in runs]
    check_alike(parents)
    if not prefix_ids:
        check_ids(parents)
    options = How(**how)
    config = options.config(parents, {"prefixes": prefixes_of(parents) if prefix_ids else ()})
    _make(options, parents, {"": (out, chosen(parents, config))})


@click.command("split")
@click.argument("run", type=RunFolder(kept=True))
@click.argument("out_dir", type=RunFolder())
@click.option(
    "--into",
    multiple=True,
    metavar="NAME=SHARE",
    help="A part: 0.9, 90%, 100h, 50speakers, 50recordings or rest; repeatable.",
)
@click.option("--by", type=click.Choice(["split", "speaker", "language"]), help="One part for each of these instead.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of who goes where.")
@_shared
def split_command(run: UPath, out_dir: UPath, into: tuple[str, ...], by: str | None, seed: int, **how: Any) -> None:
    """Divide the finished run folder RUN into run folders OUT_DIR/NAME; every sample is in exactly one.

    By --into, no speaker is divided where there are 20 or more, else no recording. Run it again to resume.
    """
    from lstdata.reshape import divided
    from lstdata.reshape.carrying import read_parent
    from lstdata.select_options import parts_mistakes, parts_of

    if (by is None) == (not into):
        raise ConfigError("`split` needs either `--into NAME=SHARE`, twice or more, or `--by`.")
    if mistakes := [*parts_mistakes(into)] if into else []:
        raise ConfigError(*mistakes)
    names = [part.name for part in parts_of(into)]
    options, parents = How(**how), [read_parent(str(run))]
    select = {"into": into, "by": by, "seed": seed, "part": names[0] if names else None}
    choices = divided(parents, options.config(parents, select), names)
    _make(options, parents, {name: (out_dir / name, choice) for name, choice in choices.items()})


@click.command("subset")
@click.argument("run", type=RunFolder(kept=True))
@click.argument("out", type=RunFolder())
@click.option("--min-seconds", type=float)
@click.option("--max-seconds", type=float)
@click.option("--min-score", type=float, help="Of the word times, on the scale of whoever found them.")
@click.option("--max-score", type=float)
@click.option("--speaker", "speakers", multiple=True, help="Repeatable.")
@click.option("--language", "languages", multiple=True, help="`en` takes `en-US` too; repeatable.")
@click.option("--split", "splits", multiple=True, help="Repeatable.")
@click.option("--ids", type=PLACE, help="A file with one id per line.")
@click.option("--share", type=float, help="Of the audio of each split, at random.")
@click.option("--hours", type=float, help="The same in hours of all.")
@click.option("--seed", type=int, default=0, show_default=True, help="A smaller share is within a larger of one seed.")
@_shared
def subset_command(run: UPath, out: UPath, **given: Any) -> None:
    """Make the run folder OUT of the samples of the finished run folder RUN that all rules allow.

    A sample of which it is not known what a rule asks for is left out. Run it again to resume.
    """
    from lstdata.reshape import chosen
    from lstdata.reshape.carrying import read_parent
    from lstdata.storage import absolute

    options = How(**{name: given.pop(name) for name in How.__dataclass_fields__})
    if given["ids"] is not None:
        given["ids"] = absolute(given["ids"])
    parents = [read_parent(str(run))]
    config = options.config(parents, given)
    if not config.source.select.leaves_out:
        raise ConfigError("`subset` needs at least one rule, as `--min-seconds 2` or `--share 0.1`.")
    _make(options, parents, {"": (out, chosen(parents, config))})


@click.command("reshard")
@click.argument("run", type=RunFolder(kept=True))
@click.argument("out", type=RunFolder())
@_shared
def reshard_command(run: UPath, out: UPath, **how: Any) -> None:
    """Pack the samples of the finished run folder RUN into shards of another size or order.

    Samples and dead letters come as they are. Run it again to resume.
    """
    from lstdata.reshape import chosen
    from lstdata.reshape.carrying import read_parent

    options = How(**how)
    if all(getattr(options, name) is None for name in ("order", *_SIZES)):
        raise ConfigError("`reshard` needs `--shard-seconds`, `--shard-bytes`, `--shard-samples` or `--order`.")
    parents = [read_parent(str(run))]
    _make(options, parents, {"": (out, chosen(parents, options.config(parents, {})))})


Made = Mapping[str, tuple[UPath, "Choice"]]
"""(run folder, what is to be in it) by the name of the part; the name is empty where there is only one."""


def _make(how: How, parents: Sequence[Parent], wanted: Made) -> None:
    """Make each run folder, or say what would be; all places are checked before the first is written to."""
    from lstdata.reshape import check_place

    for out, choice in wanted.values():
        check_place(how.asked(parents, out, choice.config))
    said = {
        name: _dry(how, parents, *one) if how.dry_run else _one(how, parents, *one, name)
        for name, one in wanted.items()
    }
    if how.as_json:
        say(said.get("", {"parts": said}), True, "")
    say_problems([problem for one in said.values() for problem in one.get("problems", ())], how.as_json)


def _dry(how: How, parents: Sequence[Parent], out: UPath, choice: Choice) -> dict[str, Any]:
    from lstdata.build import planned

    _say_missing(how, choice)
    with planned(how.asked(parents, out, choice.config)) as (plan, _):
        said = _chosen(parents, choice) | plan.summary()
    if not how.as_json:
        for line in choice.describe_rules():
            click.echo(line)
        click.echo(f"would make {out}: {choice.describe(parents)}, {said['shards']} shards; nothing was written")
    return said


def _one(how: How, parents: Sequence[Parent], out: UPath, choice: Choice, name: str) -> dict[str, Any]:
    from lstdata.progress import BuildProgress
    from lstdata.reshape import reshape
    from lstdata.workers import count_workers

    config = choice.config
    _say_missing(how, choice)
    if not how.as_json:
        for line in () if name else choice.describe_rules():
            click.echo(line)
        click.echo(f"{name + ': ' if name else ''}{choice.describe(parents)}")
    progress = BuildProgress(quiet=how.as_json, workers=count_workers(config.run))
    try:
        totals = reshape(how.asked(parents, out, config), choice, progress)
    finally:
        progress.close()
    problems = check_run(out, config.run, how.as_json) if how.check else []
    page = make_report(out, parents[0].root, config) if how.report and not problems else None
    said = (
        _chosen(parents, choice)
        | asdict(totals)
        | {"out": str(out), "report": page and str(page), "problems": problems}
    )
    if not how.as_json:
        say(said, False, f"{totals.describe()}\nrun folder: {out}" + (f" · report: {page}" if page else ""))
    return said


def _say_missing(how: How, choice: Choice) -> None:
    """On stderr; with `--json` the rules say it."""
    for line in () if how.as_json else choice.describe_missing():
        click.echo(f"warning: {visible(line)}", err=True)


def _chosen(parents: Sequence[Parent], choice: Choice) -> dict[str, Any]:
    return {
        "chosen": choice.samples,
        "of": sum(parent.samples for parent in parents),
        "rules": [asdict(left) for left in choice.rules],
    }
