"""What a codebook and a tokenizer are made from: the records that filters keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import soundfile

from lstdata.build import Asked, planned
from lstdata.build.freeze import fit_on, transcripts
from lstdata.config import BuildConfig, load
from lstdata.records import HOP, SAMPLE_RATE
from lstdata.sources import open_source


def fitted(corpus: Path, *sets: str) -> tuple[int, list[str]]:
    """Frames that a codebook is fitted on, and texts that a tokenizer is trained on."""
    config = load(BuildConfig, None, ["units.clusters=4", "plan.validation=0", *sets])
    with planned(Asked(str(corpus), corpus / "out", config)) as (plan, path):
        made = fit_on(open_source(str(corpus), config.source), plan, path, config)
        assert made is not None
        return made[1].frames, list(transcripts(plan, path, config.filter))


def test_what_filters_leave_out_is_not_learned_from(make_cuts: Callable[[int], Path]) -> None:
    corpus = make_cuts(4)
    manifest = corpus / "cuts.jsonl"
    lines = manifest.read_text().splitlines()
    lines[0] = lines[0].replace('"language": "en"', '"language": "de"').replace("the old miller", "der alte müller")
    lines[0] = lines[0].replace('["the"', '["der"')
    manifest.write_text("\n".join(lines) + "\n")
    seconds = [soundfile.info(corpus / "audio" / f"utt-00{i}.flac").duration for i in range(4)]
    frames = [int(-(-s * SAMPLE_RATE // 1)) // HOP for s in seconds]
    longest = max(seconds[1:])
    everything, all_texts = fitted(corpus)
    assert (everything, len(all_texts)) == (sum(frames), 4)
    english, texts = fitted(corpus, "filter.languages=[en]")
    assert english == sum(frames[1:])
    assert len(texts) == 3 and not any("der" in text.split() for text in texts)
    short, _ = fitted(corpus, "filter.languages=[en]", f"filter.max_seconds={longest - 0.01}")
    assert short == sum(frames[1:]) - frames[seconds.index(longest)]
