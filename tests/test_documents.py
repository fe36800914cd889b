from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstdata.config import InterleaveConfig, PatchingConfig
from lstdata.documents import Document, assemble, drawn_spans, make_document
from lstdata.errors import ConfigError
from lstdata.patching import STRATEGIES
from lstdata.records import Sample
from lstdata.tokenizer import TextTokenizer, fit_tokenizer
from lstdata.units.pieces import UnitPieces, fit_pieces
from lstdata.vocab import VocabCard

STORY = "one day the keeper of the old lighthouse saw a small boat drift towards the rocks and lit every lamp"
WORDS = STORY.split()


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer.from_bytes(fit_tokenizer([" ".join(WORDS)] * 3, 300))


@pytest.fixture(scope="module")
def vocab(tokenizer: TextTokenizer) -> VocabCard:
    return VocabCard(
        text_size=tokenizer.size,
        tokenizer_sha256=tokenizer.sha256,
        tokenizer_bos=None,
        tokenizer_eos=None,
        units=50,
        codebook_sha256="c",
    )


def make_sample(id: str = "u", words: int = 20) -> Sample:
    starts = 3 + 6 * np.arange(words, dtype=np.int64)
    frames = 6 * words + 5
    spans = np.stack((starts, starts + 4), axis=1)
    activity = np.zeros(frames, dtype=np.bool_)
    for start, end in spans:
        activity[start:end] = True
    return Sample(
        key="k",
        id=id,
        split="train",
        samples=frames * 640,
        units=(np.arange(frames) % 50).astype(np.uint16),
        activity=activity,
        text=" ".join(WORDS[:words]),
        words=tuple(WORDS[:words]),
        word_frames=spans,
        piece_frames=spans[::3, 0] + 2,
    )


def untimed(text: str | None = "some words") -> Sample:
    return replace(make_sample(), words=None, word_frames=None, piece_frames=None, text=text)


def document(
    sample: Sample,
    vocab: VocabCard,
    tokenizer: TextTokenizer,
    *,
    interleave: str = "lst",
    patching: str = "static",
    epoch: int = 0,
) -> Document:
    return make_document(
        sample,
        vocab,
        tokenizer,
        interleave=InterleaveConfig(strategy=interleave),  # type: ignore[arg-type]
        patching=PatchingConfig(strategy=patching),  # type: ignore[arg-type]
        epoch=epoch,
    )


