"""lhotse's manifests: cuts, or recordings with supervisions, as JSON lines that are read as a stream."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lstdata.audio import MAX_RATE, MIN_RATE
from lstdata.config import SourceConfig
from lstdata.errors import Rejected
from lstdata.records import Locator, SourceRow, TimedWord
from lstdata.sources.encoding import json_lines
from lstdata.sources.locating import LocatedSource, relative
from lstdata.sources.manifests import Manifest, manifest_of, manifests_in
from lstdata.sources.rows import MOST_SECONDS, bad_row, json_values, rejected, split_name, writable
from lstdata.storage import is_url, resolve

SLACK = 0.25
"""Seconds by which a transcript or a word may reach out of its cut: manifests round, and measure by the header."""

_SILENCE = frozenset(("", "<eps>", "<sil>", "sil", "sp"))
"""How alignments write that nobody speaks."""


@dataclass(frozen=True, slots=True)
class CutsSource(LocatedSource):
    """One record per cut; of recordings with supervisions, one per supervision and per recording without any."""

    manifests: tuple[Manifest, ...]
    kind: str = "lhotse"

    def scan(self) -> Iterator[SourceRow]:
        for manifest in self.manifests:
            rows = _cuts(self.root, manifest.cuts) if manifest.cuts else _supervisions(self.root, manifest)
            yield from writable(rows)


def open_cuts(path: str, config: SourceConfig) -> CutsSource | None:
    """The manifests at a path: those directly in a folder, or a file whose first object is of one."""
    if os.path.isdir(path):
        manifests = manifests_in(path)
    elif path.removesuffix(".gz").endswith(".jsonl"):
        first = next((value for _, value in json_lines(path) if isinstance(value, dict)), None)
        manifest = manifest_of(path, first)
        manifests = (manifest,) if manifest else ()
    else:
        return None
    if not manifests:
        return None
    return CutsSource(root=path if os.path.isdir(path) else os.path.dirname(path), manifests=manifests)


def _cuts(root: str, path: str) -> Iterator[SourceRow]:
    for number, value in json_lines(path):
        yield _verdict(path, number, value, lambda item: _row(root, _deserialized(item)))


def _supervisions(root: str, manifest: Manifest) -> Iterator[SourceRow]:
    assert manifest.recordings
    recordings = _Recordings(manifest.recordings)
    for number, value in json_lines(manifest.supervisions) if manifest.supervisions else ():
        yield _verdict(
            manifest.supervisions or "",
            number,
            value,
            lambda item: _row(root, _supervised(_deserialized(item), recordings)),
        )
    for number, value in recordings.rest():
        yield _verdict(manifest.recordings, number, value, lambda item: _row(root, _deserialized(item).to_cut()))


class _Recordings:
    """Recordings by id from a stream that is read only as far as asked; what was passed stays, as JSON text."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stream = json_lines(path)
        self._passed: dict[str, str] = {}
        self._unused: dict[str | int, tuple[int, Rejected | None]] = {}

    def find(self, id: str) -> Any:
        while id not in self._passed and self._advance():
            pass
        if id not in self._passed:
            raise Rejected("missing_audio", f"recording `{id}` is not in `{os.path.basename(self._path)}`.")
        self._unused.pop(id, None)
        return _deserialized(json.loads(self._passed[id]))

    def rest(self) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
        """What no one asked for, in order, with its line number."""
        while self._advance():
            pass
        for id, (number, verdict) in self._unused.items():
            yield number, verdict or json.loads(self._passed[str(id)])

    def _advance(self) -> bool:
        number, value = next(self._stream, (0, None))
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            self._passed[value["id"]] = json.dumps(value)
            self._unused[value["id"]] = (number, None)
        elif value is not None:
            no_id = value if isinstance(value, Rejected) else Rejected("bad_row", "this recording has no `id`.")
            self._unused[number] = (number, no_id)
        return value is not None


