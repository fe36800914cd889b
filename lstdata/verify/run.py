"""A run folder's own statements: `run.json`, the vocab card, and the frozen files that the card names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from upath import UPath

from lstdata.config import InterleaveConfig, PatchingConfig, from_dict
from lstdata.errors import ConfigError, CorruptShard, IncompleteBuild, Unavailable
from lstdata.records import Codec
from lstdata.run_folder import FORMAT, SEALED, kept_audio, seal
from lstdata.storage import exists, read_json, sha256_file, sizes_in
from lstdata.tokenizer import TextTokenizer
from lstdata.units.codebook import load_codebook
from lstdata.verify.guard import fault_of_the_machine, guarded, told
from lstdata.vocab import VocabCard, stated_units

CODEBOOK: Final = ("codebook.npz", "codebook.json")
"""Files; a run whose units were prepared has the second one alone."""


@dataclass
class Run:
    """What `run.json` says a folder is."""

    out: UPath
    source_fingerprint: str
    stages: dict[str, str]
    """Fingerprint of each stage."""
    patching: PatchingConfig
    interleave: InterleaveConfig
    compute_class: str
    mixed_compute: bool
    totals: dict[str, Any]
    audio: Codec | None
    """What its shards hold their audio as."""
    card: VocabCard | None = None
    """None where there is none, or none that can be read."""

    @cached_property
    def tokenizer(self) -> TextTokenizer | None:
        """The one that the card describes; None where it is not there, which is said of the file."""
        try:
            tokenizer = TextTokenizer.read(str(self.out / "tokenizer.json"))
        except ConfigError:
            return None
        return tokenizer if self.card is None or tokenizer.sha256 == self.card.tokenizer_sha256 else None


def open_run(out: UPath, problems: list[str]) -> Run:
    """The finished run in `out`; what its own check sums say goes to `problems`."""
    path = out / "run.json"
    if not exists(path):
        raise ConfigError(f"`{out}` is no run folder: it has no run.json.")
    try:
        stated = read_json(path)
        if stated["format"] != FORMAT:
            raise CorruptShard(f"its format is {stated['format']!r}, but this version reads {FORMAT}.")
        run = None if stated["totals"] is None else _run(out, stated)
    except Unavailable:
        raise
    except Exception as error:
        if fault_of_the_machine(error) is not None:
            raise Unavailable(f"`{path}` cannot be read here: {error}.") from error
        raise CorruptShard(f"`{path}` is damaged: {told(error)}") from error
    if run is None:
        raise IncompleteBuild(f"`{out}` is not finished: run the command that makes it again.")
    with guarded("`run.json`", problems):
        _check_sums(out, stated, problems)
    return run


def check_frozen(run: Run, problems: list[str]) -> None:
    """The tokenizer and the codebook, or what stands for it, against each field of the vocab card."""
    card, out = run.card, run.out
    if card is None:
        return
    prepared: str | None = None
    with guarded("`tokenizer.json`", problems):
        tokenizer = TextTokenizer.read(str(out / "tokenizer.json"))
        its = (tokenizer.sha256, tokenizer.size, tokenizer.bos, tokenizer.eos)
        if its != (card.tokenizer_sha256, card.text_size, card.tokenizer_bos, card.tokenizer_eos):
            problems.append("`tokenizer.json` is not the one that `vocab.json` describes.")
    with guarded("`codebook.json`", problems):
        stated = read_json(out / "codebook.json") if exists(out / "codebook.json") else {}
        prepared = stated.get("prepared")
        if stated and (stated["sha256"], stated["clusters"]) != (card.codebook_sha256, card.units):
            problems.append("`codebook.json` does not describe the codebook that `vocab.json` describes.")
        if prepared is not None and stated != stated_units(prepared, card.units):
            problems.append("`codebook.json` states another sha256 than that of its statement.")
    with guarded("`codebook.npz`", problems):
        path = out / "codebook.npz"
        if card.is_text:
            problems += (f"`{name}` has no place in a run of text." for name in CODEBOOK if exists(out / name))
        elif prepared is None:
            described = sha256_file(path), load_codebook(path).clusters
            if described != (card.codebook_sha256, card.units):
                problems.append("`codebook.npz` is not the one that `vocab.json` describes.")
    with guarded("`vocab.json`", problems):
        VocabCard(**(card.to_json() | {"sample_rate": VocabCard.sample_rate})).check_same(card)


def _run(out: UPath, stated: dict[str, Any]) -> Run:
    stages = dict(stated["fingerprints"])
    return Run(
        out=out,
        source_fingerprint=stages.pop("source"),
        stages=stages,
        patching=from_dict(PatchingConfig, stated["config"]["patching"]),
        interleave=from_dict(InterleaveConfig, stated["config"]["interleave"]),
        compute_class=stated["compute_class"],
        mixed_compute=stated.get("mixed_compute") is True,
        totals=dict(stated["totals"]),
        audio=kept_audio(stated),
    )


def _check_sums(out: UPath, stated: dict[str, Any], problems: list[str]) -> None:
    if stated.get("seal") != seal(stated):
        problems.append("`run.json` is not the one that was committed (its seal differs).")
    sums = dict(stated.get("sha256", {}))
    there = sizes_in(out)
    known = {name for name in SEALED if name in there}
    for name in sorted(sums.keys() | known):
        with guarded(f"`{name}`", problems):
            if name not in there:
                problems.append(f"`{name}` is missing.")
            elif sha256_file(out / name) != sums.get(name):
                problems.append(f"`{name}` is not the one that was committed (sha256 differs).")
