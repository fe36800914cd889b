"""The sample format: three WebDataset members per utterance, written byte-reproducibly and read with checks."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import CorruptShard
from lstdata.records import Sample, frame_count

FORMAT = 3
"""Version of the sample format."""

STORED_STRATEGIES = ("static", "silence", "aligned", "aligned-merged", "aligned-bpe")
"""Whose whole-utterance patch lengths are stored, in this order, as far as the sample allows: `stored_strategies`."""

MEMBERS = ("json", "units.npy", "patches.npy")
_BLOCK = 512
_OCTAL = re.compile(rb"[0-7]{11}[\0 ]")


@dataclass(frozen=True, eq=False)
class StoredSample:
    """A sample with what is stored for readers without this package."""

    sample: Sample
    patches: Mapping[str, NDArray[np.int64]]
    """Whole-utterance patch lengths by strategy."""
    drawn: Sequence[Sequence[Any]]
    """One drawn interleaving: `["s", first frame, end frame]` or `["t", [text token ids]]`, in order."""


def stored_strategies(sample: Sample) -> list[str]:
    """Those by words only with word times, that by pieces only with times of characters."""
    lacking = [] if sample.piece_frames is not None else ["aligned-bpe"]
    if sample.word_frames is None:
        lacking += ["aligned", "aligned-merged"]
    return [name for name in STORED_STRATEGIES if name not in lacking]


def encode_sample(stored: StoredSample) -> dict[str, bytes]:
    """The members of one sample, by extension, in the order of the tar."""
    sample = stored.sample
    strategies = [name for name in STORED_STRATEGIES if name in stored.patches]
    lengths = np.concatenate([stored.patches[name] for name in strategies])
    meta = {
        "format": FORMAT,
        "id": sample.id,
        "split": sample.split,
        "samples": sample.samples,
        "hop": sample.hop,
        "header_seconds": sample.header_seconds,
        "text": sample.text,
        "words": None if sample.words is None else list(sample.words),
        "word_frames": None if sample.word_frames is None else sample.word_frames.tolist(),
        "word_scores": _rounded(sample.word_scores),
        "interpolated": list(sample.interpolated),
        "character_frames": sample.character_frames,
        "piece_frames": None if sample.piece_frames is None else sample.piece_frames.tolist(),
        "activity": run_lengths(sample.activity),
        "patch_counts": {name: len(stored.patches[name]) for name in strategies},
        "drawn": stored.drawn,
        "aligner": sample.aligner,
        "align_score": sample.align_score,
        "recording": sample.recording,
        "speaker": sample.speaker,
        "language": sample.language,
        "license": sample.license,
        "custom": dict(sample.custom),
    }
    return {
        "json": json.dumps(meta, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(),
        "units.npy": _npy(sample.units),
        "patches.npy": _npy(lengths.astype(np.uint16)),
    }


def decode_sample(key: str, members: Mapping[str, bytes]) -> StoredSample:
    """The inverse of `encode_sample`; ValueError or KeyError where a member is not what the format says."""
    meta = json.loads(members["json"])
    if meta["format"] != FORMAT:
        raise ValueError(f"format {meta['format']!r} is not {FORMAT}")
    lengths = _read_npy(members["patches.npy"]).astype(np.int64)
    ends = np.cumsum(list(meta["patch_counts"].values())).tolist()
    if ends and ends[-1] != len(lengths):
        raise ValueError(f"patch_counts sum to {ends[-1]}, but there are {len(lengths)} patch lengths")
    parts = np.split(lengths, ends[:-1])
    words = meta["words"]
    frames, scores, characters = meta["word_frames"], meta["word_scores"], meta["character_frames"]
    pieces = meta["piece_frames"]
    sample = Sample(
        key=key,
        id=meta["id"],
        split=meta["split"],
        samples=meta["samples"],
        hop=meta["hop"],
        header_seconds=meta["header_seconds"],
        units=_read_npy(members["units.npy"]),
        activity=from_run_lengths(meta["activity"]),
        text=meta["text"],
        words=None if words is None else tuple(words),
        word_frames=None if frames is None else np.array(frames, dtype=np.int64).reshape(-1, 2),
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
    return StoredSample(sample, dict(zip(meta["patch_counts"], parts, strict=True)), meta["drawn"])


def write_shard(file: IO[bytes], samples: Iterable[StoredSample]) -> list[int]:
    """Write a tar whose bytes depend on the samples alone; byte offsets of the samples, and of the last one's end."""
    offsets: list[int] = []
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for stored in samples:
            offsets.append(tar.offset)
            for extension, data in encode_sample(stored).items():
                member = tarfile.TarInfo(f"{stored.sample.key}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        offsets.append(tar.offset)
    return offsets


def iter_members(data: bytes | memoryview, path: str, start: int = 0) -> Iterator[tuple[str, str, int, int, bytes]]:
    """(key, extension, first byte, byte after, content) of a tar's members from `start` on; else CorruptShard."""
    offset, end = start, len(data)
    while offset + _BLOCK <= end:
        header = bytes(data[offset : offset + _BLOCK])
        if not header.strip(b"\0"):
            return
        name = header[:100].rstrip(b"\0").decode("ascii", "replace")
        if int.from_bytes(header[148:154], "big") == 0 or not _checksum_fits(header):
            raise CorruptShard(f"`{path}`: the tar header at byte {offset} is damaged.")
        if not _OCTAL.fullmatch(header[124:136]):
            raise CorruptShard(f"`{path}`: the tar header at byte {offset} gives no size.")
        size = int(header[124:135], 8)
        content = bytes(data[offset + _BLOCK : offset + _BLOCK + size])
        if len(content) < size:
            raise CorruptShard(f"`{path}`: `{name}` ends early: {len(content)} of {size} bytes.")
        key, _, extension = name.partition(".")
        following = offset + _BLOCK + -(-size // _BLOCK) * _BLOCK
        yield key, extension, offset, following, content
        offset = following
    raise CorruptShard(f"`{path}`: the tar ends at byte {end} without its closing blocks.")


def iter_samples(data: bytes | memoryview, path: str, start: int = 0) -> Iterator[tuple[int, int, StoredSample]]:
    """(first byte, byte after, sample) of a shard in memory, checked; CorruptShard names shard and sample."""
    group: dict[str, bytes] = {}
    first = 0
    for key, extension, offset, end, content in iter_members(data, path, start):
        expected = MEMBERS[len(group)]
        if not group:
            first, current = offset, key
        if key != current or extension != expected:
            raise CorruptShard(f"`{path}`: found `{key}.{extension}` where `{current}.{expected}` belongs.")
        group[extension] = content
        if len(group) == len(MEMBERS):
            yield first, end, _checked(path, key, group)
            group = {}
    if group:
        raise CorruptShard(f"`{path}`: sample `{current}` has {len(group)} of {len(MEMBERS)} members.")


def read_shard(path: Path) -> Iterator[Sample]:
    """All samples of a shard, in order."""
    for *_, stored in iter_samples(path.read_bytes(), str(path)):
        yield stored.sample


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of alternating runs, the first of False (maybe 0); they sum to the mask's length."""
    if len(mask) == 0:
        return []
    edges = np.flatnonzero(np.diff(mask)) + 1
    runs: list[int] = np.diff(np.concatenate([[0], edges, [len(mask)]])).tolist()
    return [0, *runs] if mask[0] else runs


def from_run_lengths(runs: Sequence[int]) -> NDArray[np.bool_]:
    """The inverse of `run_lengths`."""
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs)


def _rounded(scores: Sequence[float | None] | None) -> list[float | None] | None:
    """To a thousandth: more would be noise, and bytes."""
    return None if scores is None else [None if score is None else round(score, 3) for score in scores]


def _checked(path: str, key: str, members: Mapping[str, bytes]) -> StoredSample:
    """Damaged bytes can make the decoders raise anything: all of it means that the sample is not readable."""
    try:
        stored = decode_sample(key, members)
        mistake = _mistake(stored)
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise CorruptShard(f"`{path}`: sample `{key}` cannot be decoded: {why}.") from error
    if mistake is not None:
        raise CorruptShard(f"`{path}`: sample `{key}`{mistake}")
    return stored


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


def _checksum_fits(header: bytes) -> bool:
    try:
        stated = int(header[148:154], 8)
    except ValueError:
        return False
    return stated == sum(header[:148]) + 8 * 32 + sum(header[156:])


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _read_npy(data: bytes) -> NDArray[np.uint16]:
    """A member that `_npy` wrote; ValueError for any other type, shape or length, which numpy would read."""
    buffer = io.BytesIO(data)
    array: NDArray[Any] = np.lib.format.read_array(buffer, allow_pickle=False)
    if array.dtype.str != "<u2" or array.ndim != 1 or buffer.tell() != len(data):
        raise ValueError(f"an array is {array.dtype.str} of shape {array.shape}, not uint16 of one dimension")
    return array
