"""The run folder of the report's tests, known by heart, for what draws its samples."""

from tests.report.conftest import make_run, make_stored, run, tones

__all__ = ["make_run", "make_stored", "run", "tones"]
