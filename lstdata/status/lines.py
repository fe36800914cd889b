"""A status for people: a name and a text on each line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from lstdata.status.status import Records, State, Status, Worker
from lstdata.status.times import audio, readable, spoken
from lstdata.terminal import visible

MOST: Final = 20
"""Workers, and half as many of anything else, that are listed; `--json` has all."""

Tone = Literal["good", "plain", "quiet", "bad"]


class Line(NamedTuple):
    """One line; those after the first of their kind have no name."""

    name: str
    text: str
    tone: Tone = "plain"


_TONES: Final[dict[State, Tone]] = {
    "planned": "quiet",
    "preparing": "good",
    "running": "good",
    "finishing": "good",
    "finished": "good",
    "interrupted": "bad",
    "stopped": "bad",
    "failed": "bad",
}

_HINTS: Final[dict[State, str]] = {
    "planned": "nobody has begun to build what is pending",
    "preparing": "codebook and tokenizer are being made",
    "finishing": "every shard is built; the tables of the run are being written",
    "interrupted": "nobody works on it; the same command resumes",
}


def lines_of(status: Status, *, most: int = MOST) -> list[Line]:
    """What matters first: what state it is in, how far it is, what goes wrong, who does what."""
    lines = (
        *_state(status),
        *_progress(status),
        *_records(status.records),
        *_stages(status),
        *_trouble(status, max(1, most // 2)),
        *_workers(status, most),
    )
    return [line._replace(text=visible(line.text)) for line in lines]


def text_of(status: Status) -> str:
    """All lines, their names in a column."""
    lines = lines_of(status)
    wide = max(len(line.name) for line in lines) + 2
    return "\n".join(f"{line.name:<{wide}}{line.text}" for line in lines)


def _state(status: Status) -> Iterator[Line]:
    said: list[str] = [status.state]
    if status.since is not None and status.since_seconds is not None:
        said.append(f"since {readable(status.since)} ({spoken(status.since_seconds)})")
    said += [why for why in (status.message, _HINTS.get(status.state)) if why]
    yield Line("state", " · ".join(said), _TONES[status.state])
    driver = status.driver
    if driver is not None and status.state != "finished":
        words = [f"{driver.host}:{driver.pid}"]
        words += [f"runner {driver.runner}"] if driver.runner else []
        words += [f"{driver.workers} workers"] if driver.workers else []
        words.append(f"last sign of life {spoken(driver.silent_seconds)} ago")
        yield Line("driver", " · ".join(words))


def _progress(status: Status) -> Iterator[Line]:
    shards, heard, text = status.shards, status.audio, status.text
    counts = [f"{shards.done:,} of {shards.planned:,} done"]
    for name in ("running", "stuck", "failed", "pending"):
        count = getattr(shards, name)
        counts += [f"{count:,} {name}"] if count else []
    yield Line("shards", " · ".join(counts))
    if text is not None:
        words = [f"{text.done_bytes / 1e6:,.1f} of {text.planned_bytes / 1e6:,.1f} MB done"]
        words[0] += f" ({text.done_bytes / text.planned_bytes:.1%})"
        if text.rate is not None and text.rate_over_seconds is not None:
            words.append(f"{text.rate / 1e6:,.2f} MB/s over the last {spoken(text.rate_over_seconds)}")
        yield Line("text", " · ".join([*words, *_to_go(text.eta_seconds)]))
        return
    share = heard.done_seconds / heard.planned_seconds if heard.planned_seconds else 1.0
    words = [f"{audio(heard.done_seconds)} of {audio(heard.planned_seconds)} done ({share:.1%})"]
    if heard.rate is not None and heard.rate_over_seconds is not None:
        words.append(f"{heard.rate:,.1f}× real time over the last {spoken(heard.rate_over_seconds)}")
    yield Line("audio", " · ".join([*words, *_to_go(heard.eta_seconds)]))


def _to_go(seconds: float | None) -> list[str]:
    return [] if seconds is None else [f"{spoken(seconds)} to go"]


def _records(records: Records) -> Iterator[Line]:
    words = [f"{records.written:,} of {records.planned:,} written", f"{records.rejected:,} rejected"]
    words += [f"{records.filtered:,} left out by filters"] if records.filtered else []
    words += [f"{records.environmental:,} to be tried again"] if records.environmental else []
    yield Line("records", " · ".join(words))
    for name, reasons in (("rejected", records.reasons), ("filtered", records.filters)):
        if reasons:
            yield Line(name, _listed(reasons))


def _stages(status: Status) -> Iterator[Line]:
    """Each with its share of all stages' time, and how fast one worker is in it alone."""
    said = [
        f"{stage.name} {stage.share:.0%}" + (f" ({stage.real_time:,.0f}×)" if stage.real_time else "")
        for stage in status.stages
        if stage.share >= 0.005
    ]
    if said:
        yield Line("stages", " · ".join(said))


def _trouble(status: Status, most: int) -> Iterator[Line]:
    for number, worker in enumerate(status.stuck[:most]):
        yield Line("" if number else "stuck", f"{_place(worker)} · {worker.name}, {_heard(worker)}", "bad")
    yield from _more(len(status.stuck) - most)
    for number, failed in enumerate(status.failed[:most]):
        yield Line("" if number else "failed", f"shard {failed.shard}: {failed.message}", "bad")
    yield from _more(len(status.failed) - most)
    if status.incidents:
        yield Line("incidents", _listed(status.incidents))
        for incident in status.latest_incidents[-most:]:
            if incident.event not in ("failed", "stopped"):
                yield Line("", f"{readable(incident.time)} {incident.event}: {incident.message}", "quiet")


def _workers(status: Status, most: int) -> Iterator[Line]:
    for number, worker in enumerate(status.workers[:most]):
        tone: Tone = "bad" if worker.state == "stuck" else "plain" if worker.state == "working" else "quiet"
        words = filter(None, (worker.name, worker.state, _place(worker), _heard(worker)))
        yield Line("" if number else "workers", " · ".join(words), tone)
    yield from _more(len(status.workers) - most)


def _place(worker: Worker) -> str:
    """Shard, record and stage, each with how long it has been there, as far as it is known."""
    words = []
    if worker.shard is not None and worker.shard_seconds is not None:
        words.append(f"shard {worker.shard} for {spoken(worker.shard_seconds)}")
    if worker.position is not None or worker.id is not None:
        number = "" if worker.position is None else f" {worker.position + 1}"
        of = f" of {worker.records}" if number and worker.records else ""
        words.append(f"record{number}{of} `{worker.id}`" if worker.id else f"record{number}{of}")
    if worker.stage is not None and worker.record_seconds is not None:
        words.append(f"stage {worker.stage} for {spoken(worker.record_seconds)}")
    return " · ".join(words)


def _heard(worker: Worker) -> str:
    return f"last heard {spoken(worker.silent_seconds)} ago ({worker.event})"


def _listed(counts: Mapping[str, int]) -> str:
    return " · ".join(f"{name} {count:,}" for name, count in counts.items())


def _more(count: int) -> Iterator[Line]:
    if count > 0:
        yield Line("", f"and {count:,} more (--json has all)", "quiet")
