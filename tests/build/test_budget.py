"""How many records may fail: what planning alone has rejected is known before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstdata.errors import IncompleteBuild
from tests.conftest import Quiet, build, write_cuts


def test_a_plan_with_too_many_rejects_is_not_built(tmp_path: Path) -> None:
    corpus = write_cuts(tmp_path / "corpus", 3)
    line = (corpus / "cuts.jsonl").read_text().splitlines()[0]
    with open(corpus / "cuts.jsonl", "a") as manifest:
        manifest.write(f"{line}\n" * 100)
    listener = Quiet()
    with pytest.raises(IncompleteBuild, match=r"^97\.1% of the 103 records were rejected .* \(duplicate_id"):
        build(corpus, tmp_path / "out", listener=listener)
    assert listener.names == []
    assert build(corpus, tmp_path / "out", "run.max_reject_rate=1").written == 3
