"""A transcript as the words that were spoken, each tied to the written word it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from lstdata.align import numerals

ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "messrs": "messers", "mme": "madame", "dr": "doctor",
    "prof": "professor", "rev": "reverend", "hon": "honorable", "capt": "captain", "col": "colonel", "gen": "general",
    "lt": "lieutenant", "sgt": "sergeant", "maj": "major", "cmdr": "commander", "gov": "governor", "sen": "senator",
    "rep": "representative", "jr": "junior", "sr": "senior", "esq": "esquire", "etc": "et cetera", "vs": "versus",
    "viz": "namely", "approx": "approximately",
    "dept": "department", "corp": "corporation", "inc": "incorporated", "ltd": "limited", "bros": "brothers",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "mt": "mount", "jan": "january",
    "feb": "february", "aug": "august", "sept": "september", "oct": "october", "nov": "november", "dec": "december",
}  # fmt: skip
"""Read so when a period follows; those of `_WITHOUT_PERIOD` also without one."""

SYMBOLS = {"&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "×": "times", "°": "degrees"}

_WITHOUT_PERIOD = frozenset({"mr", "mrs", "ms", "dr", "jr", "etc", "vs", "messrs", "mme", "prof", "sgt", "capt"})
_BEFORE_NUMBER = {
    "no": "number",
    "nos": "numbers",
    "vol": "volume",
    "fig": "figure",
    "figs": "figures",
    "p": "page",
    "pp": "pages",
}
_NUMBERED = frozenset(
    {"chapter", "book", "part", "volume", "vol", "act", "scene", "section", "article", "page", "plate", "figure", "fig",
     "war", "type", "title", "class", "phase"}
)  # fmt: skip
"""A Roman numeral after one of these is a cardinal, after any other name an ordinal."""

_FOLDS = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "＇": "'", "“": '"', "”": '"', "æ": "ae", "Æ": "AE", "œ": "oe",
     "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
     "ß": "ss", "ẞ": "SS", "ı": "i", "№": "#", "⁄": "/", "∕": "/", "−": "-", "‐": "-", "‑": "-", "‒": "-"}
)  # fmt: skip
_EVENT = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\*[a-z ]+\*")
"""Transcribers' marks of noises: `<VOCNOISE>`, `[laughter]`, `{cough}`; in brackets only if not plain prose."""
_EVENT_NAMES = re.compile(
    r"(?i)\b(noise|laugh\w*|silence|music|cough\w*|breath\w*|applause|inaudible|unintelligible|unk|sigh\w*|crosstalk"
    r"|pause|sniff\w*|blank_audio|background|clear\w* throat|click|lipsmack|lip smack|sil|sp|spn)\b"
)
_DOTTED = re.compile(r"((?:[A-Za-z]\.)+[A-Za-z]?)\.?('s)?")
_LETTERS = r"[^\W\d_]+(?:'[^\W\d_]+)*"
_CHUNK = re.compile(
    rf"""(?P<fraction>(?<![\d/])(?P<over>\d{{1,4}})/(?P<under>\d{{1,4}})(?![\d/]))
    |(?P<clock>(?<![\d:])(?P<hours>[01]?\d|2[0-4]):(?P<minutes>[0-5]\d)(?![\d:]))
    |(?P<number>(?P<sign>(?<![\w-])[-+])?(?P<currency>[$£€¥₹])?(?=\.?\d)
       (?P<whole>\d{{1,3}}(?:,\d{{3}})+(?!\d)|\d+)?(?:\.(?P<decimals>\d+))?
       (?P<suffix>(?:'?s|st|nd|rd|th|[a-zA-Z%¢]+)(?![^\W_]))?)
    |(?P<letters>{_LETTERS})
    |(?P<symbol>[{re.escape("".join(SYMBOLS))}$£€¥₹#])""",
    re.VERBOSE,
)
_DRAWN_OUT = re.compile(r"(.)\1{2,}")
_VOWELS = frozenset("aeiouy")


@dataclass(frozen=True, slots=True)
class Token:
    """One spoken word: lower-case letters and apostrophes."""

    text: str
    word: int
    """Index of the written word that it is, or is a part of."""


