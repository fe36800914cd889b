"""What a user may choose for a build, as nested frozen dataclasses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from lstdata.options import differences as differences
from lstdata.options import fingerprint as fingerprint
from lstdata.options import from_dict as from_dict
from lstdata.options import load as load
from lstdata.options import override as override
from lstdata.options import seed_mistakes
from lstdata.options import to_dict as to_dict
from lstdata.run_options import RunConfig as RunConfig
from lstdata.select_options import SelectConfig as SelectConfig
from lstdata.source_options import PlanConfig as PlanConfig
from lstdata.source_options import SourceConfig as SourceConfig
from lstdata.unit_options import UnitsConfig as UnitsConfig


@dataclass(frozen=True, kw_only=True)
class SegmentConfig:
    """Long recordings cut at silences before planning, and short neighbours joined."""

    enabled: bool = False
    """Segment before planning; `lstdata segment` does it whatever is said here."""
    longer_than: float = 30.0
    """Seconds; a shorter record stays as it is."""
    target_seconds: float = 20.0
    """Neighbouring stretches of speech are put together up to this length."""
    max_seconds: float = 30.0
    """A longer stretch without any silence is cut where speech is least likely."""
    min_silence: float = 0.3
    """Seconds without speech at which a recording may be cut."""
    max_silence: float = 2.0
    """A longer silence is in no segment."""
    margin: float = 0.2
    """Seconds of silence that a segment keeps before and after its speech, or half of the silence there is."""
    threshold: float = 0.5
    """Probability above which the speech-activity model hears speech."""
    join: bool = False
    """Join adjacent records of one recording, speaker and language up to `target_seconds`."""
    join_gap: float = 1.0
    """Seconds between two records that may be joined."""

    def mistakes(self) -> Iterator[str]:
        for name in ("longer_than", "min_silence"):
            if getattr(self, name) <= 0:
                yield f"`{name}` must be > 0, but is {getattr(self, name)}."
        if self.target_seconds < 1:
            yield f"`target_seconds` must be ≥ 1, but is {self.target_seconds}."
        if self.max_seconds < self.target_seconds:
            yield f"`max_seconds` must be ≥ `target_seconds` ({self.target_seconds}), but is {self.max_seconds}."
        if self.max_silence < self.min_silence:
            yield f"`max_silence` must be ≥ `min_silence` ({self.min_silence}), but is {self.max_silence}."
        if not 0 <= self.margin <= self.target_seconds / 4:
            most = self.target_seconds / 4
            yield f"`margin` must be between 0 and a quarter of `target_seconds` ({most}), but is {self.margin}."
        if not 0 < self.threshold < 1:
            yield f"`threshold` must be in (0, 1), but is {self.threshold}."
        if self.join_gap < 0:
            yield f"`join_gap` must be ≥ 0, but is {self.join_gap}."


@dataclass(frozen=True, kw_only=True)
class FilterConfig:
    """What is left out on purpose, as dead letters with a reason for each rule; None: the rule is off.

    The limits themselves are allowed. A rule says nothing of a record of which it is not known what it asks for.
    """

    languages: tuple[str, ...] | None = None
    """Tags that are kept, in any case; `en` keeps `en-US` too. A record without a language is kept."""
    min_characters: int | None = None
    """Of a document of text, spaces included."""
    max_characters: int | None = None
    min_seconds: float | None = None
    """Of the decoded audio."""
    max_seconds: float | None = None
    min_words_per_second: float | None = None
    """Of the transcript: what stands between spaces and has a letter or a digit."""
    max_words_per_second: float | None = None
    min_characters_per_second: float | None = None
    """Letters, marks and digits of any script: the rate for languages without spaces."""
    max_characters_per_second: float | None = None
    max_header_mismatch: float | None = None
    """Seconds between the length that the file's header promises and the decoded one."""
    max_clipping: float | None = None
    """Share of samples at full scale, between 0 and 1."""
    min_snr_db: float | None = None
    """Power of the speech frames over that of the others, by the activity mask."""
    min_score: float | None = None
    """Of the word times, on the scale of whoever found them; `words.min_score` is that of aligners alone."""

    def mistakes(self) -> Iterator[str]:
        if self.languages is not None and not all((*self.languages, self.languages)):
            yield f"`languages` must name at least one tag, and none that is empty, but is {list(self.languages)}."
        for name in ("seconds", "words_per_second", "characters_per_second", "characters"):
            least, most = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if least is not None and most is not None and least > most:
                yield f"`min_{name}` must be ≤ `max_{name}` ({most}), but is {least}."
            for bound, value in (("min", least), ("max", most)):
                if value is not None and value < 0:
                    yield f"`{bound}_{name}` must be ≥ 0, but is {value}."
        if self.max_clipping is not None and not 0 <= self.max_clipping <= 1:
            yield f"`max_clipping` must be in [0, 1], but is {self.max_clipping}."
        if self.max_header_mismatch is not None and self.max_header_mismatch < 0:
            yield f"`max_header_mismatch` must be ≥ 0, but is {self.max_header_mismatch}."


