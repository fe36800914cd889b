"""Ctrl-C while processes start: they do not hear it, the driver does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from lstdata.workers.local import _deaf_to_interrupts


def test_an_interrupt_while_a_worker_starts_is_heard_afterwards() -> None:
    with pytest.raises(KeyboardInterrupt), _deaf_to_interrupts():
        os.kill(os.getpid(), signal.SIGINT)


def test_a_process_that_is_started_meanwhile_does_not_hear_it() -> None:
    said = "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('on')"
    with _deaf_to_interrupts():
        done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout == "on\n"
