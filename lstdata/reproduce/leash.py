"""`python -m lstdata.reproduce.leash VERB …`: the command of a step, which ends when the process that runs it is gone.

Standard input is the leash: it stays open for as long as its other end is held, even by a process that is killed.
"""

from __future__ import annotations

import os
import signal
import threading

from lstdata.cli import main


def _wait() -> None:
    """Reads past Python's own buffer, whose lock would be missed at the end of the process."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_wait, daemon=True).start()
    main()
