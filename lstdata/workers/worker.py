"""What happens inside a worker, whoever runs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final, Generic, TypeVar

from lstdata.errors import LstDataError, Unavailable

Task = TypeVar("Task")
Result = TypeVar("Result")

LIBRARIES: Final = ("threadpoolctl", "torch", "scipy.signal", "lstdata.build.shard")
"""That every worker needs, and that take their time: better before the first task than within it."""


def pin_threads() -> None:
    """One thread for every numeric library of this process: results must not depend on the machine's cores."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = "1"
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(limits=1)


@dataclass
class Worker(Generic[Task, Result]):
    """Does tasks by what `make` gives, which is called at the first task, and again only where it failed."""

    make: Callable[[], Callable[[Task], Result]]
    _work: Callable[[Task], Result] | None = field(default=None, init=False)

    def do(self, task: Task) -> Result | LstDataError:
        """The task's result, or what was raised; an exception that is none of ours becomes one."""
        try:
            if self._work is None:
                pin_threads()
                for library in LIBRARIES:
                    import_module(library)
                self._work = self.make()
            return self._work(task)
        except LstDataError as error:
            return error
        except (OSError, MemoryError) as error:
            return Unavailable(f"{error or 'not enough memory'} ({type(error).__name__})")
        except Exception as error:
            return LstDataError(f"unexpected {type(error).__name__}: {error}")
