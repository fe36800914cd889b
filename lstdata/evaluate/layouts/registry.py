"""Every layout by its name, and which of them a file or folder is in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from lstdata.errors import ConfigError, Rejected
from lstdata.evaluate.items import parse_items
from lstdata.evaluate.layouts import FOLDERS
from lstdata.evaluate.layouts.hellaswag import read_hellaswag
from lstdata.evaluate.layouts.pairing import recordings_in
from lstdata.evaluate.layouts.pairs import read_pairs
from lstdata.evaluate.layouts.reading import Reading
from lstdata.evaluate.layouts.spoken import with_recordings
from lstdata.evaluate.layouts.spoken_storycloze import NAME, read_spoken_storycloze
from lstdata.evaluate.layouts.storycloze import ID, read_storycloze
from lstdata.evaluate.layouts.zerospeech import GOLD, read_sblimp, read_swuggy
from lstdata.sources.encoding import json_lines
from lstdata.sources.table import first_columns
from lstdata.storage import names_in, read_given

if TYPE_CHECKING:
    from upath import UPath

Reader = Callable[["UPath"], Reading]

_OF_FOLDERS: Final[dict[str, Reader]] = {
    "swuggy": read_swuggy,
    "swuggy-inter": partial(read_swuggy, vocabulary="in"),
    "swuggy-oov": partial(read_swuggy, vocabulary="out"),
    "sblimp": read_sblimp,
    "spoken-storycloze": read_spoken_storycloze,
}
_OF_TEXTS: Final[dict[str, Reader]] = {"storycloze": read_storycloze, "hellaswag": read_hellaswag}
_TABLES: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def read_layout(given: UPath, layout: str = "auto", audio: UPath | None = None) -> Reading:
    """The items of a file or folder; `audio` is the folder of their recordings where it is another.

    ConfigError where it is not in that layout, is in none, or has no item that is whole.
    """
    if layout == "auto":
        layout = _found(given)
    is_folder = bool(names_in(given))
    if is_folder != (layout in FOLDERS):
        what = "a folder with recordings" if layout in FOLDERS else "a file"
        raise ConfigError(f"`items` of the layout {layout} must be {what}, but is `{given}`.")
    if layout in FOLDERS and audio is not None:
        raise ConfigError(f"`audio` is for texts and tables, but the layout {layout} has recordings of its own.")
    if layout == "items":
        return _items(given, audio)
    if layout in FOLDERS:
        reading = _OF_FOLDERS[layout](given)
    elif layout == "pairs":
        reading = read_pairs(given, audio)
    else:
        reading = _OF_TEXTS[layout](given)
        reading = reading if audio is None else with_recordings(reading, audio)
    if not reading.items:
        raise ConfigError(f"`{given}` has no items of the layout {layout} that are whole.", *reading.lines()[1:])
    return reading


def _items(given: UPath, audio: UPath | None) -> Reading:
    try:
        text = read_given(str(given), "items", "file of items").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"`{given}` must be UTF-8, but {error.reason} at byte {error.start}.") from error
    return Reading("items", parse_items(text, str(given)), audio or given.parent)


def _found(given: UPath) -> str:
    names = names_in(given)
    if GOLD in names:
        return "sblimp" if "transcription" in first_columns(str(given / GOLD)) else "swuggy"
    if names:
        if any(map(NAME.fullmatch, recordings_in(given))):
            return "spoken-storycloze"
        raise ConfigError(
            f"`items` must be a file, or a folder of recordings with a {GOLD} or named NUMBER_STORY_correct.wav and "
            f"NUMBER_STORY_incorrect.wav, but `{given}` is neither."
        )
    if given.name.endswith(_TABLES):
        return "storycloze" if ID in first_columns(str(given)) else "pairs"
    first = next((row for _, row in json_lines(str(given))), None)
    is_hellaswag = first is not None and not isinstance(first, Rejected) and {"ind", "endings", "label"} <= set(first)
    return "hellaswag" if is_hellaswag else "items"
