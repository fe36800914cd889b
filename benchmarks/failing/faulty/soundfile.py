"""Stands before the real soundfile on PYTHONPATH, and puts a fault into decoding in whatever process imports it.

FAULTY is a folder: `decoded` there gets a byte for every recording that is begun, `met` for every time that it is the
bad one. FAULTY_FRAMES is the bad one's length, by which it is known however it was opened; FAULTY_KIND says what
happens: `crash` ends the process, `hang` sleeps, `slow` holds up every recording a little, `none` is none.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_found = PathFinder.find_spec("soundfile", [path for path in sys.path if os.path.abspath(path) != _HERE])
assert _found is not None and _found.loader is not None
_real: Any = importlib.util.module_from_spec(_found)
sys.modules["soundfile"] = _real
_found.loader.exec_module(_real)
_read = _real.SoundFile.read


def _faulty_read(sound: Any, *args: Any, **options: Any) -> Any:
    if not hasattr(sound, "begun"):
        sound.begun = True
        _begin(sound.frames)
    return _read(sound, *args, **options)


def _begin(frames: int) -> None:
    kind = os.environ["FAULTY_KIND"]
    _note("decoded")
    if kind == "slow":
        time.sleep(0.2)
    if frames != int(os.environ["FAULTY_FRAMES"]) or kind not in ("crash", "hang"):
        return
    _note("met")
    if kind == "crash":
        os._exit(139)
    time.sleep(3600)


def _note(name: str) -> None:
    with open(Path(os.environ["FAULTY"]) / name, "ab") as log:
        log.write(b".")


_real.SoundFile.read = _faulty_read
