"""A build's pretrained models in actors on Ray, and how shard tasks ask them: waveforms go from task to actor."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from lstdata.align import chosen_aligner
from lstdata.align.ctc.remote import RemoteCtcModel
from lstdata.build.spec import BuildSpec
from lstdata.build.whereabouts import LOADING_SECONDS, Whereabouts
from lstdata.compute import compute_class
from lstdata.errors import ConfigError
from lstdata.records import Waveform
from lstdata.storage import exists
from lstdata.units import UnitExtractor
from lstdata.units.codebook import load_codebook
from lstdata.units.features import make_extractor
from lstdata.units.remote import Answer, RemoteUnits, answer
from lstdata.workers import deadline
from lstdata.workers.deadline import Deadline, Overdue, TookTooLong
from lstdata.workers.queue import WorkerDied
from lstdata.workers.worker import pin_threads

if TYPE_CHECKING:
    from lstdata.align.ctc.model import CtcModel
    from lstdata.checkpoints.convolutions import ConvStack
    from lstdata.checkpoints.ctc_alphabet import Alphabet


T = TypeVar("T")


class SpeechModels:
    """What runs in the actor: the unit encoder, and the model that aligns, those of them that the build uses."""

    def __init__(self, spec: BuildSpec) -> None:
        deadline.claim()
        pin_threads()
        self._spec = spec
        self._deadline = Deadline(spec.config.run.record_timeout)

    def ready(self) -> str:
        """Load all; the id of the node that it is on."""
        import ray

        if encodes(self._spec):
            _ = self._extractor
        if aligns(self._spec):
            _ = self._ctc
        return str(ray.get_runtime_context().get_node_id())

    def units(self, chunk: Sequence[Waveform]) -> Answer:
        """Of recordings; each has the time of a record."""
        return self._timed(len(chunk), lambda: answer(self._extractor, chunk))

    def letters(self) -> tuple[Alphabet, ConvStack]:
        return self._ctc.alphabet, self._ctc.convolutions

    def emissions(self, samples: Waveform, ids: tuple[int, ...]) -> Waveform:
        return self._timed(1, lambda: self._ctc.emissions(samples, ids))

    def _timed(self, records: int, work: Callable[[], T]) -> T:
        seconds = self._deadline.seconds
        try:
            try:
                self._deadline.begin((records - 1) * seconds + LOADING_SECONDS)
                return work()
            finally:
                self._deadline.end()
        except Overdue:
            self._deadline.end()
            self.__dict__.pop("_extractor", None)
            self.__dict__.pop("_ctc", None)
            raise TookTooLong(f"it was not done within {seconds:g} s (`run.record_timeout`).") from None

    def _check_class(self) -> None:
        """Whenever a model is loaded: an actor may have been started again on another node."""
        here = compute_class(self._spec.device, True)
        if here != self._spec.worker_class:
            raise ConfigError(
                f"A model actor's compute class is {here}, but the build's is {self._spec.worker_class}: bytes could "
                "differ."
            )

    @cached_property
    def _extractor(self) -> UnitExtractor:
        self._check_class()
        assert self._spec.features is not None
        return make_extractor(self._spec.features, load_codebook(self._spec.out / "codebook.npz"))

    @cached_property
    def _ctc(self) -> CtcModel:
        from lstdata.align.ctc.model import load_ctc
        from lstdata.checkpoints.bundles import find_again

        self._check_class()
        wanted = self._spec.word_source.checkpoint
        assert wanted is not None
        here = find_again(wanted, self._spec.config.words.model or "", option="words.model")
        return load_ctc(here, self._spec.device)


def encodes(spec: BuildSpec) -> bool:
    """Whether the build's units are an encoder's, and there is a codebook to make them by."""
    return spec.features is not None and spec.features.checkpoint is not None and exists(spec.out / "codebook.npz")


def aligns(spec: BuildSpec) -> bool:
    return chosen_aligner(spec.config.words) == "ctc"


@dataclass(frozen=True)
class ModelActors:
    """Handles of all actors, in the hands of a shard task. Picklable."""

    actors: tuple[Any, ...]

    def extractor(self, hop: int, place: Whereabouts) -> UnitExtractor:
        return RemoteUnits(_Asking(self.actors, place), hop)

    def ctc(self, place: Whereabouts) -> RemoteCtcModel:
        asking = _Asking(self.actors, place)
        alphabet, convolutions = asking.got(asking.next.letters.remote())
        return RemoteCtcModel(
            alphabet, convolutions, lambda samples, ids: asking.got(asking.next.emissions.remote(samples, ids))
        )


@dataclass
class _Asking:
    """One actor after the other, beginning with any. Waiting for them is not the record's time: they keep their own."""

    actors: tuple[Any, ...]
    place: Whereabouts
    _turn: int = field(default=0)

    def __post_init__(self) -> None:
        self._turn = secrets.randbelow(len(self.actors))

    @property
    def next(self) -> Any:
        self._turn = (self._turn + 1) % len(self.actors)
        return self.actors[self._turn]

    def send(self, chunk: Sequence[Waveform]) -> Any:
        return self.next.units.remote(list(chunk))

    def fetch(self, sent: Any) -> Answer:
        found: Answer = self.got(sent)
        return found

    def got(self, call: Any) -> Any:
        """Raises what was raised there; WorkerDied where the actor died over it, and died again when it was retried."""
        import ray

        with self.place.waiting():
            try:
                return ray.get(call)
            except ray.exceptions.RayTaskError as error:
                raise getattr(error, "cause", None) or error from None
            except ray.exceptions.RayError as error:
                cause = f"a model actor died: {' '.join(str(error).split())[:300]}"
                raise WorkerDied(cause, verdict="a model actor died") from error
