"""Recognition and synthesis: errors over fine-tuning, and what generating took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from lstdata.evaluate.statistics import Interval
from lstdata.report.figures import hours
from lstdata.reproduce import paper
from lstdata.reproduce.results import Reproduction
from lstdata.reproduce.spoken import Spoken
from lstdata.reproduce.table import EMPTY, Cell, Table
from lstdata.reproduce.written import points, span


def recognition_tables(found: Reproduction) -> Iterator[Table]:
    """WER by steps of fine-tuning, an arm a column; one for each split that was asked."""
    for number, asked in enumerate(dict.fromkeys(one.asked for one in found.asr)):
        ones = [one for one in found.asr if one.asked == asked]
        arms = list(dict.fromkeys(one.arm for one in ones))
        steps = sorted({one.step for one in ones})
        yield Table(
            name=f"recognition-{number}" if number else "recognition",
            title=f"Recognition of {asked}, by steps of fine-tuning",
            head=("steps", *arms),
            rows=tuple((Cell(f"{step:,}"), *(_wer(_at(ones, arm, step)) for arm in arms)) for step in steps),
            notes=(
                f"Word error rate in per cent over {ones[-1].utterances:,} utterances, [95 % interval over them]; "
                "with several seeds their mean ± standard deviation.",
                f"Paper, after 1,000 steps on LibriSpeech: {paper.WER}.",
            ),
        )


def inference_table(found: Reproduction) -> Table | None:
    """What generation took, at the last step of fine-tuning; None where nothing was generated."""
    rows = []
    for task, all_of_task in (("asr", found.asr), ("tts", found.tts)):
        for asked, arm in dict.fromkeys((one.asked, one.arm) for one in sorted(all_of_task, key=lambda one: one.asked)):
            ones = [one for one in all_of_task if (one.asked, one.arm) == (asked, arm)]
            rows.append(_inference(task, arm, _at(ones, arm, max(one.step for one in ones))))
    if not rows:
        return None
    head = (
        "", "task", "utterances", "prompt: tokens", "positions", "generated: tokens", "global steps", "fewer, %",
        "time", "WER, %", "CER, %",
    )  # fmt: skip
    notes = [
        "Recognition of held-out utterances, and synthesis of their texts, at the last step of fine-tuning; means over "
        "seeds. Fewer: 1 − global steps / tokens that the local parts took, each a global step of the baseline. Time "
        "is that of prompts and answers on the machine that it ran on, whatever else that did.",
        f"Paper: {paper.TTS_STEPS} times fewer global steps in synthesis.",
    ]
    heard = next((one.recogniser for one in found.tts if one.recogniser), None)
    if heard:
        notes.append(
            f"Errors of synthesis are those of what the recogniser {heard} makes of the generated units{_own(found)}."
        )
    return Table(name="inference", title="What speaking took", head=head, rows=tuple(rows), notes=tuple(notes))


def _inference(task: str, arm: str, ones: Sequence[Spoken]) -> tuple[Cell, ...]:
    names = ("tokens", "global_steps", "local_steps")
    tokens, steps, local = (mean(getattr(one, name) for one in ones) for name in names)
    return (
        Cell(arm),
        Cell({"asr": "recognition", "tts": "synthesis"}[task], ones[0].asked),
        Cell(f"{ones[0].utterances:,}"),
        Cell(f"{mean(one.prompt_tokens for one in ones):,.0f}"),
        Cell(f"{mean(one.prompt_positions for one in ones):,.0f}"),
        Cell(f"{tokens:,.0f}"),
        Cell(f"{steps:,.0f}"),
        Cell(points(1 - steps / local)) if local else EMPTY,
        Cell(hours(mean(one.seconds for one in ones))),
        _wer(ones),
        _errors([one.cer for one in ones if one.cer is not None]),
    )


def _own(found: Reproduction) -> str:
    """What a recogniser gets wrong of the recordings themselves."""
    rates = [one.recorded_wer for one in found.tts if one.recorded_wer is not None]
    return f"; of the recordings' own units it gets {points(rates[-1].mean)} % of the words wrong" if rates else ""


def _wer(ones: Sequence[Spoken]) -> Cell:
    return _errors([one.wer for one in ones if one.wer is not None])


def _errors(found: Sequence[Interval]) -> Cell:
    if not found:
        return EMPTY
    if len(found) == 1:
        return Cell(points(found[0].mean), span(found[0].low, found[0].high))
    means = [one.mean for one in found]
    return Cell(points(mean(means), stdev(means)))


def _at(found: Sequence[Spoken], arm: str, step: int) -> list[Spoken]:
    return [one for one in found if one.arm == arm and one.step == step]
