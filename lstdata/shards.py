"""The sample format, written byte-reproducibly and read with checks: three WebDataset members per utterance.

A document of text has two: its JSON, and the ids of its text.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import CorruptShard
from lstdata.records import Sample, frame_count
from lstdata.tar_members import iter_members

FORMAT = 4
"""Version of the sample format."""

STORED_STRATEGIES = ("static", "silence", "aligned", "aligned-merged", "aligned-bpe")
"""Whose whole-utterance patch lengths are stored, in this order, as far as the sample allows: `stored_strategies`."""

MEMBERS = {"speech": ("json", "units.npy", "patches.npy"), "text": ("json", "tokens.npy")}
"""Of a sample of each kind, in order."""


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
    if sample.tokens is not None:
        return {"json": _json(_described(sample, "text")), "tokens.npy": _npy(sample.tokens)}
    strategies = [name for name in STORED_STRATEGIES if name in stored.patches]
    lengths = np.concatenate([stored.patches[name] for name in strategies])
    meta = _described(sample, "speech") | {
        "samples": sample.samples,
        "hop": sample.hop,
        "header_seconds": sample.header_seconds,
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
    }
    return {
        "json": _json(meta),
        "units.npy": _npy(sample.units),
        "patches.npy": _npy(lengths.astype(np.uint16)),
    }


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


def _json(meta: Mapping[str, Any]) -> bytes:
    return json.dumps(meta, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def decode_sample(key: str, members: Mapping[str, bytes]) -> StoredSample:
    """The inverse of `encode_sample`; ValueError or KeyError where a member is not what the format says."""
    meta = _read_meta(members["json"])
    if tuple(members) != MEMBERS[meta["kind"]]:
        raise ValueError(f"a sample of {meta['kind']} has the members {', '.join(members)}")
    sample = _sample(key, meta, members)
    if sample.tokens is not None:
        return StoredSample(sample, {}, ())
    lengths = _read_npy(members["patches.npy"], "<u2").astype(np.int64)
    ends = np.cumsum(list(meta["patch_counts"].values())).tolist()
    if ends and ends[-1] != len(lengths):
        raise ValueError(f"patch_counts sum to {ends[-1]}, but there are {len(lengths)} patch lengths")
    parts = (lengths[start:end] for start, end in pairwise([0, *ends]))
    return StoredSample(sample, dict(zip(meta["patch_counts"], parts, strict=True)), meta["drawn"])


def sample_in(stretch: bytes, path: str) -> Sample:
    """The sample of a stretch of a shard whose check sum is right: what is stored beside it is not read.

    Raises CorruptShard where it is not of this version's format.
    """
    found = [(key, extension, data) for key, extension, *_, data in iter_members(stretch, path, trusted=True)]
    key = found[0][0] if found else ""
    try:
        members = {extension: data for _, extension, data in found}
        return _sample(key, _read_meta(members["json"]), members)
    except Exception as error:
        raise _undecodable(path, key, error) from error


def _read_meta(data: bytes) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(data)
    if meta["format"] != FORMAT:
        raise ValueError(f"format {meta['format']!r} is not {FORMAT}")
    return meta


def _sample(key: str, meta: Mapping[str, Any], members: Mapping[str, bytes]) -> Sample:
    if meta["kind"] == "text":
        return _document(key, meta, _read_npy(members["tokens.npy"], "<u2", "<u4"))
    return _utterance(key, meta, _read_npy(members["units.npy"], "<u2"))


def _utterance(key: str, meta: Mapping[str, Any], units: NDArray[np.uint16]) -> Sample:
    words = meta["words"]
    frames, scores, characters = meta["word_frames"], meta["word_scores"], meta["character_frames"]
    pieces = meta["piece_frames"]
    return Sample(
        key=key,
        id=meta["id"],
        split=meta["split"],
        samples=meta["samples"],
        hop=meta["hop"],
        header_seconds=meta["header_seconds"],
        units=units,
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


def iter_samples(data: bytes | memoryview, path: str, start: int = 0) -> Iterator[tuple[int, int, StoredSample]]:
    """(first byte, byte after, sample) of a shard in memory, checked; CorruptShard names shard and sample."""
    group: dict[str, bytes] = {}
    first = 0
    for key, extension, offset, end, content in iter_members(data, path, start):
        if not group:
            first, current, wanted = offset, key, MEMBERS["speech"]
        elif extension == "tokens.npy":
            wanted = MEMBERS["text"]
        expected = wanted[min(len(group), len(wanted) - 1)]
        if key != current or extension != expected:
            raise CorruptShard(f"`{path}`: found `{key}.{extension}` where `{current}.{expected}` belongs.")
        group[extension] = content
        if len(group) == len(wanted):
            yield first, end, _checked(path, key, group)
            group = {}
    if group:
        raise CorruptShard(f"`{path}`: sample `{current}` has {len(group)} of {len(wanted)} members.")


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
    return np.repeat((np.arange(len(runs)) & 1).astype(np.bool_), runs)


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


def _npy(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


@lru_cache(maxsize=1 << 12)
def _npy_header(length: int, kind: str) -> bytes:
    """What `_npy` writes before the numbers of a vector."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": (length,)})
    return buffer.getvalue()


def _read_npy(data: bytes, *kinds: str) -> NDArray[Any]:
    """A member that `_npy` wrote, byte for byte; ValueError for any other type, shape or length."""
    start = len(_npy_header(0, kinds[0]))
    for kind in kinds:
        length, odd = divmod(len(data) - start, np.dtype(kind).itemsize)
        if not odd and length >= 0 and data.startswith(_npy_header(length, kind)):
            return np.frombuffer(data, dtype=kind, offset=start)
    wanted = " or ".join(np.dtype(kind).name for kind in kinds)
    raise ValueError(f"it is no array of {wanted} in one dimension, as numpy's format 1.0 has it")
