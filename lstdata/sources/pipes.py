"""The commands that manifests give in place of a path, read and never run: which file, and which of its channels.

Understood are those that hand on a file's own signal, perhaps in another format, mixed down, or at a rate no lower than
ours: that is done to every recording anyway. What any other command does would be left undone, so it is refused.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lstdata.errors import Rejected
from lstdata.records import SAMPLE_RATE

_NO_MESSAGES = re.compile(r"\s2>\s*/dev/null$")
_SHELL = re.compile(r"[$`*?\[{\n]|^~|^#|\s~|\s#")
"""What a shell puts something else in the place of."""


@dataclass(frozen=True, slots=True)
class Piped:
    """What a command reads."""

    path: str
    channel: int | None = None
    """From 0; None hands on all of them."""
    rate: int | None = None
    """Hertz of what it hands on, where that may be another rate than the file's."""
    is_mono: bool = False
    """Whether it hands on one channel for certain: that one, or the mean of all."""


class _Refused(Exception):
    """The part of a command for which it is refused."""


def piped(command: str) -> Piped:
    """What a command that writes audio to standard output reads; a `|` may be at its end, as Kaldi writes it.

    Raises Rejected `unsupported_command`.
    """
    command = command.strip().removesuffix("|").strip()
    try:
        words = _words(_NO_MESSAGES.sub("", command))
        read = _PROGRAMS.get(os.path.basename(words[0]))
        if read is None:
            raise _Refused("only " + ", ".join(_PROGRAMS) + " are understood")
        return read(words[1:])
    except _Refused as why:
        shown = " ".join(command.split())
        shown = shown if len(shown) <= 100 else f"{shown[:99]}…"
        detail = f"commands from data are never run, and `{shown}` does not stand for one file: {why}."
        raise Rejected("unsupported_command", detail) from None


def _words(command: str) -> list[str]:
    """As a shell would split it; refused where a shell would do more than that."""
    if found := _SHELL.search(command):
        raise _Refused(f"`{found[0].strip() or 'a line break'}` is for a shell")
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        raise _Refused("a quote is never closed") from None
    for word in words:
        if word[:1] in tuple("|&;<>()"):
            raise _Refused(f"`{word:.20}` is for a shell")
    if not words:
        raise _Refused("it is empty")
    return words


def _cat(words: list[str]) -> Piped:
    return Piped(_path_and_end(words))


def _flac(words: list[str]) -> Piped:
    clusters = [[f"-{flag}" for flag in word[1:]] if re.fullmatch(r"-[dcsf]+", word) else [word] for word in words]
    words = [word for cluster in clusters for word in cluster]
    options = _options_anywhere(words, _FLAC)
    if not ({"-d", "--decode"} & options.keys() and {"-c", "--stdout"} & options.keys()):
        raise _Refused("it must decode (`-d`) to standard output (`-c`)")
    return Piped(_path_and_end(words))


def _sph2pipe(words: list[str]) -> Piped:
    options = _options_anywhere(words, _SPH2PIPE)
    channel = int(options["-c"]) - 1 if "-c" in options else None
    return Piped(_path_and_end(words), channel, is_mono=channel is not None)


def _sox(words: list[str]) -> Piped:
    _leading_options(words, _SOX_INPUT)
    path = _path(words)
    options = _leading_options(words, _SOX_OUTPUT)
    if words[:1] != ["-"]:
        raise _Refused("it must read one file and write to standard output (`-`)")
    channel, effects = None, words[1:]
    if effects[:1] == ["remix"] and re.fullmatch("[1-9]", effects[-1]) and len(effects) == 2:
        channel, effects = int(effects[1]) - 1, []
    if effects:
        raise _Refused(f"the effect `{effects[0]:.20}` changes the signal")
    return Piped(path, channel, _rate(options.get("-r")), is_mono=channel is not None or "-c" in options)


def _ffmpeg(words: list[str]) -> Piped:
    if words.count("-i") != 1:
        raise _Refused("it must read one file (`-i`)")
    before, after = words[: words.index("-i")], words[words.index("-i") + 1 :]
    _leading_options(before, _FFMPEG_INPUT)
    path = _path(after)
    options = _leading_options(after, _FFMPEG_OUTPUT)
    if before or after not in (["-"], ["pipe:"], ["pipe:1"]):
        raise _Refused("it must write to standard output (`-`)")
    return Piped(path, rate=_rate(options.get("-ar")), is_mono="-ac" in options)