def _verdict(
    path: str, number: int, value: dict[str, Any] | Rejected, make: Callable[[dict[str, Any]], SourceRow]
) -> SourceRow:
    """The row that `make` reads from one line of a manifest, or the row that says why there is none."""
    name = os.path.basename(path)
    if isinstance(value, Rejected):
        return bad_row(number, name, value)
    try:
        return make(value)
    except Rejected as error:
        verdict = error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        verdict = _unreadable(error)
    id = value.get("id")
    if isinstance(id, str) and id:
        return rejected(id, name, verdict.reason, verdict.detail)
    return bad_row(number, name, verdict)


def _deserialized(value: Mapping[str, Any]) -> Any:
    from lhotse.serialization import deserialize_item

    try:
        return deserialize_item(dict(value))
    except Exception as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> Rejected:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Rejected("bad_row", f"its fields are not those of a manifest of lhotse ({reason:.200}).")


def _supervised(supervision: Any, recordings: _Recordings) -> Any:
    """The cut of one supervision: its own stretch of its recording."""
    from lhotse import MonoCut, MultiCut, SupervisionSegment

    if not isinstance(supervision, SupervisionSegment):
        raise Rejected("bad_row", "this is not a supervision.")
    recording = recordings.find(supervision.recording_id)
    _require_times("supervision", supervision.start, supervision.duration)
    start, end = max(0.0, supervision.start), min(supervision.end, recording.duration)
    return (MonoCut if isinstance(supervision.channel, int) else MultiCut)(
        id=supervision.id,
        start=start,
        duration=end - start,
        channel=supervision.channel,
        supervisions=[supervision.with_offset(-start)],
        recording=recording,
    )


def _row(root: str, cut: Any) -> SourceRow:
    from lhotse import MonoCut, MultiCut

    if not isinstance(cut, MonoCut | MultiCut):
        raise Rejected("unsupported_cut", f"a {type(cut).__name__} is no single stretch of one recording.")
    if not isinstance(cut.id, str) or not cut.id:
        raise Rejected("bad_row", f"`id` must be a text that is not empty, but is {cut.id!r}.")
    _require_times("cut", cut.start, cut.duration)
    locator = _locator(root, cut)
    supervisions = sorted(cut.supervisions, key=lambda s: (s.start, s.end))
    _require_one_transcript(cut, supervisions)
    custom = {**(supervisions[0].custom or {} if len(supervisions) == 1 else {}), **(cut.custom or {})}
    text = " ".join(filter(None, map(_text, supervisions)))
    return SourceRow(
        id=cut.id,
        locator=locator,
        recording=str(cut.recording.id),
        duration=cut.duration,
        text=text or None,
        words=_words(cut, supervisions),
        speaker=_common([s.speaker for s in supervisions]),
        language=_common([s.language for s in supervisions]),
        license=custom.pop("license") if isinstance(custom.get("license"), str) else None,
        split=split_name(custom.pop("split", None)),
        custom=json_values(custom),
    )


def _locator(root: str, cut: Any) -> Locator:
    """The cut's stretch in samples of its recording, rounded as lhotse does; the whole file where it is all of it."""
    from lhotse.utils import compute_num_samples

    if not cut.has_recording:
        raise Rejected("unsupported_cut", "it has no recording.")
    recording = cut.recording
    channels = [cut.channel] if isinstance(cut.channel, int) else list(cut.channel)
    sources = [s for s in recording.sources if channels[0] in s.channels]
    if len(channels) != 1 or not sources:
        raise Rejected("unsupported_cut", f"it has channels {channels}; one channel of its recording can be used.")
    if recording.transforms:
        raise Rejected("unsupported_cut", "its recording is transformed when read; save the transformed audio first.")
    source = sources[0]
    if source.type not in ("file", "url"):
        raise Rejected("unsupported_cut", f"its audio is of the kind `{source.type}`; files and URLs can be used.")
    rate = _rate(recording.sampling_rate)
    start = compute_num_samples(cut.start, rate)
    end = start + compute_num_samples(cut.duration, rate)
    whole = start <= 0 and end >= recording.num_samples
    return Locator(
        path=_path(root, str(source.source)),
        start=None if whole else max(0, start),
        end=None if whole else max(0, end),
        rate=None if whole else rate,
        channel=source.channels.index(channels[0]) if len(source.channels) > 1 else None,
    )


