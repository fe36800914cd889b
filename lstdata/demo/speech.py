"""Speech with exact word times from espeak-ng, by ctypes: a pure function of text and style.

The library keeps state between calls that no function of it resets, so every text is spoken by a forked child of one
pristine image; hence a POSIX system. Call `speak` from a process that runs no other Python threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstdata.errors import ConfigError, MissingExtra, Unavailable

RATE = 22_050
"""Hertz; the synthesizer's own."""

Pcm = NDArray[np.int16]

_SYNCHRONOUS, _PHONEME_EVENTS, _DONT_EXIT = 2, 1, 0x8000
_CHARACTERS, _UTF8 = 1, 1
_WORDS_PER_MINUTE, _VOLUME, _PITCH, _WORD_GAP = 1, 2, 3, 7
_HEADROOM = 80
"""Volume in percent at which no voice clips."""
_NOISE_SEED = 1
"""Of the noise in breathy voices; the library would take the time of day."""
_LIST_END, _WORD, _CLAUSE_END, _PHONEME = 0, 1, 5, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a text is spoken."""

    voice: str
    """An espeak-ng language and variant, such as `en-us+f2`."""
    words_per_minute: int = 175
    pitch: int = 50
    """0 … 99."""
    word_gap: int = 0
    """Silence between words, in steps of 10 ms at the default speed."""
    pause: int = 0
    """Samples of silence added after every sentence, half of them after other clauses."""
    lead: int = 0
    """Samples of silence added before the first word."""
    tail: int = 0
    """Samples of silence added after the last."""
    snr: float | None = None
    """Signal-to-noise ratio in dB of what `narration` adds; `speak` itself adds none."""


class SpokenWord(NamedTuple):
    """A whitespace-separated word and its samples [start, end) at 22.05 kHz."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A spoken text: mono 16-bit samples, and one entry per word: monotone, disjoint, never empty."""

    samples: Pcm
    words: tuple[SpokenWord, ...]


class Event(NamedTuple):
    """What the synthesizer reports: `position` counts code points from 1, `sample` is exact."""

    kind: int
    position: int
    length: int
    sample: int
    phoneme: str


def require() -> None:
    """Raise MissingExtra or ConfigError now, where `speak` could not run."""
    _library()


def version() -> str:
    """The synthesizer and its version."""
    library = _library()
    library.espeak_Info.restype = ctypes.c_char_p
    return f"espeak-ng {library.espeak_Info(None).decode()}"


def speak(text: str, style: Style) -> Spoken:
    """Equal arguments give equal samples, whatever was spoken before; raises Unavailable if the child dies."""
    library = _library()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "wb") as out:
                out.write(_answer(library, text, style))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        header, _, pcm = source.read().partition(b"\n")
    os.waitpid(child, 0)
    fields: dict[str, Any] = json.loads(header) if header else {"error": "it died"}
    if "error" in fields:
        raise Unavailable(f"espeak-ng could not speak {text!r}: {fields['error']}.")
    events = [Event(*event) for event in fields["events"]]
    words = word_times(text, events, fields["phonemes"])
    return _with_pauses(text, np.frombuffer(pcm, dtype="<i2").astype(np.int16), words, events, style)


def word_times(text: str, events: Sequence[Event], phonemes: Sequence[int]) -> tuple[SpokenWord, ...]:
    """Times of every whitespace-separated word; `phonemes` is how many each has when spoken alone.

    The synthesizer speaks some pairs ("in the") as one: their stretch is cut at a phoneme, in proportion to `phonemes`.
    """
    tokens = [(m.group(), m.start() + 1, m.end() + 1) for m in re.finditer(r"\S+", text)]
    starts: dict[int, int] = {}
    for event in events:
        if event.kind == _WORD and event.length > 0:
            index = next((i for i, (_, a, b) in enumerate(tokens) if a <= event.position < b), None)
            if index is not None:
                starts.setdefault(index, event.sample)
    if 0 not in starts:
        raise Unavailable(f"espeak-ng gave no time for the first word of {text!r}.")
    sounds = [(e.sample, not e.phoneme.startswith("_")) for e in events if e.kind == _PHONEME]
    starts[len(tokens)] = max(e.sample for e in events)
    words: list[SpokenWord] = []
    for first, after in pairwise(sorted(starts)):
        start, limit = starts[first], starts[after]
        inside = [(sample, sounding) for sample, sounding in sounds if start <= sample < limit]
        end = _end_of_sound(inside, limit)
        onsets = sorted({sample for sample, sounding in inside if sounding and sample < end})
        edges = _divide(onsets[1:], start, end, phonemes[first:after])
        words += [SpokenWord(tokens[first + k][0], edges[k], edges[k + 1]) for k in range(after - first)]
    return tuple(words)


def _end_of_sound(phonemes: Sequence[tuple[int, bool]], limit: int) -> int:
    """Where the last sounding phoneme ends: at the pause after it, else at `limit`."""
    last = max((i for i, (_, sounding) in enumerate(phonemes) if sounding), default=-1)
    return phonemes[last + 1][0] if last + 1 < len(phonemes) else limit


