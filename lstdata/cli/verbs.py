"""All verbs, and what their errors exit with."""

from __future__ import annotations

import sys
from itertools import chain
from typing import Final

import click

from lstdata import __version__
from lstdata.cli import (
    building,
    converting,
    demonstrating,
    describing,
    evaluating,
    exporting,
    fitting,
    generating,
    inspecting,
    looking,
    planning,
    preparing,
    reproducing,
    reshaping,
    retrying,
    segmenting,
    tabulating,
    training,
    transcribing,
    verifying,
    vocoding,
)
from lstdata.cli.shared import fail
from lstdata.errors import LstDataError

SECTIONS: Final[dict[str, tuple[click.Command, ...]]] = {
    "Speech and text in": (
        demonstrating.demo_corpus,
        preparing.prepare,
        segmenting.segment_command,
        transcribing.transcribe_command,
    ),
    "Build": (
        building.build_shards_command,
        planning.plan,
        looking.status_command,
        retrying.retry_command,
        fitting.fit_units,
        fitting.fit_units_bpe,
        fitting.fit_tokenizer,
        converting.convert_codebook_command,
    ),
    "Look and check": (looking.report_command, inspecting.inspect_command, verifying.verify_command),
    "Reshape and hand on": (
        reshaping.merge_command,
        reshaping.split_command,
        reshaping.subset_command,
        reshaping.reshard_command,
        exporting.export_command,
        describing.card_command,
    ),
    "Train": (
        training.train_command,
        generating.generate_command,
        vocoding.fit_vocoder_command,
        vocoding.vocode_command,
    ),
    "Evaluate": (evaluating.build_eval_command, evaluating.evaluate_command, evaluating.compare_command),
    "Reproduce": (reproducing.reproduce_command, tabulating.reproduce_report_command),
}


class _Verbs(click.Group):
    """Lists the verbs in the order of the work, each with its first sentence whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(verb.name), _sentence(verb)) for verb in verbs])


def _sentence(verb: click.Command) -> str:
    return " ".join((verb.help or "").split("\n\n")[0].split())


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lstdata")
def cli() -> None:
    """Speech and transcripts to training data for the Latent Speech-Text Transformer, and its trainer.

    \b
    lstdata build-shards SOURCE OUT      all in one: plan, units, word times, shards, check, report
    lstdata train --data OUT --out RUN   train on what was built
    """


for verb in chain.from_iterable(SECTIONS.values()):
    cli.add_command(verb)


def run() -> None:
    """Run the verb that the command line names. Raises KeyboardInterrupt on Ctrl-C, else SystemExit at most."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LstDataError as error:
        fail(str(error), error.exit_code)
    except OSError as error:
        fail(str(error))
