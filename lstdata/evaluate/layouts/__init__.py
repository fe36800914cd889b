"""Benchmarks as they are published, read into items: every pair is accounted for, and their number is compared."""

from typing import Final

FOLDERS: Final = ("swuggy", "swuggy-inter", "swuggy-oov", "sblimp", "spoken-storycloze")
"""Layouts that are folders of recordings; the others are files."""

LAYOUTS: Final = ("items", *FOLDERS, "storycloze", "hellaswag", "pairs")
