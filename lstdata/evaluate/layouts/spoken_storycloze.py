"""The spoken StoryCloze and TopicStoryCloze (github.com/slp-rl/SpokenStoryCloze): `NUMBER_STORY_correct.wav` and
`NUMBER_STORY_incorrect.wav`, each the four sentences and an ending in one recording.

Pairs are made by STORY, never by order; NUMBER counts recordings and means nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lstdata.evaluate.layouts.pairing import Half, paired, recordings_in
from lstdata.evaluate.layouts.reading import Problems, Published, Reading

if TYPE_CHECKING:
    from upath import UPath

NAME: Final = re.compile(r"\d+_(?P<story>.+)_(?P<verdict>correct|incorrect)\.\w+")
PUBLISHED: Final = Published(
    1_871,
    "stories",
    "https://github.com/slp-rl/SpokenStoryCloze (the stories of StoryCloze's test set), "
    "https://huggingface.co/datasets/LSDSem/story_cloze (1,871)",
)


def read_spoken_storycloze(folder: UPath) -> Reading:
    """One item per story, without a prompt: its endings are whole recordings."""
    problems = Problems()
    recordings = recordings_in(folder)
    matches = [match for match in map(NAME.fullmatch, recordings) if match]
    halves = [Half(match["story"], None, match["verdict"] == "correct", match[0]) for match in matches]
    items = paired(halves, recordings, problems)
    return Reading("spoken-storycloze", items, folder, len(items), PUBLISHED, problems.found)
