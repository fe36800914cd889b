"""A recipe's steps as a shell script, to be read, and to be run by hand or on a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from lstdata.reproduce.pipelines import PLACE, recipes_folder
from lstdata.reproduce.recipe import Recipe
from lstdata.reproduce.step import Step

_PLACE: Final = re.compile(r"\$[A-Z][A-Z0-9_]*")
_PLAIN: Final = re.compile(r"[\w@%+:,./=$-]+")

_LAUNCHERS: Final = """\
# What comes before the verbs: for builds on a cluster `ray job submit --address … -- lstdata`; for trainings on several
# nodes `torchrun … -m lstdata` or `srun torchrun … -m lstdata`; on one node the number of its GPUs is PROCESSES.
LSTDATA=${LSTDATA:-lstdata}
TRAIN=${TRAIN:-$LSTDATA}
PROCESSES=${PROCESSES:-1}"""


def shell_script(recipe: Recipe, steps: Sequence[Step], out: str, estimate: Sequence[str]) -> str:
    return "\n".join(_lines(recipe, steps, out, estimate)) + "\n"


def _lines(recipe: Recipe, steps: Sequence[Step], out: str, estimate: Sequence[str]) -> Iterator[str]:
    yield "#!/usr/bin/env bash"
    yield f"# `lstdata reproduce` of the size {recipe.size}: {len(steps)} steps; each goes on when it is run again."
    yield "#"
    yield from (f"# {line}".rstrip() for line in estimate)
    yield "set -euo pipefail"
    yield _LAUNCHERS
    yield f"export OUT={shlex.quote(out)}"
    if any(f"${PLACE}" in word for step in steps for word in step.argv):
        yield f"export {PLACE}=${{{PLACE}:-{shlex.quote(str(recipes_folder()))}}}"
    for place in recipe.corpus.places:
        what = place.what.replace("'", "’")
        yield f"export {place.name}={_given(place.name, place.path, what)}"
    for number, step in enumerate(steps, 1):
        after = f"; after {', '.join(step.needs)}" if step.needs else ""
        yield ""
        yield f"# {number}/{len(steps)} {step.name}: {step.title}{after}"
        before = "$TRAIN" if step.argv[0] == "train" else "$LSTDATA"
        yield " ".join([before, *map(quoted, step.argv)])
    yield ""
    yield "# What came of it, at any time"
    yield '$LSTDATA reproduce-report "$OUT"'


def _given(name: str, path: str | None, what: str) -> str:
    return shlex.quote(path) if path is not None else f'"${{{name}:?{what}}}"'


def quoted(word: str) -> str:
    """A word of a command line, in which `$OUT` and places are replaced by the shell."""
    if _PLACE.search(word):
        escaped = re.sub(r'(["\\`])', r"\\\1", word)
        return f'"{escaped}"'
    return word if _PLAIN.fullmatch(word) and "$" not in word else shlex.quote(word)
