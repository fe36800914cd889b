"""The identity of a run folder."""

from __future__ import annotations

import dataclasses

from lstdata.build.folder import NOT_OUTPUT, SECTIONS, changes
from lstdata.build.spec import stage_fingerprints
from lstdata.config import BuildConfig, load, to_dict


def test_each_section_that_changes_output_belongs_to_one_stage() -> None:
    staged = [name for sections in SECTIONS.values() for name in sorted(sections)]
    assert sorted([*staged, *NOT_OUTPUT]) == sorted(field.name for field in dataclasses.fields(BuildConfig))


def test_a_run_of_a_version_with_fewer_options_of_interleaving_is_no_other() -> None:
    """Neither its config nor the fingerprint of its shards, which is written down here."""
    config = to_dict(BuildConfig())
    config["interleave"] = {"strategy": "lst", "seed": 0}
    other = load(BuildConfig, None, ["interleave.speech_ratio=0.25"])
    assert changes({"config": config}, BuildConfig()) == []
    assert changes({"config": config}, other) == ["`interleave.speech_ratio` 0.5 → 0.25"]
    ours, theirs = (stage_fingerprints(c, "c", "t", None, None)["sample"] for c in (BuildConfig(), other))
    assert ours == "3f75246141fae596" != theirs
