"""Fixtures that several rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of real recordings beside the project; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "speech"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}")
    return folder
