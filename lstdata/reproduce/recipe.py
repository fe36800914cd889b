"""What a reproduction is made of: the corpus, its shards, the models that are compared, how they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lstdata.config import BuildConfig, PatchingConfig
from lstdata.evaluate.items import MODES
from lstdata.interleave import STRATEGIES
from lstdata.reproduce.arms import ARMS, unknown
from lstdata.reproduce.corpus import NAME, CorpusConfig
from lstdata.reproduce.options import SEEDS
from lstdata.train.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """An evaluation set, as `lstdata build-eval` makes it."""

    name: str = ""
    items: str = ""
    """A file, or a folder of a benchmark as it is published; with `$NAME` of places."""
    layout: str = "auto"
    audio: str | None = None
    texts: bool = True
    """Whether its recordings have texts: arms that need word times are not asked otherwise."""

    def mistakes(self) -> Iterator[str]:
        if not NAME.fullmatch(self.name):
            yield f"`name` must be of small letters, digits and -, but is {self.name!r}."
        if not self.items:
            yield "`items` must name a file or a folder, but is empty."


@dataclass(frozen=True, kw_only=True)
class DataControlledConfig:
    """A second budget: as many raw tokens as an arm of patches read under equal compute."""

    arms: tuple[str, ...] = ("base",)
    """Those that are trained on."""
    like: str = "static-4"
    """Whose raw tokens they are to read; with the same seed."""

    def mistakes(self) -> Iterator[str]:
        yield from unknown("arms", self.arms)
        yield from unknown("like", [self.like])
        if self.arms and self.like in ARMS and ARMS[self.like].plain:
            yield f"`like` must be an arm of patches, but is {self.like}."
        for name in self.arms:
            if name in ARMS and not ARMS[name].plain:
                yield f"`arms` must be baselines: under equal compute, {name} has read those tokens."
            if name in ARMS and ARMS[name].pieces:
                yield f"`arms` must count raw tokens, but those of {name} are pieces of several units."


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """How every model is asked."""

    modes: str = "s-s,t-t,s-t,t-s"
    """Of prompt and endings."""
    interleave: str = "speech,text,lst"
    """How the held-out speech is read for its perplexity; empty: it is not."""
    limit: int | None = None
    """Items of each set; None: all."""

    def mistakes(self) -> Iterator[str]:
        ways = self.interleave.split(",") if self.interleave else []
        for option, names, known in (("modes", self.modes.split(","), MODES), ("interleave", ways, STRATEGIES)):
            for name in names:
                if name not in known:
                    yield f"`{option}` must be of {', '.join(known)}, but names {name!r}."
            if len(set(names)) < len(names):
                yield f"`{option}` must name each once, but is {','.join(names)}."
        if self.limit is not None and self.limit < 1:
            yield f"`limit` must be ≥ 1, but is {self.limit}."


@dataclass(frozen=True, kw_only=True)
class TuneConfig:
    """Fine-tuning for recognition or synthesis, and how that is evaluated."""

    arms: tuple[str, ...] = ()
    seeds: int = 1
    """Of the trained models: the first so many."""
    steps: int = 1000
    every: int = 0
    """Steps between two evaluations; 0: one at the end."""
    warmup: int = 100
    lr: float | None = None
    """None: the preset's."""
    data: str = "$OUT/speech"
    """The run folder that it learns from, and of which it is asked."""
    splits: tuple[str, ...] = ("validation",)
    """That are asked about."""
    utterances: int | None = None
    """Of each split; None: all."""

    def mistakes(self) -> Iterator[str]:
        yield from unknown("arms", self.arms)
        for name in self.arms:
            if name in ARMS and ARMS[name].given_boundaries:
                yield f"`arms` must not need word times of what is being written, but {name} does."
        for option, least in (("steps", 1), ("every", 0), ("seeds", 1)):
            if getattr(self, option) < least:
                yield f"`{option}` must be ≥ {least}, but is {getattr(self, option)}."
        if self.utterances is not None and self.utterances < 1:
            yield f"`utterances` must be ≥ 1, but is {self.utterances}."


@dataclass(frozen=True, kw_only=True)
class SynthesisConfig(TuneConfig):
    """Fine-tuning for synthesis; what is spoken is read back, and some of it kept to be listened to."""

    keep: int = 5
    """Utterances of a split."""
    recogniser: str | None = None
    """The arm that reads it back, of seed 0 and fine-tuned for recognition; None: nobody does."""
    vocoder: str | None = None
    """That makes sound of what is kept; `$OUT/vocoder.npz` is fitted on the speech. None: units alone are kept."""

    def mistakes(self) -> Iterator[str]:
        yield from super().mistakes()
        if self.keep < 0:
            yield f"`keep` must be ≥ 0, but is {self.keep}."


