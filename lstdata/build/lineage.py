"""What a run folder says of the run folders that it was made from."""

from __future__ import annotations

from typing import Any

from lstdata.config import SelectConfig
from lstdata.run_folder import read_finished
from lstdata.sources import Source, run_folders
from lstdata.storage import place, read_given, redacted, sha256_bytes


def lineage(source: Source, select: SelectConfig) -> dict[str, Any]:
    """`parents`, with what each was when it was read, and the sum of the list of ids; empty for other sources.

    Which samples were chosen of them is said by `source.select` of the config.
    """
    parents = []
    for root in run_folders(source):
        run = read_finished(place(root))
        said = {name: run[name] for name in ("seal", "plan_sha256", "compute_class")}
        totals = {name: run["totals"][name] for name in ("written", "rejected", "seconds")}
        parents.append({"path": redacted(root), **said, **totals})
    if not parents:
        return {}
    listed = {} if select.ids is None else {"ids_sha256": sha256_bytes(read_given(select.ids, "ids", "file of ids"))}
    return {"parents": parents, **listed}
