"""A sample's audio, read again from what the run folder was built from."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from upath import UPath

from lstdata.audio.encoding import decode
from lstdata.build.plan_table import read_plan, read_shard_rows
from lstdata.errors import LstDataError
from lstdata.inspection.finding import Place, read_sample
from lstdata.records import SAMPLE_RATE, Audio, Waveform
from lstdata.shards import StoredSample
from lstdata.source_row import Locator
from lstdata.storage import exists

if TYPE_CHECKING:
    from lstdata.config import SourceConfig
    from lstdata.sources import Source

Codec = Literal["mp3", "wav"]

MP3_COMPRESSION: Final = 0.8
"""libsndfile's scale from 0 to 1: 40 kbit/s, constant so that players seek exactly. Above 0.84 LAME leaves out the
header by which players trim its delay, and sound and drawing drift apart."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One utterance to draw, with its audio or the reason why there is none."""

    stored: StoredSample
    audio: Waveform | None
    silent_because: str = ""


def open_again(path: str, config: SourceConfig) -> Source | None:
    """The source that a run folder names; None where it is not there any more."""
    from lstdata.sources import open_source

    try:
        return open_source(path, config)
    except LstDataError:
        return None


def show(out: UPath, place: Place, source: Source | None, absent: str = "the source was not given") -> Shown:
    """A sample from its shard and its audio from the source; `absent` says why there is none."""
    stored = read_sample(out, place)
    if stored.sample.tokens is not None:
        return Shown(stored, None, "it is a document of text")
    if stored.audio is not None:
        return Shown(stored, decode(stored.audio))
    if source is None:
        return Shown(stored, None, absent)
    locator = _locator(out / "plan.parquet", place)
    if locator is None:
        return Shown(stored, None, "the plan does not name it")
    try:
        opened = source.open(locator)
    except (LstDataError, OSError) as error:
        return Shown(stored, None, str(error).rstrip("."))
    if not isinstance(opened, Audio):
        return Shown(stored, None, "the source brings units, no audio")
    if len(opened.samples) != stored.sample.samples:
        return Shown(stored, None, f"it has {len(opened.samples)} samples now, but had {stored.sample.samples}")
    return Shown(stored, opened.samples)


def data_url(audio: Waveform, codec: Codec) -> str:
    """A data URL of mono audio at 16 kHz: WAV has every sample, MP3 a sixth of the bytes. Equal in, equal out."""
    kind = {"mp3": "audio/mpeg", "wav": "audio/wav"}[codec]
    return f"data:{kind};base64," + base64.b64encode(encode(audio, codec)).decode()


def encode(audio: Waveform, codec: Codec) -> bytes:
    """No format with random numbers in it, as Ogg has; nor FLAC, of which Chromium never finds the last half second."""
    import soundfile

    buffer = io.BytesIO()
    if codec == "wav":
        soundfile.write(buffer, audio, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        return buffer.getvalue()
    soundfile.write(
        buffer,
        audio,
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=MP3_COMPRESSION,
        bitrate_mode="CONSTANT",
    )
    return buffer.getvalue()


def _locator(plan: UPath, place: Place) -> Locator | None:
    """Where the plan says the audio is; None where there is no plan any more or it is another one."""
    if not exists(plan):
        return None
    numbers = {shard.name: shard.number for shard in read_plan(plan).shards}
    if place.shard not in numbers:
        return None
    records = read_shard_rows(plan, numbers[place.shard])
    return next((record.row.locator for record in records if record.key == place.key), None)
