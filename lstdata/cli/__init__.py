"""The command line: a verb parses, calls one function, and maps errors to exit codes."""

from __future__ import annotations

import signal
import sys

_RESUMABLE = ("segment", "transcribe", "plan", "build-shards", "retry", "train", "reproduce")
"""Verbs that go on where they were when the same command is run again."""


def main() -> None:
    """Run the command line; one clear line per mistake, no traceback for what is not our bug.

    SIGTERM, as Slurm and Kubernetes send it, is met like Ctrl-C: workers end, locks and leases are given back. The
    verbs are imported inside, so that both are met from the first moment on.
    """
    received: list[int] = []

    def leave(number: int, frame: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        from lstdata.cli.verbs import run

        run()
    except KeyboardInterrupt:
        resumes = sys.argv[1:2] and sys.argv[1] in _RESUMABLE and "--dry-run" not in sys.argv
        more = "; run the same command again to resume." if resumes else "."
        print(f"error: {'terminated' if received else 'interrupted'}{more}", file=sys.stderr)
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
