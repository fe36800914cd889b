"""What a user may choose for transcribing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from lstdata.config import RunConfig, SourceConfig


@dataclass(frozen=True, kw_only=True)
class TranscribeConfig:
    """All of `lstdata transcribe`; what is not under `run` can change the transcripts."""

    about: str = ""
    model: str | None = None
    """A folder with a checkpoint of `transformers`, or its name on the hub, as `facebook/wav2vec2-base-960h`."""
    revision: str | None = None
    """Of a model on the hub: a branch, tag or commit; None: the newest."""
    all: bool = False
    """Also the records that have a transcript already; it is replaced."""
    language: str | None = None
    """What is spoken, as `en`: the tag of records without one, and what a model of many languages is told."""
    case: Literal["keep", "lower"] = "keep"
    """`lower`: for models that write in capitals."""
    max_seconds: float = 30.0
    """A longer record is rejected: the memory of a model grows with the square of the length."""
    batch: int | None = None
    """Consecutive records that go through the model together; None: 1 on a CPU, 16 on a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: a GPU where this machine has one."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    source: SourceConfig = field(default_factory=SourceConfig)
    gpus_per_worker: float = 1.0
    """On Ray with `device` cuda; 0.5 puts two workers on a GPU."""
    run: RunConfig = field(default_factory=RunConfig)

    def mistakes(self) -> Iterator[str]:
        if not self.model:
            yield "`model` must be a folder or a name on the hub: give `--model`."
        if self.max_seconds <= 0:
            yield f"`max_seconds` must be > 0, but is {self.max_seconds}."
        if self.batch is not None and self.batch < 1:
            yield f"`batch` must be ≥ 1, but is {self.batch}."
        if self.gpus_per_worker <= 0:
            yield f"`gpus_per_worker` must be > 0, but is {self.gpus_per_worker}."
        if self.language == "":
            yield "`language` must be a tag as `en`, or null."
