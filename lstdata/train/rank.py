"""One of the processes that `lstdata train --processes` starts: reads its task, trains, reports.

Its standard output is the channel to its parent, and nobody else's: what libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from typing import Any

from lstdata.errors import LstDataError


def main() -> None:
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(**message: Any) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_go_with_parent, daemon=True).start()
    try:
        summary = _train(task, lambda line: send(say=line))
    except LstDataError as error:
        send(error=type(error).__name__, lines=list(getattr(error, "mistakes", error.args)))
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


def _go_with_parent() -> None:
    """End this process, and all that it started, once the parent holds its standard input no longer."""
    sys.stdin.read()
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
