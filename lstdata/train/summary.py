"""The end of a run: held-out losses of text and of units, each beside a unigram's and a bigram's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from lstdata.loader.corpus import SplitCorpus
from lstdata.loader.rows import held_out_rows
from lstdata.tokenizer import TextTokenizer
from lstdata.train.config import TrainConfig, row_budget
from lstdata.train.data import SourceData, TrainingData
from lstdata.train.ngrams import Bigram, Pairs, joined, modality_pairs

MOST_FITTED: Final = 20_000
"""Training utterances that the baselines are fitted on, evenly spread, where there are more."""


def summarize(config: TrainConfig, data: TrainingData, out: Path) -> dict[str, Any] | None:
    """The last validation's losses and, over the same drawn documents, the baselines': nats per token.

    Of several sources those of each, by name, as `sources`. None where there was no validation yet.
    """
    metrics = out / "metrics"
    alone = len(data.sources) == 1
    files = [metrics / ("valid.jsonl" if alone else f"valid/{source.name}.jsonl") for source in data.sources]
    if not all(path.is_file() and path.stat().st_size for path in files):
        return None
    if alone:
        return _of_source(config, data.sources[0], files[0])
    of_each = {s.name: _of_source(config, s, path) for s, path in zip(data.sources, files, strict=True)}
    return {"step": min(summary.pop("step") for summary in of_each.values()), "sources": of_each}


def _of_source(config: TrainConfig, source: SourceData, path: Path) -> dict[str, Any]:
    last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    vocab = source.train.vocab
    sizes = {"text": vocab.text_size, "units": vocab.units}
    fitted = whole_utterances(source.train, source.run.tokenizer)
    rows = held_out_rows(source.held_out, row_budget(config), seed=config.rows.seed, most=config.validate_rows)
    held_out: dict[str, Any] = {}
    for name, documents in modality_pairs(rows, vocab).items():
        test = joined(documents)
        if len(test.token):
            unigram, bigram = Bigram(fitted[name], sizes[name]).cross_entropies(test)
            loss = last[f"loss_{name}"]
            held_out[name] = {"tokens": len(test.token), "loss": loss, "unigram": unigram, "bigram": bigram}
    return {"step": last["Step"], "loss": last["loss"], "held_out": held_out}


def whole_utterances(corpus: SplitCorpus, tokenizer: TextTokenizer) -> dict[str, list[Pairs]]:
    """Every utterance once as speech and once as text, each from its marker on.

    The baselines are stronger so than fitted on drawn documents, which leave parts of an utterance out.
    """
    fitted: dict[str, list[Pairs]] = {"text": [], "units": []}
    vocab = corpus.vocab
    for number in range(0, len(corpus), -(-len(corpus) // MOST_FITTED)):
        sample = corpus.sample(number)
        units = (sample.units if corpus.pieces is None else corpus.pieces.encode(sample.units)).astype(np.int64)
        fitted["units"].append(_pairs(vocab.speech_marker, units, vocab.first_unit))
        text = " ".join(sample.words) if sample.words else sample.text
        if text:
            fitted["text"].append(_pairs(vocab.text_marker, np.array(tokenizer.encode(text), dtype=np.int64), 0))
    return fitted


def table(summary: dict[str, Any]) -> str:
    """One line per modality, of each source."""
    lines = [f"{'held out, nats per token':<26}{'loss':>8}{'unigram':>10}{'bigram':>10}"]
    sources = summary.get("sources", {"": summary})
    for source, of_source in sources.items():
        for name, row in of_source["held_out"].items():
            what = f"{source} {name} ({row['tokens']:,} tokens)".strip()
            lines.append(f"{what:<26}{row['loss']:>8.3f}{row['unigram']:>10.3f}{row['bigram']:>10.3f}")
    return "\n".join(lines)


def _pairs(marker: int, tokens: np.ndarray[Any, np.dtype[np.int64]], first: int) -> Pairs:
    return Pairs(np.concatenate([[marker], tokens[:-1] + first])[: len(tokens)], tokens)
