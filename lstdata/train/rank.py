"""One of the processes that `lstdata train --processes` starts: reads its task, trains, reports.

Its standard output is the channel to its parent, and nobody else's: what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

from lstdata.child import channel, end_with_parent, said
from lstdata.errors import LstDataError


def main() -> None:
    parent = channel()

    def send(**message: Any) -> None:
        parent.write(json.dumps(message).encode() + b"\n")
        parent.flush()

    task = json.loads(sys.stdin.readline())
    end_with_parent(lambda: os.killpg(os.getpid(), signal.SIGKILL))  # with all that this one started
    try:
        summary = _train(task, lambda line: send(say=line))
    except LstDataError as error:
        send(**said(error))
    except BaseException as error:
        traceback.print_exc()
        send(lines=[f"{type(error).__name__}: {error}".splitlines()[0]])
    else:
        send(summary=summary)
        os._exit(0)
    os._exit(1)  # at once: the others may be waiting in a collective, in which leaving in order would wait too


def _train(task: dict[str, Any], say: Any) -> dict[str, Any]:
    from lstdata.options import from_dict
    from lstdata.storage import place
    from lstdata.train.config import TrainConfig
    from lstdata.train.run import train

    return train(from_dict(TrainConfig, task["config"]), None, place(task["out"]), say)


if __name__ == "__main__":
    main()
