"""A shard builder, and a codebook's fit, over whose records a worker dies, hangs, or runs out of memory."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from lstdata.activity import activity_mask
from lstdata.build import whereabouts
from lstdata.build.fitting import Fitted, fit_on
from lstdata.build.models import ModelActors
from lstdata.build.shard import ShardBuilder
from lstdata.build.spec import BuildSpec
from lstdata.build.stages import Stages
from lstdata.build.utterance import Utterance
from lstdata.records import HOP
from lstdata.workers import trying

_VARIABLE: Final = "LSTDATA_TEST_MISBEHAVIOUR"
_FIT_VARIABLE: Final = "LSTDATA_TEST_MISBEHAVIOUR_OF_FIT"


def misbehave(patch: pytest.MonkeyPatch, faults: dict[str, str], folder: Path) -> None:
    """Let workers that start from now on do to these ids what is named; `folder` keeps what happens only once."""
    patch.setenv(_VARIABLE, json.dumps([faults, str(folder)]))
    patch.setattr("lstdata.build.shard.ShardBuilder", Misbehaving)


def misbehave_in_fit(patch: pytest.MonkeyPatch, faults: dict[str, str], folder: Path) -> None:
    """The same while a codebook is fitted, and only then."""
    patch.setenv(_FIT_VARIABLE, json.dumps([faults, str(folder)]))
    patch.setattr("lstdata.build.freeze.fit_on", misbehaving_fit)


class Misbehaving(ShardBuilder):
    def __init__(self, spec: BuildSpec, models: ModelActors | None = None) -> None:
        _wrap_decode(*json.loads(os.environ[_VARIABLE]))
        activity_mask(np.zeros(16_000, dtype=np.float32), spec.config.activity, HOP)  # loads its libraries
        super().__init__(spec, models)


def misbehaving_fit(*of: Any, **more: Any) -> Fitted | None:
    faults, folder = json.loads(os.environ[_FIT_VARIABLE])
    _wrap_decode(faults, folder)
    if faults.get("codebook") == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return fit_on(*of, **more)


def _wrap_decode(faults: dict[str, str], folder: str) -> None:
    """For the life of this process."""

    def wrapped(stages: Stages, utterance: Utterance) -> Utterance:
        id = utterance.record.row.id
        if id in faults:
            _do(faults[id], Path(folder) / id)
        return _real_decode(stages, utterance)

    Stages.decode = wrapped  # type: ignore[method-assign]
    whereabouts.LOADING_SECONDS = 0.0  # type: ignore[misc]
    trying.pause = lambda attempt: None


_real_decode = Stages.decode


def _do(fault: str, mark: Path) -> None:
    if fault.endswith(" once"):
        if mark.exists():
            return
        mark.touch()
    match fault.removesuffix(" once"):
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(1000)
        case "hang in C":
            lock_for_ever()
        case "eat":
            _eat()
        case "disk":
            raise OSError(28, "No space left on device")
        case "bug":
            raise KeyError("no such thing")


def lock_for_ever() -> None:
    """In C, holding the interpreter's lock, deaf to signals: a mutex that is locked already."""
    library, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):
        library.pthread_mutex_lock(mutex)


def _eat() -> None:
    """More memory than this process may have."""
    most = 1 << 36
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        bytearray(2 * most)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
