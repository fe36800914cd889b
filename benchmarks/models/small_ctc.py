"""A small CTC model of `transformers`, trained on the demo corpus: what stands in for a downloaded one.

It knows the demo corpus' voices and nothing else. It is a `Wav2Vec2ForCTC` like any other, at 50 frames a second, but
its first convolution is a fixed bank of filters, which spares it learning to hear: a few minutes on two cores suffice.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstdata.align.normalise import spoken_tokens
from lstdata.audio import read
from lstdata.demo.corpus import write_corpus
from lstdata.records import SAMPLE_RATE, Waveform, sample_at
from lstdata.source_row import TimedWord

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
"""`<pad>` is the blank, `|` stands between words."""

CHARACTERS = "abcdefghijklmnopqrstuvwxyz'"
VOCABULARY = {token: index for index, token in enumerate((*SPECIAL, *CHARACTERS))}


@dataclass(frozen=True)
class Recipe:
    """All that decides what the model becomes, beside this file."""

    seed: int = 0
    utterances: int = 1200
    steps: int = 1200
    batch_seconds: float = 24.0
    """Audio of one step."""
    segment_seconds: float = 2.5
    """An utterance is cut between words into pieces of about this length."""
    learning_rate: float = 2.5e-3
    bands: int = 32
    phases: int = 6
    hidden: int = 160
    layers: int = 3


@dataclass(frozen=True)
class Utterance:
    """One of the demo corpus, with the synthesizer's own word times."""

    id: str
    split: str
    text: str
    speaker: str
    words: tuple[TimedWord, ...]
    samples: Waveform


@dataclass(frozen=True)
class Segment:
    """A stretch of an utterance and the ids of its characters."""

    samples: Waveform
    labels: tuple[int, ...]


def utterances(corpus: Path, split: str, limit: int | None = None) -> list[Utterance]:
    """The first `limit` utterances of a split, in the corpus' order."""
    found: list[Utterance] = []
    with gzip.open(corpus / "supervisions.jsonl.gz", "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            if row["custom"]["split"] != split or len(found) == limit:
                continue
            words = tuple(TimedWord(text, at, at + length) for text, at, length, *_ in row["alignment"]["word"])
            samples = read(str(corpus / "audio" / f"{row['id']}.flac")).samples
            found.append(Utterance(row["id"], split, row["text"], row["speaker"], words, samples))
    return found


def trained(recipe: Recipe = Recipe()) -> tuple[Path, Path]:
    """(model, corpus) of a recipe, in the system's folder for temporary files: made where they are not there yet."""
    home = Path(tempfile.gettempdir()) / f"lstdata-small-ctc-{os.getuid()}"
    corpus = home / f"corpus-{recipe.utterances}-{recipe.seed}"
    write_corpus(corpus, utterances=recipe.utterances, seed=recipe.seed, items=0, stories=0)
    key = hashlib.sha256(json.dumps(dataclasses.asdict(recipe)).encode() + Path(__file__).read_bytes()).hexdigest()
    final = home / f"model-{key[:16]}"
    if not final.is_dir():
        print(f"training a small CTC model of {recipe}", flush=True)
        with tempfile.TemporaryDirectory(dir=home) as unfinished:
            save(train(recipe, utterances(corpus, "train")), Path(unfinished) / "model")
            try:
                (Path(unfinished) / "model").rename(final)
            except OSError:
                if not final.is_dir():  # else another process was faster
                    raise
    return final, corpus


def train(recipe: Recipe, corpus: Sequence[Utterance]) -> Any:
    """The model after `recipe.steps` steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(min(2, os.cpu_count() or 1))
    torch.manual_seed(recipe.seed)
    segments = [segment for utterance in corpus for segment in cut(utterance, recipe.segment_seconds)]
    model = untrained(recipe).train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, recipe.steps, pct_start=0.15)
    began = time.monotonic()
    losses: list[float] = []
    for step, batch in zip(range(1, recipe.steps + 1), batches(segments, recipe), strict=False):
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 100 == 0:
            seconds = time.monotonic() - began
            print(f"  step {step} of {recipe.steps}: loss {np.mean(losses[-100:]):.3f}, {seconds:.0f} s", flush=True)
    torch.set_num_threads(threads)
    return model.eval()


def untrained(recipe: Recipe) -> Any:
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    channels = recipe.bands * recipe.phases
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(VOCABULARY),
            hidden_size=recipe.hidden,
            num_hidden_layers=recipe.layers,
            num_attention_heads=4,
            intermediate_size=3 * recipe.hidden,
            conv_dim=(channels, recipe.hidden),
            conv_kernel=(320, 2),
            conv_stride=(160, 2),
            conv_bias=True,
            num_feat_extract_layers=2,
            feat_extract_norm="layer",
            feat_extract_activation="relu",
            do_stable_layer_norm=True,
            num_conv_pos_embeddings=15,
            num_conv_pos_embedding_groups=1,
            apply_spec_augment=False,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            activation_dropout=0.0,
            feat_proj_dropout=0.0,
            final_dropout=0.0,
            layerdrop=0.0,
            ctc_loss_reduction="mean",
            ctc_zero_infinity=True,
            pad_token_id=VOCABULARY["<pad>"],
            bos_token_id=VOCABULARY["<s>"],
            eos_token_id=VOCABULARY["</s>"],
        )
    )
    first, second = model.wav2vec2.feature_extractor.conv_layers
    with torch.no_grad():
        first.conv.weight.copy_(filters(recipe.bands, recipe.phases)[:, None])
        first.conv.bias.zero_()
        same = second.conv.weight.view(recipe.hidden, recipe.bands, recipe.phases, 2)
        same.copy_(same[:, :, :1].expand_as(same) * 0.5)
    first.conv.requires_grad_(False)
    return model


def filters(bands: int, phases: int, length: int = 320) -> torch.Tensor:
    """(bands · phases, length) windowed waves on the mel scale; a band's phases, rectified, add up to its amplitude."""
    lowest, highest = 2595 * np.log10(1 + np.array([80, 7600]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, bands + 2) / 2595) - 1)
    times = (np.arange(length) - (length - 1) / 2) / SAMPLE_RATE
    bank = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        spread = min(length / SAMPLE_RATE / 5, 0.5 / (high - low))
        window = np.exp(-0.5 * (times / spread) ** 2) * np.hanning(length)
        window *= 0.3 * (centre / 1000) ** 0.6 / np.linalg.norm(window)
        bank += [window * np.cos(2 * np.pi * (centre * times + phase / phases)) for phase in range(phases)]
    return torch.tensor(np.array(bank), dtype=torch.float32)


