"""A finished run in the formats of other people's trainers, one module each."""

from __future__ import annotations

FORMATS = ("lst",)
"""The LST authors' training lines."""
