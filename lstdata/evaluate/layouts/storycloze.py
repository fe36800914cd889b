"""StoryCloze as text: the `cloze_test_{val,test}__….csv` that one gets by way of cs.rochester.edu/nlp/rocstories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lstdata.evaluate.items import Item, Part
from lstdata.evaluate.layouts.reading import BAD_ROWS, DUPLICATES, NO_RIGHT, Problems, Published, Reading, check_columns

if TYPE_CHECKING:
    from upath import UPath

ID: Final = "InputStoryid"
SENTENCES: Final = tuple(f"InputSentence{number}" for number in (1, 2, 3, 4))
ENDINGS: Final = ("RandomFifthSentenceQuiz1", "RandomFifthSentenceQuiz2")
ANSWER: Final = "AnswerRightEnding"

_CARD: Final = "https://huggingface.co/datasets/LSDSem/story_cloze"
PUBLISHED: Final = {
    ("val", "spring2016"): Published(1_871, "stories", _CARD),
    ("test", "spring2016"): Published(1_871, "stories", _CARD),
    ("val", "winter2018"): Published(1_571, "stories", _CARD),
}
_FILE: Final = re.compile(r"cloze_test_(val|test)_*(spring2016|winter2018)")


def read_storycloze(path: UPath) -> Reading:
    """One item per story: the four sentences, joined by spaces, and two endings."""
    check_columns(path, (ID, *SENTENCES, *ENDINGS, ANSWER))
    problems = Problems()
    items: dict[str, Item] = {}
    for number, row in problems.rows(path):
        story = row[ID].strip()
        sentences = [row[column].strip() for column in SENTENCES]
        endings = tuple(Part(row[column].strip() or None) for column in ENDINGS)
        if not story or not all(sentences) or Part() in endings:
            problems.add(BAD_ROWS, f"row {number} (it has an empty field)")
        elif story in items:
            problems.add(DUPLICATES, story)
        elif row[ANSWER].strip() not in ("1", "2"):
            problems.add(NO_RIGHT, story)
        else:
            items[story] = Item(story, story, Part(" ".join(sentences)), endings, int(row[ANSWER]) - 1)
    file = _FILE.search(path.name)
    published = PUBLISHED.get((file[1], file[2])) if file else None
    return Reading("storycloze", list(items.values()), path.parent, len(items), published, problems.found)
