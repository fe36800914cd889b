"""The sample format, written byte-reproducibly and read with checks: two WebDataset members per sample.

What is known of it as JSON, and its units or, of a document of text, the ids of its text. Kept audio is a third.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import CorruptShard
from lstdata.members import from_run_lengths, json_gz, npy, read_json_gz, read_npy, run_lengths
from lstdata.records import Codec, Ints, KeptAudio, Sample, frame_count
from lstdata.tar_members import iter_members

FORMAT = 4
"""Version of the sample format."""

STORED_STRATEGIES = ("static", "silence", "aligned", "aligned-merged", "aligned-bpe")
"""Whose whole-utterance patch lengths are stored, in this order, as far as the sample allows: `stored_strategies`."""

CODECS: tuple[Codec, ...] = ("flac", "opus")

MEMBERS = {
    "speech": (("json.gz", "units.npy"), *(("json.gz", codec, "units.npy") for codec in CODECS)),
    "text": (("json.gz", "tokens.npy"),),
}
"""Of a sample of each kind, in order: audio is there where it was kept."""
_GROUPS = tuple(names for kind in MEMBERS.values() for names in kind)


@dataclass(frozen=True, eq=False)
class StoredSample:
    """A sample with what is stored for readers without this package."""

    sample: Sample
    patches: Mapping[str, NDArray[np.int64]]
    """Whole-utterance patch lengths by strategy."""
    drawn: Sequence[Sequence[Any]]
    """One drawn interleaving: `["s", first frame, end frame]` or `["t", [text token ids]]`, in order."""
    audio: KeptAudio | None = None
    """Where it was kept."""
    members: Mapping[str, bytes] | None = None
    """What a tar is to hold of it, by extension; None: what `encode_sample` makes of it."""


def token_type(size: int) -> type[np.uint16] | type[np.uint32]:
    """Of the ids of a document by a vocabulary of this size, as small as it allows."""
    return np.uint16 if size <= 1 << 16 else np.uint32


def stored_strategies(sample: Sample) -> list[str]:
    """Those by words only with word times, that by pieces only with times of characters; none of a document of text."""
    if sample.tokens is not None:
        return []
    lacking = [] if sample.piece_frames is not None else ["aligned-bpe"]
    if sample.word_frames is None:
        lacking += ["aligned", "aligned-merged"]
    return [name for name in STORED_STRATEGIES if name not in lacking]


def encode_sample(stored: StoredSample) -> dict[str, bytes]:
    """The members of one sample, by extension, in the order of the tar."""
    sample = stored.sample
    if sample.tokens is not None:
        return {"json.gz": json_gz(_described(sample, "text")), "tokens.npy": npy(sample.tokens)}
    meta = _described(sample, "speech") | {
        "samples": sample.samples,
        "hop": sample.hop,
        "header_seconds": sample.header_seconds,
        "words": None if sample.words is None else list(sample.words),
        "items": None if sample.word_frames is None else _items(sample.word_frames, sample.frames),
        "word_scores": _rounded(sample.word_scores),
        "interpolated": list(sample.interpolated),
        "character_frames": sample.character_frames,
        "piece_frames": None if sample.piece_frames is None else sample.piece_frames.tolist(),
        "activity": run_lengths(sample.activity),
        "patches": {name: stored.patches[name].tolist() for name in STORED_STRATEGIES if name in stored.patches},
        "drawn": stored.drawn,
        "aligner": sample.aligner,
        "align_score": sample.align_score,
        "recording": sample.recording,
        "speaker": sample.speaker,
    }
    members = {"json.gz": json_gz(meta)}
    if stored.audio is not None:
        members[stored.audio.codec] = stored.audio.data
    return members | {"units.npy": npy(sample.units)}


def _described(sample: Sample, kind: str) -> dict[str, Any]:
    """What the JSON of every sample says."""
    return {
        "format": FORMAT,
        "kind": kind,
        "id": sample.id,
        "split": sample.split,
        "text": sample.text,
        "language": sample.language,
        "license": sample.license,
        "custom": dict(sample.custom),
    }


def decode_sample(key: str, members: Mapping[str, bytes]) -> StoredSample:
    """The inverse of `encode_sample`; ValueError or KeyError where a member is not what the format says."""
    meta = _read_meta(members["json.gz"])
    if tuple(members) not in MEMBERS[meta["kind"]]:
        raise ValueError(f"a sample of {meta['kind']} has the members {', '.join(members)}")
    sample = _sample(key, meta, members)
    if sample.tokens is not None:
        return StoredSample(sample, {}, ())
    patches = {name: np.array(lengths, dtype=np.int64) for name, lengths in meta["patches"].items()}
    kept = next((KeptAudio(codec, members[codec]) for codec in CODECS if codec in members), None)
    return StoredSample(sample, patches, meta["drawn"], kept)


def sample_in(stretch: bytes, path: str) -> Sample:
    """The sample of a stretch of a shard whose check sum is right: what is stored beside it is not read.

    Raises CorruptShard where it is not of this version's format.
    """
    found = [(key, extension, data) for key, extension, *_, data in iter_members(stretch, path, trusted=True)]
    key = found[0][0] if found else ""
    try:
        members = {extension: data for _, extension, data in found}
        return _sample(key, _read_meta(members["json.gz"]), members)
    except Exception as error:
        raise _undecodable(path, key, error) from error


def _read_meta(data: bytes) -> dict[str, Any]:
    meta: dict[str, Any] = read_json_gz(data)
    if meta["format"] != FORMAT:
        raise ValueError(f"format {meta['format']!r} is not {FORMAT}")
    return meta


def _sample(key: str, meta: Mapping[str, Any], members: Mapping[str, bytes]) -> Sample:
    if meta["kind"] == "text":
        return _document(key, meta, read_npy(members["tokens.npy"], "<u2", "<u4"))
    return _utterance(key, meta, read_npy(members["units.npy"], "<u2"))


def _utterance(key: str, meta: Mapping[str, Any], units: NDArray[np.uint16]) -> Sample:
    words = meta["words"]
    scores, characters, pieces = meta["word_scores"], meta["character_frames"], meta["piece_frames"]
    return Sample(
        key=key,
        id=meta["id"],
        split=meta["split"],
        samples=meta["samples"],
        hop=meta["hop"],
        header_seconds=meta["header_seconds"],
        units=units,
        activity=from_run_lengths(meta["activity"], len(units)),
        text=meta["text"],
        words=None if words is None else tuple(words),
        word_frames=None if words is None else _word_frames(meta["items"], len(words), len(units)),
        word_scores=None if scores is None else tuple(scores),
        interpolated=tuple(meta["interpolated"]),
        character_frames=None if characters is None else tuple(c if c is None else tuple(c) for c in characters),
        piece_frames=None if pieces is None else np.array(pieces, dtype=np.int64),
        aligner=meta["aligner"],
        align_score=meta["align_score"],
        recording=meta["recording"],
        speaker=meta["speaker"],
        language=meta["language"],
        license=meta["license"],
        custom=meta["custom"],
    )


def _items(word_frames: Ints, frames: int) -> list[int]:
    """Frames of silence, word, silence, word … silence."""
    lengths: list[int] = np.diff(word_frames.ravel(), prepend=0, append=frames).tolist()
    return lengths


def _word_frames(items: Sequence[int], words: int, frames: int) -> Ints:
    """The inverse of `_items`; ValueError where they do not make up the utterance."""
    lengths = np.array(items, dtype=np.int64)
    edges = np.cumsum(lengths)
    if len(lengths) != 2 * words + 1 or edges[-1] != frames or (lengths < 0).any():
        raise ValueError(f"its items must be {words} words and the silences around them, {frames} frames in all")
    return edges[:-1].reshape(-1, 2)


def _document(key: str, meta: Mapping[str, Any], tokens: NDArray[Any]) -> Sample:
    return Sample(
        key=key,
        id=meta["id"],
        split=meta["split"],
        samples=0,
        units=np.zeros(0, np.uint16),
        activity=np.zeros(0, np.bool_),
        text=meta["text"],
        words=None,
        word_frames=None,
        tokens=tokens,
        language=meta["language"],
        license=meta["license"],
        custom=meta["custom"],
    )


def write_shard(file: IO[bytes], samples: Iterable[StoredSample]) -> list[int]:
    """Write a tar whose bytes depend on the samples alone; byte offsets of the samples, and of the last one's end."""
    return write_members(file, ((stored.sample.key, stored.members or encode_sample(stored)) for stored in samples))


