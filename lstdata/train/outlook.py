"""What a training run will take, before it is started: sizes, work, memory, time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from lstdata.errors import ConfigError
from lstdata.loader.corpus import Corpus
from lstdata.model.batch import collate
from lstdata.model.config import ModelConfig
from lstdata.model.flops import WORK, Work, training_flops, work
from lstdata.model.parameters import parameters_by_part
from lstdata.packing import RowBudget, join, pieces
from lstdata.train.config import TrainConfig, model_of, parallelism, required, resolve, row_budget
from lstdata.train.data import TrainingData, open_data
from lstdata.train.memory import Memory, memory
from lstdata.train.peaks import BFLOAT16_PEAKS
from lstdata.train.warm_start import open_warm_start

DOCUMENTS: Final = 256
TOKENS: Final = 500_000
"""As many documents of each source, or tokens, are drawn to see how many positions and pairs a token brings."""

DAY: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What training is to run on; `mfu` is an assumption: the share of the peak that the model's FLOPs make up."""

    gpus: int = 1
    gpu: str = "H100"
    mfu: float = 0.4

    def mistakes(self, rows: int) -> Iterator[str]:
        """`rows`: of a step."""
        if self.gpus < 1 or rows % self.gpus:
            yield f"`--gpus` must be a divisor of `rows.per_step` ({rows}), but is {self.gpus}."
        if self.gpu not in BFLOAT16_PEAKS:
            yield f"`--gpu` must be one of {', '.join(BFLOAT16_PEAKS)}, but is {self.gpu!r}."
        if not 0 < self.mfu <= 1:
            yield f"`--mfu` must be above 0 and at most 1, but is {self.mfu:g}."

    def days(self, flops: float) -> float:
        return flops / (self.gpus * BFLOAT16_PEAKS[self.gpu] * self.mfu) / DAY


@dataclass(frozen=True, kw_only=True)
class Load:
    """A model at the raw tokens of one step."""

    architecture: str
    parameters: dict[str, int]
    positions: float
    flops: float
    """Forward and backward."""
    days: float
    """Of the whole schedule."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One source."""

    name: str
    documents: int
    tokens: float
    share: float
    """Of all raw tokens."""
    row_share: float
    epochs: float
    """In the whole schedule."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Expected means."""

    preset: str
    steps: int
    rows: int
    """Of a step."""
    tokens: float
    """Raw ones of a step."""
    model: Load
    baseline: Load | None
    """The plain transformer at equal raw tokens; None where the model is that."""
    saved_positions: float
    sources: tuple[Epoch, ...]
    memory: Memory
    batch_rows: int
    """Of one pass of one process, of which `memory` is."""
    shards: int
    machine: Machine

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "memory": self.memory.to_json()}


def dry_run(config: TrainConfig, machine: Machine) -> Outlook:
    """What the data and the config come to on this machine, of which nothing is used and where nothing is written.

    ConfigError with all mistakes at once, as training itself would raise it.
    """
    config = resolve(config)
    mistakes = list(machine.mistakes(required(config.rows.per_step)))
    try:
        data = open_data(config)
        model = model_of(config, data.vocab.size)
        if config.init_from is not None:
            open_warm_start(config.init_from, model, data.vocab)
    except ConfigError as error:
        mistakes += error.mistakes
    if mistakes:
        raise ConfigError(*mistakes)
    return foresee(config, data, model, machine)