def written_words(text: str) -> tuple[str, ...]:
    """The transcript's words as written: what whitespace separates."""
    return tuple(text.split())


def spoken_tokens(text: str, known: Callable[[str], bool]) -> tuple[Token, ...]:
    """What is said for each of `written_words(text)`: none for a dash or `[noise]`, several for `$5` or `well-known`.

    `known` tells whether the aligner has a pronunciation for a spelling, which decides between readings: `x-ray`
    or `x`, `ray`; `rest` or `rest'`. Letters outside the Latin script are kept, for the aligner to judge.
    """
    words = [folded(word) for word in without_events(text).split()]
    mixed_case = any(c.islower() for c in text)
    around = zip(words, ["", *words], [*words[1:], ""], strict=False)
    readings = [_Reading(word, before, after, mixed_case) for word, before, after in around]
    return tuple(Token(spoken, i) for i, reading in enumerate(readings) for spoken in reading.spoken(known))


def latin_share(text: str) -> float:
    """Share of the letters that are of the Latin script; 1 where there are no letters."""
    letters = [c for c in text if c.isalpha()]
    latin = sum(
        unicodedata.name(c, "").startswith(("LATIN", "FULLWIDTH LATIN", "FEMININE", "MASCULINE")) for c in letters
    )
    return latin / len(letters) if letters else 1.0


def without_events(text: str) -> str:
    """The text with its marks of noises blanked, `_` for each of their characters: the words stay where they are."""
    return _EVENT.sub(_blank_event, text)


def folded(word: str) -> str:
    """Accents, quotes, hyphens and compatibility forms made plain; superscripts and invisible characters dropped."""
    return word.translate(_FOLDS) if word.isascii() else "".join(_fold_character(c) for c in word.translate(_FOLDS))


def _fold_character(c: str) -> str:
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    decomposition = unicodedata.decomposition(c)
    if decomposition.startswith("<super>"):
        return ""
    plain = unicodedata.normalize("NFKD", c).translate(_FOLDS)
    if decomposition.startswith("<fraction>"):
        return f"_{plain}_"
    return "".join(p for p in plain if unicodedata.category(p) not in ("Mn", "Cf") and not p.isspace())