@dataclass(frozen=True, kw_only=True)
class MachineConfig:
    """How fast a recipe was seen to run on a machine."""

    name: str = ""
    training_gigaflops: float = 20.0
    """The model's, per second of training."""
    step_seconds: float = 20.0
    """What any step takes to start and to end."""
    speech_hours_per_hour: float = 100.0
    """Of the corpus, synthesised or built."""
    items_per_second: float = 20.0
    """Items of one set, in one mode."""
    utterances_per_second: float = 1.0
    """Recognised, or synthesised."""

    def mistakes(self) -> Iterator[str]:
        for name, value in vars(self).items():
            if name != "name" and value <= 0:
                yield f"`{name}` must be > 0, but is {value}."


@dataclass(frozen=True, kw_only=True)
class CostConfig:
    """What the estimate rests on; nothing else depends on it."""

    machines: tuple[MachineConfig, ...] = ()
    """The first is that by which the time left is told, until the steps that are done tell it."""
    document_tokens: float = 500.0
    """Mean length of a document, of speech or text."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All of `lstdata reproduce`."""

    about: str = ""
    search: tuple[str, ...] = ()
    """What was tuned, with how many attempts for each arm: for whoever reads the results."""
    changed: tuple[str, ...] = ()
    """What the command line made otherwise than it is written; the command fills it in."""
    size: str = "tiny"
    corpus: CorpusConfig = field(default_factory=CorpusConfig)
    build: BuildConfig = field(default_factory=BuildConfig)
    """Of the speech of `corpus.demo`."""
    train: TrainConfig = field(default_factory=TrainConfig)
    """What all arms share; an arm adds `patching`, a seed what `options.SEEDS` names, and the steps their `data`."""
    text_share: float = 2.0
    """Raw tokens of text for each of interleaved speech."""
    pieces: int = 1000
    """Of `unit-bpe`."""
    arms: tuple[str, ...] = ("base", "static-4", "curriculum")
    seeds: int = 1
    """How many: 0, 1, 2 …"""
    data_controlled: DataControlledConfig = field(default_factory=DataControlledConfig)
    sets: tuple[SetConfig, ...] = ()
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    asr: TuneConfig = field(default_factory=TuneConfig)
    tts: SynthesisConfig = field(default_factory=SynthesisConfig)
    cost: CostConfig = field(default_factory=CostConfig)

    def mistakes(self) -> Iterator[str]:
        yield from unknown("arms", self.arms)
        if not self.arms:
            yield "`arms` must name at least one."
        if self.seeds < 1:
            yield f"`seeds` must be ≥ 1, but is {self.seeds}."
        if self.text_share <= 0:
            yield f"`text_share` must be > 0, but is {self.text_share:g}."
        yield from self._train_mistakes()
        absent = self.data_controlled.arms and self.data_controlled.like not in self.arms
        if absent and any(name in self.arms for name in self.data_controlled.arms):
            yield f"`data_controlled.like` must be one of `arms`, but is {self.data_controlled.like}."
        if not any(one.texts for one in self.sets) and not self.evaluate.interleave:
            yield "`sets` must hold one with texts where `evaluate.interleave` is empty: nothing would be asked."
        names = [found.name for found in self.sets]
        if len(set(names)) < len(names):
            yield f"`sets` must have names of their own, but they are {', '.join(names)}."
        if self.tts.arms and self.tts.recogniser is not None and self.tts.recogniser not in self.asr.arms:
            yield f"`tts.recogniser` must be one of `asr.arms`, but is {self.tts.recogniser}."

    def _train_mistakes(self) -> Iterator[str]:
        if self.train.data:
            yield "`train.data` must not be given: all arms train on the shards that the recipe makes."
        for option in ("tokens", "stop_at", "init_from"):
            if getattr(self.train, option) is not None:
                yield f"`train.{option}` must not be given: the budgets of the arms decide it."
        train = self.train
        if any((train.seed, train.rows.seed, train.interleave.seed)):
            yield f"`train` must give none of {', '.join(SEEDS)}: each of the `seeds` has its own."
        usual = PatchingConfig()
        for option in ("strategy", "patch_size", "unit_bpe"):
            if getattr(self.train.patching, option) != getattr(usual, option):
                yield f"`train.patching.{option}` must not be given: the arms decide it."
