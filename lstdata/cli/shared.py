"""Options, output and exit codes that all verbs share."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem
from upath import UPath

from lstdata.storage import is_local, place, redacted
from lstdata.terminal import visible

if TYPE_CHECKING:
    from lstdata.build.finish import Totals

CONFIG = click.option("--config", "config_path", type=click.Path(dir_okay=False), help="A YAML file of options.")
SET = click.option("--set", "sets", multiple=True, metavar="A.B=VALUE", help="Override one option; repeatable.")

RUNNER = click.option("--runner", type=click.Choice(["local", "ray"]), help="Processes of this machine, or Ray.")
WORKERS = click.option(
    "--workers", type=int, help="Worker processes, one core each; as many as there are cores by default."
)
ADDRESS = click.option("--address", help="Of a running Ray cluster; a local one is started by default.")


KIND = click.option(
    "--kind",
    type=click.Choice(["auto", "lhotse", "kaldi", "hub", "folder", "table", "units", "run", "rows", "text"]),
    help="Of SOURCE: `source.kind`. Documents of text must be asked for.  [default: auto]",
)


class RunFolder(click.ParamType):  # type: ignore[type-arg]
    """A folder of ours, here or on an object store; `kept`: it must be there, as far as that is seen without asking."""

    name = "folder"

    def __init__(self, *, kept: bool = False) -> None:
        self._local = click.Path(exists=kept, file_okay=False)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> UPath:
        folder = place(value)
        if is_local(folder):
            self._local.convert(str(folder), parameter, context)
        return folder

    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return self._local.shell_complete(context, parameter, incomplete)


PLACE = click.Path(readable=False)
"""A file, folder, URL or name on the hub: shells complete the first two, and the verb checks all."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines for people.")

TAKE_OVER = click.option(
    "--take-over", is_flag=True, help="Replace the lease that a dead build left in an OUT on an object store."
)


def settings(section: str = "run", **given: object) -> list[str]:
    """Options of a section that were given, as `--set` has them."""
    return [f"{section}.{name}={json.dumps(value)}" for name, value in given.items() if value is not None]


def build_options(command: Any) -> Any:
    options = [
        click.argument("source", type=PLACE),
        click.argument("out", type=RunFolder()),
        CONFIG,
        SET,
        click.option("--rebuild", is_flag=True, help="Discard what OUT holds and build it anew."),
        click.option(
            "--allow-mixed-compute", is_flag=True, help="Resume on another kind of machine; bytes may differ."
        ),
        JSON,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def fail(message: str, code: int = 1) -> None:
    for line in message.splitlines():
        click.echo(f"error: {visible(line)}", err=True)
    sys.exit(code)


def fail_beyond(totals: Totals, limit: float, out: UPath) -> None:
    """Exit 1 where more of the records failed than may."""
    if totals.reject_rate > limit:
        fail(
            f"{totals.failed} of {totals.wanted} records were rejected ({totals.reject_rate:.1%}), more than "
            f"`max_reject_rate` {limit:.1%}; see {out / 'rejects.parquet'}."
        )


def say(value: dict[str, Any], as_json: bool, line: str) -> None:
    click.echo(redacted(json.dumps(value, ensure_ascii=False, default=str) if as_json else line))


def say_problems(problems: list[str], as_json: bool, out: UPath | None = None) -> None:
    """Exit 1 where there are any, said on stderr unless the JSON object has them; with `out`, how to mend it."""
    if problems and not as_json:
        for problem in problems:
            click.echo(f"error: {visible(problem)}", err=True)
        if out is not None:
            click.echo(
                f"`lstdata verify {out} --repair` forgets what is damaged; then run build-shards again: it makes that "
                "anew, and writes index, shards and rejects.parquet.",
                err=True,
            )
    if problems:
        sys.exit(1)