def write_members(file: IO[bytes], samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> list[int]:
    """Write a tar of samples as (key, content by extension); offsets as `write_shard` gives them."""
    offsets: list[int] = []
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, members in samples:
            offsets.append(tar.offset)
            for extension, data in members.items():
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        offsets.append(tar.offset)
    return offsets


def iter_samples(data: bytes | memoryview, path: str, start: int = 0) -> Iterator[tuple[int, int, StoredSample]]:
    """(first byte, byte after, sample) of a shard in memory, checked; CorruptShard names shard and sample."""
    members: dict[str, bytes] = {}
    for key, extension, offset, end, content in iter_members(data, path, start):
        if not members:
            first, current = offset, key
        names = (*members, extension)
        if key != current or all(group[: len(names)] != names for group in _GROUPS):
            raise CorruptShard(
                f"`{path}`: found `{key}.{extension}` after {_named(current, members) or 'a sample'}, but a sample is "
                f"{' or '.join(_named(current, group) for group in _GROUPS)}."
            )
        members[extension] = content
        if names in _GROUPS:
            yield first, end, _checked(path, key, members)
            members = {}
    if members:
        raise CorruptShard(f"`{path}`: sample `{current}` ends after {_named(current, members)}.")


def _named(key: str, extensions: Iterable[str]) -> str:
    return " and ".join(f"`{key}.{extension}`" for extension in extensions)


def read_shard(path: Path) -> Iterator[Sample]:
    """All samples of a shard, in order."""
    for *_, stored in iter_samples(path.read_bytes(), str(path)):
        yield stored.sample


def _rounded(scores: Sequence[float | None] | None) -> list[float | None] | None:
    """To a thousandth: more would be noise, and bytes."""
    return None if scores is None else [None if score is None else round(score, 3) for score in scores]


def _checked(path: str, key: str, members: Mapping[str, bytes]) -> StoredSample:
    """Damaged bytes can make the decoders raise anything: all of it means that the sample is not readable."""
    try:
        stored = decode_sample(key, members)
        mistake = _mistake(stored)
    except Exception as error:
        raise _undecodable(path, key, error) from error
    if mistake is not None:
        raise CorruptShard(f"`{path}`: sample `{key}`{mistake}")
    return stored


def _undecodable(path: str, key: str, error: Exception) -> CorruptShard:
    why = " ".join(str(error).split()) or type(error).__name__
    return CorruptShard(f"`{path}`: sample `{key}` cannot be decoded: {why}.")


def _mistake(stored: StoredSample) -> str | None:
    """How the members of a sample contradict one another."""
    sample = stored.sample
    frames = frame_count(sample.samples, sample.hop)
    if not len(sample.units) == len(sample.activity) == frames:
        return (
            f" has {len(sample.units)} units and {len(sample.activity)} activity frames, "
            f"but {sample.samples} samples make {frames}."
        )
    for strategy, lengths in stored.patches.items():
        if lengths.sum() != frames or (lengths < 1).any():
            return f": the `{strategy}` patches sum to {lengths.sum()}, but there are {frames} units."
    return None