def test_a_spoken_document(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    sample = make_sample(words=1)
    doc = document(sample, vocab, tokenizer, interleave="speech", patching="aligned")
    units = [vocab.first_unit + u for u in sample.units.tolist()]
    assert doc.tokens.tolist() == [vocab.bos, vocab.speech_marker, *units, vocab.eos]
    assert doc.lengths.tolist() == [1, 1, 3, 4, 4, 1]
    assert (doc.tokens.dtype, doc.lengths.dtype) == (np.int32, np.int32)


def test_a_written_document(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    doc = document(make_sample(), vocab, tokenizer, interleave="text")
    text = tokenizer.encode(" ".join(WORDS))
    assert doc.tokens.tolist() == [vocab.bos, vocab.text_marker, *text, vocab.eos]
    assert doc.lengths.tolist() == [1] * len(doc.tokens)


@pytest.mark.parametrize("patching", STRATEGIES)
def test_a_short_last_patch_of_a_static_run_is_read_late(
    vocab: VocabCard, tokenizer: TextTokenizer, patching: str
) -> None:
    """Runs of 5, 4 and 2 frames by fours: 4 and 1, 4, 2; whatever else cuts has its boundaries given."""
    drawn = [["s", 0, 5], ["t", [7, 8]], ["s", 6, 10], ["s", 10, 12]]
    made = assemble(drawn, make_sample(), vocab, PatchingConfig(strategy=patching))  # type: ignore[arg-type]
    assert made.late is not None and len(made.late) == len(made.lengths)
    if patching == "static":
        assert made.lengths.tolist() == [1, 1, 4, 1, 1, 1, 1, 1, 4, 1, 2, 1]
    assert np.flatnonzero(made.late).tolist() == ([3, 10] if patching == "static" else [])


def test_of_what_changes_the_static_documents_alone_are_read_late(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    for progress, late in ((0.0, False), (1.0, True)):
        made = make_document(
            make_sample(),
            vocab,
            tokenizer,
            interleave=InterleaveConfig(strategy="speech"),
            patching=PatchingConfig(strategy="curriculum", patch_size=7),
            epoch=0,
            progress=progress,
        )
        assert made.late is not None and made.late.any() == late
        assert not late or np.flatnonzero(made.late).tolist() == [len(made.late) - 2]


@pytest.mark.parametrize("patching", STRATEGIES)
@given(words=st.integers(1, 20), epoch=st.integers(0, 9))
def test_lengths_sum_to_the_tokens_and_every_word_is_there(
    vocab: VocabCard, tokenizer: TextTokenizer, patching: str, words: int, epoch: int
) -> None:
    sample = make_sample(words=words)
    doc = document(sample, vocab, tokenizer, patching=patching, epoch=epoch)
    assert doc.lengths.sum() == len(doc.tokens)
    assert doc.lengths.min() >= 1
    starts = np.cumsum(doc.lengths) - doc.lengths
    multi = [doc.tokens[s : s + n] for s, n in zip(starts, doc.lengths, strict=True) if n > 1]
    assert all((tokens >= vocab.first_unit).all() for tokens in multi), "only units share a position"
    assert doc.tokens.max() < vocab.size
    assert sample.words is not None
    drawn = drawn_spans(sample, tokenizer, interleave=InterleaveConfig(), epoch=epoch)
    written = " ".join(tokenizer.decode(span[1]).strip() for span in drawn if span[0] == "t").split()
    spoken = [
        word
        for word, (start, end) in zip(sample.words, sample.word_frames.tolist(), strict=True)  # type: ignore[union-attr]
        if any(span[0] == "s" and span[1] <= start and end <= span[2] for span in drawn)
    ]
    assert sorted(written + spoken) == sorted(sample.words)


def test_what_a_shard_carries_rebuilds_the_document(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    config = InterleaveConfig(seed=3)
    for i in range(20):
        sample = make_sample(id=f"u{i}")
        drawn = json.loads(json.dumps(drawn_spans(sample, tokenizer, interleave=config)))
        rebuilt = assemble(drawn, sample, vocab, PatchingConfig())
        made = make_document(sample, vocab, tokenizer, interleave=config, patching=PatchingConfig(), epoch=0)
        assert rebuilt.tokens.tolist() == made.tokens.tolist()
        assert rebuilt.lengths.tolist() == made.lengths.tolist()


def test_epochs_differ_and_repeat(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    documents = [document(make_sample(), vocab, tokenizer, epoch=e).tokens.tolist() for e in (0, 1, 2, 3, 0)]
    assert documents[0] == documents[4]
    assert documents[0] not in documents[1:4]


def test_without_word_times_all_is_speech(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    doc = document(untimed(), vocab, tokenizer)
    assert doc.tokens.tolist() == document(make_sample(), vocab, tokenizer, interleave="speech").tokens.tolist()
    doc = document(untimed(), vocab, tokenizer, interleave="text")
    assert doc.tokens[2:-1].tolist() == tokenizer.encode("some words")


@pytest.mark.parametrize("sample", [make_sample(), untimed(" ".join(WORDS[:20]))])
def test_asr_and_tts_are_all_of_the_speech_and_all_of_the_text(
    sample: Sample, vocab: VocabCard, tokenizer: TextTokenizer
) -> None:
    speech = document(sample, vocab, tokenizer, interleave="speech").tokens.tolist()[1:-1]
    text = document(sample, vocab, tokenizer, interleave="text").tokens.tolist()[1:-1]
    asr = document(sample, vocab, tokenizer, interleave="asr").tokens.tolist()
    assert asr == [vocab.bos, *speech, *text, vocab.eos]
    assert document(sample, vocab, tokenizer, interleave="tts").tokens.tolist() == [
        vocab.bos,
        *text,
        *speech,
        vocab.eos,
    ]


def test_pieces_stand_for_the_units_of_each_span(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    sample = make_sample()
    pieces = UnitPieces(fit_pieces([sample.units] * 3, vocab.units, vocab.units + 12), "x.model")
    card = vocab.with_pieces(pieces.size, pieces.sha256)
    plain = document(sample, vocab, tokenizer, patching="none")
    made = make_document(
        sample,
        card,
        tokenizer,
        interleave=InterleaveConfig(),
        patching=PatchingConfig(strategy="unit-bpe", unit_bpe="x.model"),
        epoch=0,
        pieces=pieces,
    )
    assert (made.lengths == 1).all() and len(made.tokens) < len(plain.tokens)
    spoken = [token - card.first_unit for token in made.tokens.tolist() if token >= card.first_unit]
    units = [token - vocab.first_unit for token in plain.tokens.tolist() if token >= vocab.first_unit]
    assert pieces.decode(spoken).tolist() == units
    assert [t for t in made.tokens if t < card.first_unit] == [t for t in plain.tokens if t < vocab.first_unit]


def test_a_curriculum_cuts_by_words_first_and_statically_in_the_end(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    def lengths(strategy: str, progress: float) -> list[int]:
        config = PatchingConfig(strategy=strategy)  # type: ignore[arg-type]
        made = make_document(
            make_sample(), vocab, tokenizer, interleave=InterleaveConfig(), patching=config, epoch=0, progress=progress
        )
        return made.lengths.tolist()

    assert lengths("curriculum", 0.0) == lengths("aligned", 0.0) != lengths("static", 0.0)
    assert lengths("curriculum", 1.0) == lengths("static", 1.0)


def test_what_a_sample_lacks_is_said(vocab: VocabCard, tokenizer: TextTokenizer) -> None:
    with pytest.raises(ConfigError, match="aligned needs word times, but sample `u` has none"):
        document(untimed(), vocab, tokenizer, patching="aligned")
    with pytest.raises(ConfigError, match=r"`interleave\.strategy` asr needs a transcript, but sample `u` has none"):
        document(untimed(None), vocab, tokenizer, interleave="asr")
    with pytest.raises(ConfigError, match="text needs a transcript, but sample `u` has none"):
        document(untimed(None), vocab, tokenizer, interleave="text")