def cut(utterance: Utterance, seconds: float) -> Iterator[Segment]:
    """The utterance in pieces that begin with a word, or with the utterance: of `seconds` or a word more."""
    words = utterance.words
    firsts = [0]
    for number, word in enumerate(words):
        if word.start - words[firsts[-1]].start >= seconds:
            firsts.append(number)
    for first, last in pairwise([*firsts, len(words)]):
        begin = sample_at(words[first].start) if first else 0
        end = sample_at(words[last].start) if last < len(words) else len(utterance.samples)
        yield Segment(utterance.samples[begin:end], characters(" ".join(word.text for word in words[first:last])))


def characters(text: str) -> tuple[int, ...]:
    """Ids of what is said, with `|` between words."""
    tokens = spoken_tokens(text, lambda word: all(c in VOCABULARY for c in word))
    return tuple(VOCABULARY[c] for c in "|".join(token.text for token in tokens) if c in VOCABULARY)


def batches(segments: Sequence[Segment], recipe: Recipe) -> Iterator[dict[str, torch.Tensor]]:
    """Without end: segments of similar length, about `batch_seconds` together, in another order each time round."""
    random = np.random.default_rng(recipe.seed)
    while True:
        lengths = np.array([len(s.samples) for s in segments]) * random.uniform(0.9, 1.1, len(segments))
        groups: list[list[Segment]] = [[]]
        for index in np.argsort(lengths):
            if (len(groups[-1]) + 1) * len(segments[index].samples) > recipe.batch_seconds * SAMPLE_RATE:
                groups.append([])
            groups[-1].append(segments[index])
        for place in random.permutation(len(groups)):
            yield batch(groups[place])


def batch(segments: Sequence[Segment]) -> dict[str, torch.Tensor]:
    longest, most = max(len(s.samples) for s in segments), max(len(s.labels) for s in segments)
    values = np.zeros((len(segments), longest), np.float32)
    mask = np.zeros((len(segments), longest), np.int64)
    labels = np.full((len(segments), most), -100, np.int64)
    for row, segment in enumerate(segments):
        values[row, : len(segment.samples)] = normalised(segment.samples)
        mask[row, : len(segment.samples)] = 1
        labels[row, : len(segment.labels)] = segment.labels
    return {
        "input_values": torch.from_numpy(values),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(labels),
    }


def normalised(samples: Waveform) -> Waveform:
    """As the feature extractor does it."""
    scaled: Waveform = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    return scaled


def save(model: Any, folder: Path) -> None:
    """An ordinary folder of `transformers`: description, weights, feature extractor, tokenizer."""
    from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), word_delimiter_token="|", do_lower_case=True)
    tokenizer.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)
    model.save_pretrained(folder)


def error_rate(folder: Path, heard: Sequence[Utterance]) -> float:
    """Characters that must change, per character said, to make what the model hears alone what was said."""
    from torchaudio.functional import edit_distance
    from transformers import Wav2Vec2ForCTC

    model = Wav2Vec2ForCTC.from_pretrained(folder).eval()
    said = [characters(utterance.text) for utterance in heard]
    wrong: int = sum(edit_distance(greedy(model, u.samples), ids) for u, ids in zip(heard, said, strict=True))
    return wrong / sum(len(ids) for ids in said)


def greedy(model: Any, samples: Waveform) -> tuple[int, ...]:
    """Ids of the likeliest characters, frame by frame, equal neighbours counted once."""
    with torch.inference_mode():
        ids = model(torch.from_numpy(normalised(samples))[None]).logits[0].argmax(-1).tolist()
    silent = {VOCABULARY[token] for token in SPECIAL[:-1]}
    return tuple(b for a, b in pairwise([None, *ids]) if b != a and b not in silent)
