"""Written numbers as the words that people say for them; the number names themselves are num2words'."""

from __future__ import annotations

import re
from functools import lru_cache

CURRENCIES = {
    "$": ("dollar", "dollars", "cents"),
    "£": ("pound", "pounds", "pence"),
    "€": ("euro", "euros", "cents"),
    "¥": ("yen", "yen", ""),
    "₹": ("rupee", "rupees", "paise"),
}
"""Symbol: one, several, hundredths."""

MAGNITUDES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion", "tn": "trillion"}
"""What a letter after an amount of money stands for."""

UNITS = {
    "am": "a m", "pm": "p m", "km": "kilometers", "cm": "centimeters", "mm": "millimeters", "kg": "kilograms",
    "mph": "miles per hour", "ft": "feet", "lb": "pounds", "lbs": "pounds", "oz": "ounces", "hz": "hertz",
    "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "mb": "megabytes", "gb": "gigabytes", "min": "minutes",
    "hrs": "hours", "%": "percent", "¢": "cents",
}  # fmt: skip
"""What may follow a number without a space."""

_DENOMINATORS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_LONGEST_CARDINAL = 15
"""More digits than this are read one by one, as are numbers that begin with a zero."""

_ROMAN = re.compile(r"(?=..)(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


@lru_cache(4096)
def cardinal(digits: str) -> tuple[str, ...]:
    """`42` → forty two; `007` → zero zero seven."""
    if len(digits) > _LONGEST_CARDINAL or (len(digits) > 1 and digits.startswith("0")):
        return tuple(word for digit in digits for word in cardinal(digit))
    return _named(int(digits), "cardinal")


@lru_cache(4096)
def ordinal(digits: str) -> tuple[str, ...]:
    """`42` → forty second."""
    return _named(int(digits), "ordinal") if len(digits) <= _LONGEST_CARDINAL else cardinal(digits)


@lru_cache(4096)
def year_or_count(digits: str) -> tuple[str, ...]:
    """A bare whole number: four digits from 1100 to 1999 and from 2010 to 2099 are read in pairs, as years are."""
    value = int(digits) if len(digits) == 4 else 0
    return _named(value, "year") if 1100 <= value < 2000 or 2010 <= value < 2100 else cardinal(digits)


def decade(digits: str) -> tuple[str, ...]:
    """`1990` → nineteen nineties; `5` → fives."""
    *rest, last = year_or_count(digits)
    plural = last[:-1] + "ies" if last.endswith("y") else last + ("es" if last.endswith("x") else "s")
    return (*rest, plural)


def decimal(whole: str, fraction: str) -> tuple[str, ...]:
    """`3`, `14` → three point one four; no whole part is not spoken."""
    return (*(cardinal(whole) if whole else ()), "point", *(w for digit in fraction for w in cardinal(digit)))


def money(symbol: str, whole: str, fraction: str, magnitude: str = "") -> tuple[str, ...]:
    """`$`, `5`, `99` → five dollars ninety nine; with a magnitude (`million`): five point nine nine million dollars."""
    one, several, hundredths = CURRENCIES[symbol]
    if magnitude or (fraction and len(fraction) != 2):
        amount = decimal(whole, fraction) if fraction else cardinal(whole)
        return (*amount, *((magnitude,) if magnitude else ()), several)
    words = (*cardinal(whole), one if whole == "1" else several) if whole else ()
    if not fraction.strip("0"):
        return words
    part = cardinal(fraction.lstrip("0"))
    return (*words, *part) if whole and whole != "0" else (*part, hundredths)


def fraction(numerator: str, denominator: str) -> tuple[str, ...] | None:
    """`3`, `4` → three quarters; None where the pair is no ordinary fraction (`24/7`, `9/11`)."""
    over, under = int(numerator), int(denominator)
    if not (0 < over < under <= 10 or (under == 100 and over < 100)):
        return None
    one, several = _DENOMINATORS.get(under, (" ".join(ordinal(denominator)), " ".join(ordinal(denominator)) + "s"))
    return (*cardinal(numerator), *(one if over == 1 else several).split())


def clock(hours: str, minutes: str) -> tuple[str, ...]:
    """`12`, `05` → twelve oh five."""
    hour = cardinal(hours.lstrip("0") or "0")
    if minutes == "00":
        return (*hour, "o'clock")
    return (*hour, "oh", *cardinal(minutes[1])) if minutes[0] == "0" else (*hour, *cardinal(minutes))


def roman(numeral: str) -> str | None:
    """`XIV` → 14 as digits, for the numerals of two letters and more up to XCIX; None for anything else."""
    if not _ROMAN.fullmatch(numeral):
        return None
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return str(sum(-v if v < max(values[i:]) else v for i, v in enumerate(values)))


def _named(value: int, kind: str) -> tuple[str, ...]:
    from num2words import num2words

    spoken: str = num2words(value, lang="en", to=kind)
    return tuple(re.sub(r"[^a-z ]+", " ", spoken.lower()).split())
