"""Where an export goes: made beside its place, or for an object store in a temporary folder, and put there whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from upath import UPath

from lstdata.errors import ConfigError
from lstdata.storage import TEMPORARY, commit_file, exists, is_local, names_in, read_json, remove_folder

SUMMARY = "export.json"
"""What was exported; the last file that is put on a store, so that an export with one is whole."""

LEFT_OUT = "left_out.jsonl"
"""The samples that the format cannot carry, where there are any: id, split and reason."""


def check_destination(out: UPath, dst: UPath, *, overwrite: bool) -> None:
    """ConfigError where something lies at `dst` that may not be replaced, or one of the two is in the other."""
    if out == dst or out in dst.parents or dst in out.parents:
        raise ConfigError(f"DST must not be in the run folder `{out}`, nor hold it, but is `{dst}`.")
    if not names_in(dst):
        return
    if not exists(dst / SUMMARY):
        raise ConfigError(f"DST must be a new or empty folder, but `{dst}` holds other files.")
    if not overwrite:
        raise ConfigError(f"`{dst}` holds an export already: give `--overwrite` to replace it.")
    foreign = _foreign(dst)
    if foreign is not None:
        raise ConfigError(f"`{dst}` holds `{foreign}`, which is not of the export there: move it away.")


def _foreign(dst: UPath) -> str | None:
    """A file in an earlier export that is not its own; on a store, by the names at the top."""
    try:
        own = {*read_json(dst / SUMMARY)["files"], SUMMARY}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"`{dst / SUMMARY}` says of no export what it is: {error}.") from error
    if is_local(dst):
        there = (path.relative_to(dst).as_posix() for path in sorted(dst.rglob("*")) if not path.is_dir())
        return next((name for name in there if name not in own), None)
    tops = {name.partition("/")[0] for name in own}
    return next((name for name in names_in(dst) if name not in tops), None)


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """Nothing where there are none: no file is made."""
    if lines:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)


@contextmanager
def exporting(dst: UPath) -> Iterator[Path]:
    """Yield a new local folder; on success its files are what `dst` holds, on failure it is removed."""
    if is_local(dst):
        dst.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{dst.name}{TEMPORARY}", dir=dst.parent) as staged:
            folder = Path(staged) / "new"
            folder.mkdir()
            yield folder
            _rename(folder, dst, Path(staged) / "old")
        return
    with tempfile.TemporaryDirectory(prefix="lstdata-") as staged:
        folder = Path(staged)
        yield folder
        remove_folder(dst)
        for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: (p.name == SUMMARY, p)):
            commit_file(dst.joinpath(*path.relative_to(folder).parts), path)


def _rename(folder: Path, dst: Path, old: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    replaced = dst.exists()
    if replaced:
        os.rename(dst, old)
    try:
        os.rename(folder, dst)
    except OSError:
        if replaced:
            os.rename(old, dst)
        raise