def _rate(value: Any) -> int:
    rate = int(value)
    if isinstance(value, str | bool) or rate != value or not MIN_RATE <= rate <= MAX_RATE:
        raise Rejected("bad_sample_rate", f"its recording must have {MIN_RATE}–{MAX_RATE} Hz, but has {value!r:.80}.")
    return rate


def _path(root: str, path: str) -> str:
    """Relative to the manifest's folder; where nothing is there, relative to the working folder as lhotse has it."""
    path = relative(path)
    elsewhere = not is_url(path) and not os.path.exists(resolve(root, path)) and os.path.exists(path)
    return os.path.abspath(path) if elsewhere else path


def _require_times(what: str, start: float, duration: float) -> None:
    if not (-SLACK < start <= MOST_SECONDS and 0 < duration <= MOST_SECONDS):
        rule = f"must start at ≥ 0 s and last > 0 s, neither above {MOST_SECONDS:.0f} s"
        raise Rejected("bad_row", f"the {what} {rule}, but has {start!r:.80} and {duration!r:.80}.")


def _require_one_transcript(cut: Any, supervisions: Sequence[Any]) -> None:
    for supervision, following in pairwise(supervisions):
        if supervision.end > following.start + 1e-3:
            times = f"`{following.id}` starts at {following.start} s, before `{supervision.id}` ends"
            raise Rejected("overlapping_supervisions", f"{times} at {supervision.end} s.")
    for supervision in supervisions:
        if supervision.start < -SLACK or supervision.end > cut.duration + SLACK:
            times = f"{supervision.start}–{supervision.end} s, is not inside its {cut.duration} s"
            raise Rejected("unsupported_cut", f"its supervision `{supervision.id}`, at {times}.")


def _text(supervision: Any) -> str:
    if supervision.text is None:
        return " ".join(word.text for word in _spoken(supervision))
    if not isinstance(supervision.text, str):
        raise Rejected("bad_row", f"the text of `{supervision.id}` must be a text, but is {supervision.text!r}.")
    return supervision.text.strip()


def _spoken(supervision: Any) -> list[TimedWord]:
    """The supervision's words with times as the manifest has them."""
    words = []
    for symbol, start, duration, _ in (supervision.alignment or {}).get("word") or ():
        if not (math.isfinite(start) and math.isfinite(duration) and duration >= 0):
            raise Rejected("bad_word_times", f"`{symbol}` must have a finite time, but has {start} and {duration} s.")
        text = str(symbol).strip()
        if text not in _SILENCE:
            words.append(TimedWord(text, start, start + duration))
    return words


def _words(cut: Any, supervisions: Sequence[Any]) -> tuple[TimedWord, ...] | None:
    """Word times from the cut's own start; None unless every transcript has them.

    lhotse counts an alignment from the start of the recording, though a supervision from the start of the cut.
    Manifests that count both from the cut are understood where the words would otherwise fall outside of it.
    """
    aligned = [_spoken(supervision) for supervision in supervisions if _text(supervision)]
    if not aligned or not all(aligned):
        return None
    words = sorted((word for words in aligned for word in words), key=lambda word: word.start)
    first, last = words[0].start, max(word.end for word in words)
    for offset in (cut.start, 0.0):
        if first - offset >= -SLACK and last - offset <= cut.duration + SLACK:
            return tuple(TimedWord(w.text, max(0.0, w.start - offset), max(0.0, w.end - offset)) for w in words)
    raise Rejected("bad_word_times", f"its words, at {first}–{last} s, are not inside its {cut.duration} s.")


def _common(values: Sequence[Any]) -> str | None:
    """What all supervisions agree on."""
    agreed = bool(values) and values[0] is not None and all(value == values[0] for value in values)
    return str(values[0]) if agreed else None
