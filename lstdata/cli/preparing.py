"""`prepare`."""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import Any

import click

from lstdata.cli.shared import say

_OUT = ("output_dir", "manifest_dir")
"""How recipes call the folder that they write to."""


class Recipes(click.Group):
    """lhotse's recipes as verbs. They are imported only when one is named or all are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from lstdata.prepare import recipes

        return list(recipes())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        from lstdata.prepare import recipe

        return _with_summary(name, recipe(name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: `--list` has them."""


def _with_summary(corpus: str, recipe: click.Command) -> click.Command:
    """The recipe with its own arguments and help, that says at the end what it wrote."""

    def run(as_json: bool, **values: Any) -> None:
        from lstdata.prepare import absolute_paths, carry_out

        values = absolute_paths(recipe, values)
        out = next(values[name] for name in _OUT if name in values)
        assert recipe.callback is not None
        callback = recipe.callback
        done = carry_out(corpus, lambda: callback(**values), out, lambda line: click.echo(f"lhotse: {line}", err=True))
        say(asdict(done) | {"next": done.next}, as_json, f"{done.describe()}\nnext: {done.next}")

    command = copy.copy(recipe)
    command.callback = run
    command.params = [*recipe.params, click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object.")]
    return command


def _list(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from lstdata.prepare import recipes

        for name, command in recipes().items():
            click.echo(f"{name:<22} {command.get_short_help_str(80)}".rstrip())
        ctx.exit()


@click.command("prepare", cls=Recipes, subcommand_metavar="CORPUS [ARGUMENTS]...", no_args_is_help=True)
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Name every CORPUS.")
def prepare() -> None:
    """Write lhotse manifests for a published corpus that lies on disk, by lhotse's own recipe for it.

    \b
    lstdata prepare --list                         the corpora, about a hundred
    lstdata prepare librispeech --help             the arguments and options of one
    lstdata prepare librispeech CORPUS_DIR OUT_DIR -p dev-clean
    lstdata build-shards OUT_DIR RUN

    CORPUS_DIR is the corpus as its archives unpack; a few recipes fetch transcripts themselves. Parts that OUT_DIR
    already holds are left.
    """