@dataclass(frozen=True, kw_only=True)
class WordsConfig:
    """Word times: from the manifest where it has them, else from files of other tools or from an aligner."""

    aligner: Literal["auto", "manifest", "files", "sphinx", "ctc", "none"] = "auto"
    """`auto`: the manifest's word times, else `files` or `ctc` where one is configured, else `sphinx`."""
    missing: Literal["skip", "speech", "error"] = "skip"
    """An utterance without word times: a dead letter, a speech-only sample, or the end of the build."""
    min_score: float | Literal["default"] | None = "default"
    """Least score of an alignment by `sphinx` (per frame) or `ctc` (per letter); `default`: that of the aligner itself,
    null accepts any."""
    model: str | None = None
    """Of `ctc`: a folder with a CTC checkpoint of `transformers`, its name on the hub, or `torchaudio:MMS_FA`."""
    revision: str | None = None
    """Of a model on the hub."""
    files: str | None = None
    """Of `files`: a folder, or one file, with word times by record id."""
    files_format: Literal["auto", "ctm", "textgrid", "whisper", "pairs"] = "auto"
    """`auto`: by their content."""

    def mistakes(self) -> Iterator[str]:
        if self.aligner == "ctc" and not self.model:
            yield "`aligner` ctc needs `words.model`: a folder, a name on the hub, or torchaudio:MMS_FA."
        if self.aligner == "files" and not self.files:
            yield "`aligner` files needs `words.files`: a folder, or one file."
        if self.files and self.aligner not in ("auto", "files"):
            yield f"`files` must not be given where `aligner` is {self.aligner}."
        if self.model and self.aligner not in ("auto", "ctc"):
            yield f"`model` must not be given where `aligner` is {self.aligner}."
        if self.aligner == "auto" and self.model and self.files:
            yield "`aligner` must be ctc or files where both `words.model` and `words.files` are given."


@dataclass(frozen=True, kw_only=True)
class ActivityConfig:
    """Speech or silence per frame: high-passed energy over a running noise floor, with hysteresis."""

    highpass_hz: float = 100.0
    on_db: float = 10.0
    """A stretch is speech if it rises this far above the noise floor somewhere."""
    off_db: float = 6.0
    """It reaches as far as it stays this far above the noise floor."""
    floor_seconds: float = 10.0
    """Window of the running noise floor."""
    range_db: float = 35.0
    """What lies this far below the recording's loud frames is silence whatever the noise floor."""

    def mistakes(self) -> Iterator[str]:
        if self.off_db > self.on_db:
            yield f"`off_db` must be ≤ `on_db` ({self.on_db}), but is {self.off_db}."
        if not 0 <= self.highpass_hz < 8000:
            yield f"`highpass_hz` must be in [0, 8000), but is {self.highpass_hz}."
        for name in ("floor_seconds", "range_db"):
            if getattr(self, name) <= 0:
                yield f"`{name}` must be > 0, but is {getattr(self, name)}."


