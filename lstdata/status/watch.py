"""A status that is looked at again and again: a live view on a terminal, one text after another elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from lstdata.errors import Unavailable
from lstdata.status.lines import lines_of, text_of
from lstdata.status.status import OVER, Status
from lstdata.status.times import readable

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {"good": "green", "plain": "", "quiet": "dim", "bad": "bold red"}


def watch(look: Callable[[], Status], seconds: float, *, as_json: bool, pause: Callable[[float], None]) -> None:
    """Look every `seconds` until nobody works on it. A store that cannot be reached is asked again."""
    live: Any = None
    context: AbstractContextManager[Any] = nullcontext()
    if sys.stdout.isatty() and not as_json:
        from rich.live import Live

        context = live = Live(auto_refresh=False, vertical_overflow="ellipsis")
    with context:
        while True:
            began = time.monotonic()
            try:
                status = look()
            except Unavailable as fault:
                print(f"{fault}; trying again", file=sys.stderr, flush=True)
            else:
                if live is not None:
                    live.update(view_of(status, live.console.height), refresh=True)
                else:
                    text = json.dumps(status.to_json(), ensure_ascii=False) if as_json else text_of(status) + "\n"
                    print(text, flush=True)
                if status.state in OVER:
                    return
            pause(max(seconds - (time.monotonic() - began), 0.1))


def view_of(status: Status, height: int) -> RenderableType:
    """The lines that there is room for, with a bar over the audio."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2))
    for line in lines_of(status, most=max(2, height - 14)):
        lines.add_row(Text(line.name, style="dim"), Text(line.text, style=_STYLES[line.tone]))
    planned, done = status.audio.planned_seconds, status.audio.done_seconds
    if status.text is not None:
        planned, done = status.text.planned_bytes, status.text.done_bytes
    bar = ProgressBar(total=planned or 1.0, completed=done if planned else 1.0, width=80)
    view = Table.grid()
    for row in (Text(f"{status.out}  {readable(status.time)}", style="bold"), bar, lines):
        view.add_row(row)
    return view