_PROGRAMS: dict[str, Callable[[list[str]], Piped]] = {
    "cat": _cat,
    "flac": _flac,
    "sph2pipe": _sph2pipe,
    "sox": _sox,
    "ffmpeg": _ffmpeg,
}

_Options = Mapping[str, str | None]
"""The options that leave the signal as it is: a pattern of the values for which they do, None for a flag."""

_FLAC: _Options = dict.fromkeys(
    ("-d", "-c", "-s", "-f", "--decode", "--stdout", "--silent", "--totally-silent", "--force")
)
_SPH2PIPE: _Options = {"-p": None, "-f": "wav|rif|aif|au|sph", "-c": "[12]"}
_QUIET_SOX: _Options = dict.fromkeys(("-q", "-D", "-R", "-V", "-V0", "-V1", "-V2", "-V3"))
_SOX_INPUT: _Options = {**_QUIET_SOX, "-t": "(?!raw|null).*"}
_SOX_OUTPUT: _Options = {
    "-t": "wav|wavpcm|flac|aiff",
    "-b": "16|24|32",
    "-e": "signed(-integer)?|float(ing-point)?",
    "-s": None,
    "-c": "1",
    "-r": r"[\d.]+k?",
    "-D": None,
    "-R": None,
}
_QUIET_FFMPEG: _Options = dict.fromkeys(("-nostdin", "-hide_banner", "-nostats", "-y", "-vn", "-sn", "-dn"))
_FFMPEG_INPUT: _Options = {
    **_QUIET_FFMPEG,
    "-loglevel": ".*",
    "-v": ".*",
    "-threads": ".*",
    "-f": "[a-z0-9]*(?<!lavfi)",
}
_CODECS = "pcm_(s16|s24|s32|f32)le|flac"
_FFMPEG_OUTPUT: _Options = {
    **_QUIET_FFMPEG,
    **dict.fromkeys(("-acodec", "-codec:a", "-c:a", "-c"), _CODECS),
    "-f": "wav|flac",
    "-ac": "1",
    "-ar": r"\d+",
    "-loglevel": ".*",
    "-v": ".*",
    "-threads": ".*",
    "-sample_fmt": "s16|s32|flt",
    "-bitexact": None,
}


def _options_anywhere(words: list[str], allowed: _Options) -> dict[str, str]:
    """Options before, between and after what is none; only that is left in `words`."""
    options, others = _leading_options(words, allowed), []
    while words:
        others.append(words.pop(0))
        options |= _leading_options(words, allowed)
    words[:] = others
    return options


def _leading_options(words: list[str], allowed: _Options) -> dict[str, str]:
    """Options up to the first word that is none, taken off `words`; `-r16k` is `-r 16k`."""
    options: dict[str, str] = {}
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        name, value = (word, "") if word in allowed else (word[:2], word[2:])
        if name not in allowed:
            raise _Refused(f"`{word:.40}` may change the signal")
        pattern = allowed[name]
        if pattern is not None and not value:
            value = words.pop(0) if words else ""
        if not re.fullmatch(pattern or "", value):
            raise _Refused(f"`{name} {value:.40}` may change the signal")
        options[name] = value
    return options


def _path(words: list[str]) -> str:
    path = words.pop(0) if words else ""
    if not path or path.startswith("-"):
        raise _Refused("it must read one file")
    return path


def _path_and_end(words: list[str]) -> str:
    path = _path(words)
    if words:
        raise _Refused("it must read one file and write to standard output")
    return path


def _rate(value: str | None) -> int | None:
    """Hertz, which must not be fewer than ours: less of the signal would be left than we take from the file."""
    if value is None:
        return None
    hertz = float(value.removesuffix("k")) * (1000 if value.endswith("k") else 1)
    if hertz < SAMPLE_RATE:
        raise _Refused(f"it lowers the rate to {value}")
    return int(hertz)
