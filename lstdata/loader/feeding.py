"""One of the processes of `feed.py`: reads its task, then makes rows until its standard input ends.

Its standard output is the pipe of the rows; what libraries print goes to standard error.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress
from itertools import count
from typing import IO, Any, Final

from lstdata.child import channel, end_with_parent

PIPE_BYTES: Final = 1 << 20
"""What a pipe of rows holds, where the system allows it: some ten rows of speech of the paper's size."""


def main() -> None:
    rows = channel()
    _widen(rows)
    line = sys.stdin.readline()
    end_with_parent(lambda: os._exit(0))
    from lstdata.loader.frames import write_error

    with suppress(BrokenPipeError):
        try:
            _feed(rows, line)
        except BrokenPipeError:
            raise
        except Exception as error:
            write_error(rows, error, traceback.format_exc())
    os._exit(0)


def _feed(rows: IO[bytes], line: str) -> None:
    """Write the rows of this process's lanes, step after step."""
    import json

    from lstdata.loader.feed import worker_of
    from lstdata.loader.frames import Frame, write_frame
    from lstdata.loader.spec import MixtureSpec
    from lstdata.options import from_dict

    task: dict[str, Any] = json.loads(line)
    mixture = from_dict(MixtureSpec, task["spec"]).open()
    mixture.restore(task["state"])
    for step in count(task["step"]):
        for number in mixture.rows_of_step(step, task["rank"], task["world"]):
            place = mixture.place(number)
            if worker_of(place, task["world"], task["workers"]) == task["worker"]:
                row = mixture.row(number)
                write_frame(rows, Frame(number, row, mixture.streams[place.source].lane_state(place.lane)))


def _widen(pipe: IO[bytes]) -> None:
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    except (ImportError, AttributeError, OSError):
        return  # it is then as wide as the system's pipes are


if __name__ == "__main__":
    main()
