"""What two builds are compared by."""

from __future__ import annotations

from pathlib import Path

from lstdata.storage import sha256_file


def hashes(out: Path) -> dict[str, str]:
    """Of everything that is a function of input and config."""
    kinds = (".tar", ".parquet", ".npz")
    files = [p for p in out.rglob("*") if p.suffix in kinds or p.name in ("vocab.json", "tokenizer.json")]
    return {str(p.relative_to(out)): sha256_file(p) for p in files} | {
        f"shards/{p.name}": sha256_file(p) for p in (out / "shards").glob("*.json")
    }
