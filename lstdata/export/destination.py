"""Where an export goes: made beside its place, or for an object store in a temporary folder, and put there whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from upath import UPath

from lstdata.errors import ConfigError
from lstdata.objects import listed
from lstdata.storage import TEMPORARY, commit_file, exists, is_local, names_in, read_json, remove

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
    """A file in an earlier export that is not its own."""
    own = {*_own(dst), SUMMARY}
    there = _files(dst) if is_local(dst) else _objects(dst)
    return next((name for name in there if name not in own), None)


def _own(dst: UPath) -> set[str]:
    """The files that an earlier export says are its own."""
    try:
        return set(read_json(dst / SUMMARY)["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"`{dst / SUMMARY}` says of no export what it is: {error}.") from error


def _files(dst: Path) -> Iterator[str]:
    for path in sorted(dst.rglob("*")):
        if not path.is_dir():
            yield path.relative_to(dst).as_posix()


def _objects(folder: UPath, below: str = "") -> Iterator[str]:
    """The names of all that is below a folder of a store."""
    for entry in listed(folder):
        if entry.is_folder:
            yield from _objects(folder / entry.name, f"{below}{entry.name}/")
        else:
            yield below + entry.name


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
        _remove(dst)
        for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: (p.name == SUMMARY, p)):
            commit_file(dst.joinpath(*path.relative_to(folder).parts), path)


def _remove(dst: UPath) -> None:
    """Of a store, what an earlier export says is its own: the summary first, so that half of one is none."""
    if not exists(dst / SUMMARY):
        return
    own = _own(dst)
    there = [name for name in _objects(dst) if name in own]
    remove(dst / SUMMARY)
    for name in there:
        remove(dst / name)


def _rename(folder: Path, dst: Path, old: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    try:
        if dst.exists():
            os.rename(dst, old)
        os.rename(folder, dst)
    except BaseException:
        if old.exists() and not dst.exists():
            os.rename(old, dst)
        raise