def foresee(config: TrainConfig, data: TrainingData, model: ModelConfig, machine: Machine) -> Outlook:
    """Of a resolved config; some documents of each source are drawn."""
    rows = required(config.rows.per_step)
    plain = replace(model, architecture="plain")
    row_shares = data.rows.schedule.row_shares
    tokens = [rows * share * source.expected.row for source, share in zip(data.sources, row_shares, strict=True)]
    samples = [_sample(source.train, row_budget(config)) for source in data.sources]
    step, plain_step = (
        _total([_work(sizes, sample, of_step) for sample, of_step in zip(samples, tokens, strict=True)])
        for sizes in (model, plain)
    )

    def load(sizes: ModelConfig, work: Work) -> Load:
        flops = training_flops(sizes, work)
        return Load(
            architecture=sizes.architecture,
            parameters=parameters_by_part(sizes),
            positions=work.positions,
            flops=flops,
            days=machine.days(flops * data.steps),
        )

    batch_rows = min(config.rows.per_batch or rows, rows // machine.gpus)
    shards = machine.gpus if parallelism(config, model) == "fsdp" else 1
    return Outlook(
        preset=config.preset,
        steps=data.steps,
        rows=rows,
        tokens=sum(tokens),
        model=load(model, step),
        baseline=None if model.architecture == "plain" else load(plain, plain_step),
        saved_positions=1 - step.positions / step.tokens,
        sources=tuple(_epochs(data, tokens)),
        memory=memory(model, _scaled(step, batch_rows / rows), shards),
        batch_rows=batch_rows,
        shards=shards,
        machine=machine,
    )


def _epochs(data: TrainingData, tokens: list[float]) -> Iterator[Epoch]:
    """Of each source, from its tokens of a step."""
    for source, row_share, of_step in zip(data.sources, data.rows.schedule.row_shares, tokens, strict=True):
        of_epoch = len(source.train) * source.expected.document
        yield Epoch(
            name=source.name,
            documents=len(source.train),
            tokens=of_epoch,
            share=source.share,
            row_share=row_share,
            epochs=of_step * data.steps / of_epoch,
        )


def _sample(corpus: Corpus, budget: RowBudget) -> list[Any]:
    """Documents, evenly spread over the samples and over the training, as rows hold them."""
    count = min(DOCUMENTS, len(corpus))
    drawn: list[Any] = []
    tokens = 0
    for number in range(count):
        document = corpus.document(number * len(corpus) // count, 0, (number + 0.5) / count)
        drawn += pieces(document, budget, corpus.vocab)
        tokens += len(document.tokens)
        if tokens >= TOKENS:
            break
    return drawn


def _work(model: ModelConfig, documents: list[Any], tokens: float) -> Work:
    """Of so many tokens of documents like these."""
    found = {name: float(value) for name, value in work(model, collate([join(documents)])).items()}
    return _scaled(Work(**found), tokens / found["tokens"])


def _scaled(work: Work, factor: float) -> Work:
    return Work(**{name: getattr(work, name) * factor for name in WORK})


def _total(works: list[Work]) -> Work:
    return Work(**{name: sum(getattr(work, name) for work in works) for name in WORK})


def lines(outlook: Outlook) -> Iterator[str]:
    """For people."""
    model, machine, memory = outlook.model, outlook.machine, outlook.memory
    yield f"{outlook.preset}, {model.architecture}: {_size(model)}"
    if outlook.baseline is not None:
        yield f"its baseline: {_size(outlook.baseline)}"
    for source in outlook.sources:
        share = f", {source.share:.1%} of the tokens by {source.row_share:.1%} of the rows"
        yield (
            f"epoch of {source.name}: {source.documents:,} documents, {short(source.tokens)} tokens; the schedule has "
            f"{source.epochs:,.1f} of it" + (share if len(outlook.sources) > 1 else "")
        )
    yield (
        f"step: {outlook.rows} rows, {short(outlook.tokens)} raw tokens in {short(model.positions)} positions "
        f"({outlook.saved_positions:.1%} saved), {short(model.flops, 'FLOP')}"
    )
    if outlook.baseline is not None:
        ratio = outlook.baseline.flops / model.flops
        flops = short(outlook.baseline.flops, "FLOP")
        yield f"its baseline at equal tokens: {flops} a step, {ratio:.2f} times as many"
    total = outlook.steps * outlook.tokens
    yield f"schedule: {outlook.steps:,} steps, {short(total)} tokens, {short(outlook.steps * model.flops, 'FLOP')}"
    shared = f", the model in {outlook.shards} shares" if outlook.shards > 1 else ""
    yield (
        f"memory of a GPU at {outlook.batch_rows} rows a pass{shared}: {_gib(memory.total)}, or "
        f"{_gib(memory.total_recomputed)} with `recompute`"
    )
    yield (
        f"  weights, gradients, moments {_gib(memory.states)} · copies in bfloat16 {_gib(memory.copies)} · activations "
        f"{_gib(memory.activations)} (recomputed: {_gib(memory.recomputed)}) · loss {_gib(memory.loss)} "
        f"(logits of all tokens: {_gib(memory.logits)})"
    )
    on = f"{machine.gpus} × {machine.gpu} at {machine.mfu:.0%} of {BFLOAT16_PEAKS[machine.gpu] / 1e12:,.0f} TFLOP/s"
    other = "" if outlook.baseline is None else f"; its baseline at equal tokens: {_days(outlook.baseline.days)}"
    yield f"time on {on}: {_days(model.days)}{other}"


def _size(load: Load) -> str:
    parts = " · ".join(f"{name} {short(count)}" for name, count in load.parameters.items())
    return f"{sum(load.parameters.values()):,} parameters ({parts})"


def short(count: float, unit: str = "") -> str:
    """Three digits, with a letter for the power of a thousand."""
    for power, letter in ((21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if count >= 0.9995 * 10**power:  # else it would be 1e+03
            return f"{count / 10**power:.3g} {letter}{unit}"
    return f"{count:.3g} {unit}".strip()


def _gib(size: float) -> str:
    return f"{size / 2**30:.3g} GiB"


def _days(days: float) -> str:
    return f"{days:.3g} days" if days >= 0.1 else f"{days * 24 * 60:.3g} minutes"