def _divide(onsets: Sequence[int], start: int, end: int, counts: Sequence[int]) -> list[int]:
    """`len(counts)` + 1 edges from `start` to `end`; the inner ones are among `onsets` where those suffice."""
    words, inner = len(counts), []
    for k in range(1, words):
        share = sum(counts[:k]) / sum(counts)
        if len(onsets) >= words - 1:
            nearest = round((len(onsets) + 1) * share)
            inner.append(onsets[min(max(nearest, k), len(onsets) - (words - 1 - k)) - 1])
        else:
            inner.append(start + int((end - start) * share))
    return [start, *inner, end]


def _with_pauses(text: str, pcm: Pcm, words: Sequence[SpokenWord], events: Sequence[Event], style: Style) -> Spoken:
    """The samples with the style's silences inserted, and the words moved accordingly."""
    insertions = [(0, style.lead)]
    for event in events:
        if event.kind == _CLAUSE_END and event.sample < words[-1].start:
            sentence = text[: event.position].rstrip(" \"'")[-1:] in ".!?"
            insertions.append((event.sample, style.pause if sentence else style.pause // 2))
    pieces: list[Pcm] = []
    cursor = 0
    for at, length in insertions:
        pieces += [pcm[cursor:at], np.zeros(length, np.int16)]
        cursor = at
    pieces += [pcm[cursor:], np.zeros(style.tail, np.int16)]
    moved = []
    for word in words:
        shift = sum(length for at, length in insertions if at <= word.start)
        moved.append(SpokenWord(word.text, word.start + shift, word.end + shift))
    return Spoken(np.concatenate(pieces), tuple(moved))


class _Name(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng 1.52."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Name),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@cache
def _library() -> ctypes.CDLL:
    """The library, initialised, and never spoken with in this process."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise MissingExtra("The demo corpus", "espeakng-loader", "demo") from error
    if not hasattr(os, "fork"):
        raise ConfigError("The demo corpus can only be spoken on a POSIX system: it forks.")
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    options = _PHONEME_EVENTS | _DONT_EXIT
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(espeakng_loader.get_data_path()), options)
    if rate != RATE:
        raise Unavailable(f"espeak-ng must start with {RATE} Hz, but answered {rate}.")
    return library


def _answer(library: ctypes.CDLL, text: str, style: Style) -> bytes:
    """What the child sends: one JSON line (events and phonemes of each word alone, or an error), then the samples."""
    try:
        pcm, events = _synthesize(library, text, style)
        header = {"events": events, "phonemes": [_phonemes_alone(library, word) for word in text.split()]}
    except Exception as error:
        pcm, header = b"", {"error": str(error)}
    return json.dumps(header).encode() + b"\n" + pcm


def _synthesize(library: ctypes.CDLL, text: str, style: Style) -> tuple[bytes, list[Event]]:
    chunks: list[bytes] = []
    events: list[Event] = []

    def receive(samples: int | None, count: int, reported: Any) -> int:
        if samples and count:
            chunks.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while (event := reported[index]).kind != _LIST_END:
            name = event.id.string.decode("utf-8", "replace") if event.kind == _PHONEME else ""
            events.append(Event(event.kind, event.position, event.length, event.sample, name))
            index += 1
        return 0

    callback = _Callback(receive)
    library.espeak_SetSynthCallback(callback)
    _check(library.espeak_SetVoiceByName(style.voice.encode()), f"it has no voice {style.voice}")
    settings = {
        _WORDS_PER_MINUTE: style.words_per_minute,
        _PITCH: style.pitch,
        _WORD_GAP: style.word_gap,
        _VOLUME: _HEADROOM,
    }
    for parameter, value in settings.items():
        _check(library.espeak_SetParameter(parameter, value, 0), f"it refuses {value} for parameter {parameter}")
    library.espeak_ng_SetRandSeed(ctypes.c_long(_NOISE_SEED))
    ctypes.CDLL(None).srand(_NOISE_SEED)
    data = text.encode()
    unsigned = ctypes.c_uint
    size = ctypes.c_size_t(len(data) + 1)
    status = library.espeak_Synth(data, size, unsigned(0), _CHARACTERS, unsigned(0), unsigned(_UTF8), None, None)
    _check(status, "it failed")
    return b"".join(chunks), events


def _phonemes_alone(library: ctypes.CDLL, word: str) -> int:
    data = ctypes.c_char_p(word.encode())
    pointer = ctypes.cast(ctypes.pointer(data), ctypes.POINTER(ctypes.c_void_p))
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    spelled = library.espeak_TextToPhonemes(pointer, _UTF8, ord("_") << 8)
    return len([p for p in (spelled or b"").strip().split(b"_") if p]) or 1


def _check(status: int, problem: str) -> None:
    if status != 0:
        raise Unavailable(f"{problem} (status {status})")