def _blank_event(match: re.Match[str]) -> str:
    mark = match[0]
    prose = mark[0] == "[" and not _EVENT_NAMES.search(mark) and any(c.islower() for c in mark)
    return mark if prose else re.sub(r"\S", "_", mark)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One folded word and its neighbours, which some readings depend on."""

    word: str
    before: str
    after: str
    mixed_case: bool

    def spoken(self, known: Callable[[str], bool]) -> list[str]:
        word = self.word.strip('"“”«»()[]{}_,;:!?…*~^|<>\\')
        whole = self._abbreviation(word) or self._numeral(word) or _entry(word.rstrip(".").lower(), known)
        if whole:
            return whole
        out: list[str] = []
        for match in _CHUNK.finditer(word):
            if match["letters"]:
                out += _spelling(match["letters"], known, self.mixed_case)
            elif match["symbol"]:
                out += _symbol(match)
            elif match["fraction"]:
                out += _fraction(match)
            elif match["clock"]:
                out += numerals.clock(match["hours"], match["minutes"])
            else:
                out += self._number(match, known)
        return out

    def _abbreviation(self, word: str) -> list[str]:
        bare = word.rstrip(".").lower()
        period = word.endswith(".")
        if period and bare in _BEFORE_NUMBER and self.after[:1].isdigit():
            return [_BEFORE_NUMBER[bare]]
        if period and bare == "st":
            return ["saint"] if self.after[:1].isupper() else ["street"]
        if bare in ABBREVIATIONS and (period or bare in _WITHOUT_PERIOD):
            return ABBREVIATIONS[bare].split()
        if len(bare) > 1 and _DOTTED.fullmatch(word):
            return _letter_names(bare.replace(".", ""))
        return []

    def _numeral(self, word: str) -> list[str]:
        """A Roman numeral, or the second half of an amount such as `$5 million`."""
        bare = word.rstrip(".").lower()
        if bare in numerals.MAGNITUDES.values() and self.before[:1] in numerals.CURRENCIES and self.before:
            return [bare, numerals.CURRENCIES[self.before[0]][1]]
        number = numerals.roman(word.rstrip(".").removesuffix("'s")) if self.mixed_case else None
        if number is None:
            return []
        is_count = self.before.strip(".,").lower() in _NUMBERED or not self.before[:1].isupper()
        return list(numerals.cardinal(number) if is_count else ("the", *numerals.ordinal(number)))

    def _number(self, match: re.Match[str], known: Callable[[str], bool]) -> list[str]:
        sign = {"-": ["minus"], "+": ["plus"]}.get(match["sign"] or "", [])
        whole, decimals, suffix = (
            (match["whole"] or "").replace(",", ""),
            match["decimals"] or "",
            match["suffix"] or "",
        )
        if match["currency"]:
            if self.after.strip(".,;:!?").lower() in numerals.MAGNITUDES.values() and not suffix:
                return [*sign, *(numerals.decimal(whole, decimals) if decimals else numerals.cardinal(whole))]
            magnitude = numerals.MAGNITUDES.get(suffix.lower(), "")
            return [*sign, *numerals.money(match["currency"], whole, decimals, magnitude)]
        if decimals:
            value = numerals.decimal(whole, decimals)
        elif suffix in ("st", "nd", "rd", "th"):
            return [*sign, *numerals.ordinal(whole)]
        elif suffix in ("s", "'s"):
            return [*sign, *numerals.decade(whole)]
        else:
            value = numerals.cardinal(whole) if sign or "," in (match["whole"] or "") else numerals.year_or_count(whole)
        unit = numerals.UNITS.get(suffix.lower())
        return [*sign, *value, *(unit.split() if unit else _spelling(suffix, known, True) if suffix else [])]


def _entry(bare: str, known: Callable[[str], bool]) -> list[str]:
    """A word that the dictionary has with its hyphens, apostrophes or dots: `x-ray`, `'tis`, `goin'`."""
    candidates = (bare, bare.lstrip("'"), bare.rstrip("'"), bare.strip("-'."))
    return next(([c] for c in candidates if not c.isalpha() and known(c)), [])


def _spelling(chunk: str, known: Callable[[str], bool], mixed_case: bool) -> list[str]:
    """A stretch of letters: a word, a drawn-out word (`sooo`), or letters said one by one (`RSVP`)."""
    word = chunk.lower()
    for candidate in (word, _DRAWN_OUT.sub(r"\1\1", word), _DRAWN_OUT.sub(r"\1", word)):
        if known(candidate):
            return [candidate]
    stem = word.removesuffix("'s")
    initials = mixed_case and chunk[: len(stem)].isupper() and len(stem) <= 4
    if (
        len(stem) > 1
        and stem.isascii()
        and stem.isalpha()
        and not known(stem)
        and (initials or not _VOWELS & set(stem))
    ):
        return _letter_names(word)
    return [word]


def _letter_names(word: str) -> list[str]:
    """`fbi's` → f, b, i's."""
    stem = word.removesuffix("'s")
    return [*stem[:-1], stem[-1] + word[len(stem) :]]


def _symbol(match: re.Match[str]) -> list[str]:
    symbol = match["symbol"]
    if symbol == "#":
        return ["number"] if match.string[match.end() : match.end() + 1].isdigit() else []
    return [SYMBOLS.get(symbol) or numerals.CURRENCIES[symbol][1]]


def _fraction(match: re.Match[str]) -> list[str]:
    over, under = match["over"], match["under"]
    spoken = numerals.fraction(over, under)
    if spoken is None:
        return [*numerals.year_or_count(over), *numerals.year_or_count(under)]
    after_whole = match.string[: match.start()].rstrip("_")[-1:].isdigit()
    return ["and", "a" if over == "1" else spoken[0], *spoken[1:]] if after_whole else list(spoken)
