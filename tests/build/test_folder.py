"""The identity of a run folder."""

from __future__ import annotations

import dataclasses

from lstdata.build.folder import NOT_OUTPUT, SECTIONS
from lstdata.config import BuildConfig


def test_each_section_that_changes_output_belongs_to_one_stage() -> None:
    staged = [name for sections in SECTIONS.values() for name in sorted(sections)]
    assert sorted([*staged, *NOT_OUTPUT]) == sorted(field.name for field in dataclasses.fields(BuildConfig))
