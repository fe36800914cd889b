"""Which letters of a transcript are which letters of a file's words: both as they are spoken, numbers written out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from lstdata.align.normalise import spoken_tokens
from lstdata.errors import Rejected

LEAST_SHARE = 0.8
"""Of the transcript's letters that must be in the file, in order; else the file is of something else."""

LEAST_SAID = 0.5
"""Of the file's letters that must be in the transcript: in a long file, a few words are found anywhere."""

_MOST_PAIRS = 20_000_000
"""Equal pairs of tokens that are compared; three hours of English have half of that."""

_MOST_LETTER_PAIRS = 2_000_000
"""The same for the letters between two tokens that match; beyond, they do not match."""

_SHORT = 3
"""Letters up to which also a single one can match."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Words as they are spoken: letters and digits alone, in lower case."""

    tokens: tuple[str, ...]
    edges: tuple[int, ...]
    """Where each token begins among the letters, and where the last ends."""
    words: tuple[tuple[int, int], ...]
    """The letters [first, end) of each word; none of one in which nothing is spoken."""

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def letters_of(words: Sequence[str]) -> Letters:
    """Those of words that may hold several words each."""
    owners = [i for i, word in enumerate(words) for _ in word.split()]
    counts = [0] * len(words)
    tokens: list[str] = []
    for token in spoken_tokens(" ".join(words), _is_word):
        plain = "".join(c for c in token.text if c.isalnum())
        if plain:
            tokens.append(plain)
            counts[owners[token.word]] += len(plain)
    return Letters(tuple(tokens), _edges(map(len, tokens)), tuple(pairwise(_edges(counts))))


def matched(written: Letters, spoken: Letters) -> list[int | None]:
    """For each letter of the transcript the one of the file that it is, rising. Raises Rejected."""
    pairs = [0] * len(written.text)
    found: list[int | None] = [None for _ in pairs]
    _require_few(written.tokens, spoken.tokens)
    matcher = SequenceMatcher(None, written.tokens, spoken.tokens, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        first, last, at, end = written.edges[a], written.edges[b], spoken.edges[c], spoken.edges[d]
        if tag == "equal":
            found[first:last] = range(at, end)
        elif tag == "replace":
            _match_letters(found, written.text[first:last], spoken.text[at:end], first, at)
    _require_match(found, len(spoken.text))
    return found


def _is_word(spelling: str) -> bool:
    """Every spelling is taken as it is: a file may name `rsvp` in one or letter by letter, its letters are the same."""
    return spelling.replace("'", "").isalpha()


def _edges(lengths: Sequence[int] | map[int]) -> tuple[int, ...]:
    return tuple(accumulate(lengths, initial=0))


def _match_letters(found: list[int | None], written: str, spoken: str, first: int, at: int) -> None:
    """What differs as tokens may be alike as letters: `woodcutters`, `wood cutters`; single ones are chance."""
    if _equal_pairs(written, spoken) > _MOST_LETTER_PAIRS:
        return
    least = 1 if max(len(written), len(spoken)) <= _SHORT else 2
    for a, b, size in SequenceMatcher(None, written, spoken, autojunk=False).get_matching_blocks():
        if size >= least:
            found[first + a : first + a + size] = range(at + b, at + b + size)


def _equal_pairs(some: Sequence[str], others: Sequence[str]) -> int:
    counted = Counter(others)
    return sum(n * counted[item] for item, n in Counter(some).items())


def _require_few(written: tuple[str, ...], spoken: tuple[str, ...]) -> None:
    if _equal_pairs(written, spoken) > _MOST_PAIRS:
        raise Rejected(
            "transcript_too_long",
            f"a transcript of {len(written)} spoken words cannot be matched with a file of {len(spoken)}; segment it.",
        )


def _require_match(found: list[int | None], spoken: int) -> None:
    if not found:
        raise Rejected("no_speakable_words", "the transcript holds nothing that is spoken.")
    matching = sum(letter is not None for letter in found)
    if matching < LEAST_SHARE * len(found):
        share = 100 * matching / len(found)
        detail = f"at least {LEAST_SHARE:.0%} of the transcript's letters must be in the file, but {share:.1f} % are."
        raise Rejected("transcript_mismatch", detail)
    if matching < LEAST_SAID * spoken:
        share = 100 * matching / spoken
        detail = f"at least {LEAST_SAID:.0%} of the file's letters must be in the transcript, but {share:.1f} % are."
        raise Rejected("transcript_mismatch", detail)
