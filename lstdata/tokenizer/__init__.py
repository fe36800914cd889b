"""The text tokenizer: any `tokenizer.json`, or a byte-level BPE fitted on the transcripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from lstdata.errors import ConfigError
from lstdata.storage import read_given, sha256_bytes
from lstdata.tokenizer.locality import is_one_word, is_word_local

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BOS_NAMES: Final = ("<|begin_of_text|>", "<bos>", "[BOS]", "<|startoftext|>", "<s>")
EOS_NAMES: Final = ("<|end_of_text|>", "<eos>", "[EOS]", "<|endoftext|>", "</s>")
"""What public tokenizers call their own BOS and EOS, if they have them among their special tokens."""

WORDS_KEPT: Final = 1 << 18
"""Words whose ids are kept, at most, where each is coded by itself: then all are forgotten at once."""


_CONTEXT: Final = 4
"""Ids before others that are decoded with them: at the beginning of a text, decoders leave out a space."""


class TextTokenizer:
    """Text to ids 0…size−1, never a special one: a transcript that spells `</s>` gets the pieces of those letters."""

    def __init__(self, tokenizer: Tokenizer, sha256: str, word_local: bool = False) -> None:
        """`word_local` says what `is_word_local` does of this tokenizer."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self.sha256 = sha256
        self.word_local = word_local
        self._first: dict[str, list[int] | None] = {}
        self._later: dict[str, list[int] | None] = {}
        self.size = 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        special = {t.content: i for i, t in sorted(tokenizer.get_added_tokens_decoder().items()) if t.special}
        self.special = frozenset(special.values())
        """Ids that no text becomes."""
        self.bos = next((special[name] for name in BOS_NAMES if name in special), None)
        self.eos = next((special[name] for name in EOS_NAMES if name in special), None)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "tokenizer.json") -> TextTokenizer:
        """Read the bytes of a `tokenizer.json`; ConfigError names the file."""
        import tokenizers

        try:
            tokenizer = tokenizers.Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises bare Exception
            raise ConfigError(f"`{name}` is not a tokenizer.json: {' '.join(str(error).split())}.") from error
        if not tokenizer.get_vocab_size():
            raise ConfigError(f"`{name}` must hold at least one piece, but holds none.")
        return cls(tokenizer, sha256_bytes(data), is_word_local(data))

    @classmethod
    def read(cls, path: str) -> TextTokenizer:
        """Read a `tokenizer.json` from a path or URL; ConfigError names it."""
        return cls.from_bytes(read_given(path, "tokenizer.path", "tokenizer.json"), path)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without BOS, EOS or any other special token."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode_words(self, words: Sequence[str]) -> list[int]:
        """The ids of the words with a space between each two: those of `encode`, mostly without asking the library."""
        if not self.word_local:
            return self.encode(" ".join(words))
        ids: list[int] = []
        known = self._first
        for word in words:
            found = known[word] if word in known else self._learn(word, known)
            if found is None:
                return self.encode(" ".join(words))
            ids += found
            known = self._later
        return ids

    def _learn(self, word: str, known: dict[str, list[int] | None]) -> list[int] | None:
        """The ids of a word that begins a text, or of a later one; None where they are not its own."""
        if len(known) >= WORDS_KEPT:
            known.clear()
        ids = None
        if is_one_word(word):
            before = "" if known is self._first else "a "
            ids = self.encode(before + word)[len(self.encode(before.rstrip())) :]
        known[word] = ids
        return ids

    def piece_starts(self, text: str) -> list[int]:
        """The place in the text, in characters, at which each of its pieces begins; never falls."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return [start for start, _ in encoding.offsets]

    def decode(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def pieces(self, ids: list[int]) -> list[str]:
        """What each id adds to the text; nothing where a character is not yet complete with it."""
        added: list[str] = []
        done = 0
        for end in range(1, len(ids) + 1):
            first = max(0, done - _CONTEXT)
            before, text = self.decode(ids[first:done]), self.decode(ids[first:end])
            whole = end == len(ids) or not text.endswith("�")
            added.append(text[len(before) :] if whole else "")
            done = end if whole else done
        return added


def fit_tokenizer(texts: Iterable[str], vocab_size: int) -> bytes:
    """Fit a byte-level BPE and return its `tokenizer.json`: equal texts, in any order, give equal bytes.

    Pieces are at most `vocab_size`, fewer where the texts have no more pairs that occur twice. Every word, also the
    first of a text, is coded with a space before it, so that a word looks the same wherever a span begins.
    """
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str(pretty=False)).encode()
