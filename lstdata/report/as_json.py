"""All figures of a report as one JSON value; docs/report.md lists the names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lstdata.report.corpus import Corpus, Part
from lstdata.report.numbers import Numbers


def numbers_to_json(numbers: Numbers) -> dict[str, Any]:
    """A number that is not known, as the entropy of no units, is null."""
    value = {
        "totals": asdict(numbers.total) | {"planned": numbers.planned, "rejected": numbers.rejected},
        "splits": [
            asdict(split) | {"speakers": len(numbers.corpus.named.get(split.name, ()))} for split in numbers.splits
        ],
        "shards": [asdict(one) | {"records": one.records} for one in numbers.shards],
        "parents": [asdict(one) for one in numbers.parents],
        "corpus": _corpus(numbers.corpus),
        "alignment": asdict(numbers.threshold)
        | {"share_below": numbers.threshold.share_below(numbers.corpus.align_score.count)},
        "samples_read": numbers.read,
        "hop": numbers.hop,
        "units": numbers.units.to_json(),
        "speech": numbers.speech.to_json(),
        "positions": numbers.savings.to_json(),
        "outliers": numbers.outliers.to_json(),
        "rejects": [reason.to_json() for reason in numbers.rejects],
    }
    finite: dict[str, Any] = _finite(value)
    return finite


def _corpus(corpus: Corpus) -> dict[str, Any]:
    return {
        "seconds": corpus.seconds.to_json(),
        "text_tokens": corpus.text_tokens.to_json(),
        "words_per_second": corpus.words_per_second.to_json(),
        "align_score": corpus.align_score.to_json(),
        "align_score_cdf": corpus.align_score.cumulative(),
        "header_error_seconds": corpus.header_error.to_json(),
        "header_mismatches": corpus.header_mismatches,
        "interpolated_words": corpus.interpolated,
        "speakers": len(corpus.speakers),
        "languages": _parts(corpus.languages),
        "licenses": _parts(corpus.licenses),
    }


def _parts(parts: Mapping[str | None, Part]) -> list[dict[str, Any]]:
    order = sorted(parts.items(), key=lambda item: (-item[1].seconds, -item[1].text_bytes, item[0] or ""))
    return [{"name": name, **asdict(part)} for name, part in order]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
