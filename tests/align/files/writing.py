"""Word times written as other tools write them, and records that ask for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lstdata.align.files import WordFiles, open_word_files
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import Alignment
from lstdata.source_row import Locator, SourceRow

Times = Sequence[tuple[str, float, float]]


def textgrid(times: Times, tier: str = "words", *, short: bool = False) -> str:
    """One interval tier; gaps are empty intervals."""
    intervals: list[tuple[float, float, str]] = []
    at = 0.0
    for word, start, end in times:
        if start > at:
            intervals.append((at, start, ""))
        intervals.append((start, end, word.replace('"', '""')))
        at = end
    tiers = f'"IntervalTier"\n"{tier}"\n0\n{at}\n{len(intervals)}\n'
    if short:
        body = "".join(f'{start}\n{end}\n"{text}"\n' for start, end, text in intervals)
        return f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{at}\n<exists>\n1\n{tiers}{body}'
    body = "".join(
        f'        intervals [{i}]:\n            xmin = {start}\n            xmax = {end}\n            text = "{text}"\n'
        for i, (start, end, text) in enumerate(intervals, 1)
    )
    return (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {at}\ntiers? <exists>\nsize = 1\n'
        f'item []:\n    item [1]:\n        class = "IntervalTier"\n        name = "{tier}"\n        xmin = 0\n'
        f"        xmax = {at}\n        intervals: size = {len(intervals)}\n{body}"
    )


def ctm(recording: str, times: Times, channel: str = "1") -> str:
    return "".join(f"{recording} {channel} {start!r} {end - start!r} {word}\n" for word, start, end in times)


def whisper(times: Times) -> str:
    words = [{"word": f" {word}", "start": start, "end": end, "probability": 0.5} for word, start, end in times]
    return json.dumps({"text": "", "segments": [{"words": words}]})


def pairs(file_id: str, frames: Sequence[tuple[str, int]]) -> str:
    """(word or `[SIL]`, number of ids), in order."""
    parts = "".join(f"<LST MODE SEP>TEXT {word} <LST MODE SEP>HUBERT {'7 ' * n}" for word, n in frames)
    return json.dumps({"file_id": file_id, "interleaved": parts}) + "\n"


def files_at(folder: Path, contents: dict[str, str | bytes], **options: Any) -> WordFiles:
    """The files opened, after they are written to a folder."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_word_files(WordsConfig(aligner="files", files=str(folder), **options))


def record(id: str = "a", text: str | None = None, recording: str = "", **fields: Any) -> SourceRow:
    return SourceRow(**{"locator": Locator(path="x"), **fields}, id=id, text=text, recording=recording or id)


def spans(alignment: Alignment) -> list[tuple[str, int, int]]:
    """Words with their milliseconds."""
    return [(word.text, round(word.start / 16), round(word.end / 16)) for word in alignment.words]


def guesses(alignment: Alignment) -> list[str]:
    return [word.text for word in alignment.words if word.interpolated]


def verdict(files: WordFiles, row: SourceRow, samples: int = 160_000) -> tuple[str, str]:
    with pytest.raises(Rejected) as caught:
        files.align(row, samples)
    return caught.value.reason, caught.value.detail
