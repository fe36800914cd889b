"""Commands in place of paths: read, never run."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lstdata.errors import Rejected
from lstdata.sources.pipes import Piped, piped


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat a.wav |", Piped("a.wav")),
        ("cat 'a  b.wav'", Piped("a  b.wav")),
        (r"cat a\ b.wav |", Piped("a b.wav")),
        ("flac -c -d -s a.flac |", Piped("a.flac")),
        ("flac -cds /x/a.flac |", Piped("/x/a.flac")),
        ("/opt/bin/flac --decode a.flac --stdout --silent |", Piped("a.flac")),
        ("sph2pipe -f wav a.sph |", Piped("a.sph")),
        ("sph2pipe -f wav -p -c 1 a.sph |", Piped("a.sph", 0, is_mono=True)),
        ("/kaldi/tools/sph2pipe_v2.5/sph2pipe -c2 -f wav a.sph 2>/dev/null |", Piped("a.sph", 1, is_mono=True)),
        ("sox a.mp3 -t wav - |", Piped("a.mp3")),
        ("sox -V1 -t sph a.sph -t wav -b16 -e signed-integer - |", Piped("a.sph")),
        ("sox a.mp3 -r 16000 -c 1 -b 16 -t wav - |", Piped("a.mp3", None, 16_000, is_mono=True)),
        ("sox a.mp3 -r44.1k -t wav - |", Piped("a.mp3", None, 44_100)),
        ("sox a.wav -t wav - remix 2 |", Piped("a.wav", 1, is_mono=True)),
        ("ffmpeg -i a.m4a -f wav - |", Piped("a.m4a")),
        (
            "ffmpeg -nostdin -loglevel quiet -i a.opus -acodec pcm_s16le -ar 16000 -ac 1 -f wav pipe:1 |",
            Piped("a.opus", None, 16_000, is_mono=True),
        ),
    ],
)
def test_the_file_and_its_channel(command: str, expected: Piped) -> None:
    assert piped(command) == expected


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sox --null -t wav - synth 3s sine 300-3300 |", "`--null`"),
        ("sox a.wav -t wav - speed 1.1 |", "`speed` changes"),
        ("sox a.wav -t wav - remix 1,2 |", "`remix` changes"),
        ("sox -v 0.5 a.wav -t wav - |", "`-v` may change"),
        ("sox -r 8000 a.wav -t wav - |", "`-r` may change"),
        ("sox -t raw a.raw -t wav - |", "`-t raw` may change"),
        ("sox a.wav -r 8000 -t wav - |", "lowers the rate to 8000"),
        ("sox a.wav -b 8 -t wav - |", "`-b 8` may change"),
        ("sox a.wav b.wav -t wav - |", "one file"),
        ("sox - -t wav - |", "one file"),
        ("sph2pipe -t 1:2 -f wav a.sph |", "`-t1?"),
        ("sph2pipe -f wav a.sph b.wav |", "one file"),
        ("flac -c a.wav |", "must decode"),
        ("flac -dc --skip=100 a.flac |", "`--skip=100`"),
        ("ffmpeg -ss 3 -i a.wav -f wav - |", "`-ss"),
        ("ffmpeg -f lavfi -i sine -f wav - |", "`-f lavfi`"),
        ("ffmpeg -i a.wav -af volume=2 -f wav - |", "`-af"),
        ("ffmpeg -i a.wav -i b.wav -f wav - |", "one file"),
        ("ffmpeg x.wav -i a.wav -f wav - |", "standard output"),
        ("ffmpeg -i a.wav -f wav out.wav |", "standard output"),
        ("cat a.wav b.wav |", "one file"),
        ("cat |", "one file"),
        ("cat -- a.wav |", "one file"),
        ("zcat a.gz |", "only cat, flac, sph2pipe, sox, ffmpeg are understood"),
        ("|", "empty"),
        ("cat a.wav | sox - -t wav - |", r"`\|` is for a shell"),
        ("cat a.wav; touch owned |", "`;` is for a shell"),
        ("cat $(touch owned) |", r"`\$` is for a shell"),
        ("cat `touch owned` |", "is for a shell"),
        ("cat *.wav |", r"`\*` is for a shell"),
        ("cat ~/a.wav |", "`~` is for a shell"),
        ("cat a.wav > b |", "`>` is for a shell"),
        ("cat a.wav\ntouch owned", "a line break"),
        ("cat 'a.wav |", "quote"),
    ],
)
def test_what_does_more_than_hand_on_a_file_is_refused(command: str, why: str) -> None:
    with pytest.raises(Rejected, match=why) as caught:
        piped(command)
    assert caught.value.reason == "unsupported_command"
    assert "commands from data are never run" in caught.value.detail


def test_a_long_command_is_named_shortened_on_one_line() -> None:
    with pytest.raises(Rejected) as caught:
        piped("zcat " + "  x" * 5_000)
    assert len(caught.value.detail) < 300
    assert re.search(r"`zcat x x .*…`", caught.value.detail)


@given(path=st.text(st.characters(exclude_characters="$`*?[{\n~#\0", codec="utf-8"), min_size=1))
@example(path="it's")
@example(path="a | b")
def test_any_path_that_a_shell_would_take_as_it_is(path: str) -> None:
    if path.startswith("-") or path[0] in "|&;<>()":
        return
    assert piped(f"cat {shlex.quote(path)} |") == Piped(path)


@given(
    words=st.lists(st.sampled_from("cat flac sox sph2pipe ffmpeg -i -f -d -c -t -r -b wav 16k - a b.sph remix".split()))
)
def test_nothing_but_a_verdict_is_raised_and_nothing_run(words: list[str]) -> None:
    def run(*args: object, **options: object) -> None:
        raise AssertionError("a command of data was run")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", run)
        with contextlib.suppress(Rejected):
            assert piped(" ".join(words)).path in words