@dataclass(frozen=True, kw_only=True)
class PatchingConfig:
    """How speech runs become positions."""

    strategy: Literal[
        "none", "static", "silence", "aligned", "aligned-merged", "aligned-bpe", "mixed", "curriculum", "unit-bpe"
    ] = "static"
    """Used where one strategy is needed; shards store the boundaries of all."""
    patch_size: int = 4
    min_silence: int = 3
    """Frames of silence that make a patch of their own under `silence`."""
    max_patch: int = 32
    """Frames: longer patches are cut, but for those of `static`."""
    aligned_until: float = 1 / 3
    """The share of training until which `curriculum` is all `aligned`."""
    static_from: float = 2 / 3
    """The share of training from which on it is all `static`."""
    boundary_noise_ms: float = 0.0
    """Milliseconds by which each boundary of a word inside a speech run is moved in training, at most, either way."""
    unit_bpe: str | None = None
    """The model of `unit-bpe`, a file or URL, as `lstdata fit-units-bpe` makes it."""

    def mistakes(self) -> Iterator[str]:
        for name in ("patch_size", "min_silence", "max_patch"):
            if getattr(self, name) < 1:
                yield f"`{name}` must be ≥ 1, but is {getattr(self, name)}."
        if self.boundary_noise_ms < 0:
            yield f"`boundary_noise_ms` must be ≥ 0, but is {self.boundary_noise_ms:g}."
        if self.strategy == "unit-bpe" and self.unit_bpe is None:
            yield "`unit_bpe` must name a model for the strategy unit-bpe, but is null."
        if not 0 <= self.aligned_until <= self.static_from <= 1:
            yield (
                "0 ≤ `aligned_until` ≤ `static_from` ≤ 1 must hold, but they are "
                f"{self.aligned_until:g} and {self.static_from:g}."
            )


@dataclass(frozen=True, kw_only=True)
class InterleaveConfig:
    """How speech and text alternate in a document."""

    strategy: Literal["lst", "spirit", "poisson", "speech", "text", "asr", "tts"] = "lst"
    seed: int = 0
    speech_ratio: float = 0.5
    """Of `lst`: words of a speech span, for each word of the text span before it."""
    text_words: tuple[int, int] = (5, 30)
    """Of `lst`: words of the shortest and of the longest text span; none has more than 0.6 of the utterance's."""

    def mistakes(self) -> Iterator[str]:
        yield from seed_mistakes(self.seed)
        if self.speech_ratio <= 0:
            yield f"`speech_ratio` must be > 0, but is {self.speech_ratio}."
        shortest, longest = self.text_words
        if not 2 <= shortest <= longest:
            yield f"`text_words` must be [shortest, longest] with 2 ≤ shortest ≤ longest, but is {[shortest, longest]}."

    def stored(self) -> dict[str, Any]:
        """What the interleaving that shards carry depends on; options of later versions only where they are used."""
        paper = InterleaveConfig()
        return {
            name: value
            for name, value in vars(self).items()
            if name in ("strategy", "seed") or value != getattr(paper, name)
        }


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """The text tokenizer."""

    path: str | None = None
    """A `tokenizer.json`, a SentencePiece model (as Llama 2's) or ranks as tiktoken has them (as Llama 3's); or a run
    folder, whose tokenizer it is.

    None: a byte-level BPE trained on the transcripts of the training split, or on a part of its documents; then frozen.
    """
    vocab_size: int = 2000

    def mistakes(self) -> Iterator[str]:
        if self.vocab_size < 257:
            yield f"`vocab_size` must be ≥ 257 (the bytes and one merge), but is {self.vocab_size}."


@dataclass(frozen=True, kw_only=True)
class AudioConfig:
    """What becomes of the audio."""

    keep: Literal["flac", "opus"] | None = None
    """Put it into the shards too, decoded, mono, at 16 kHz: for codecs, vocoders, players."""


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """All of `lstdata build-shards`."""

    about: str = ""
    source: SourceConfig = field(default_factory=SourceConfig)
    segment: SegmentConfig = field(default_factory=SegmentConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    filter: FilterConfig = field(default_factory=FilterConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    units: UnitsConfig = field(default_factory=UnitsConfig)
    words: WordsConfig = field(default_factory=WordsConfig)
    activity: ActivityConfig = field(default_factory=ActivityConfig)
    patching: PatchingConfig = field(default_factory=PatchingConfig)
    interleave: InterleaveConfig = field(default_factory=InterleaveConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def mistakes(self) -> Iterator[str]:
        if self.patching.strategy == "unit-bpe":
            yield "`patching.strategy` unit-bpe is for training alone: shards hold the units."
