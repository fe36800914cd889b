"""Where the words of a record are: by its manifest, by files of other tools, or by an aligner."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lstdata.align import Aligner, chosen_aligner, from_manifest, make_aligner
from lstdata.checkpoints import Checkpoint
from lstdata.config import WordsConfig
from lstdata.errors import Rejected
from lstdata.records import Alignment, Waveform
from lstdata.source_row import SourceRow

if TYPE_CHECKING:
    from lstdata.align.ctc.remote import RemoteCtcModel
    from lstdata.align.files import WordFiles


@dataclass(frozen=True, slots=True)
class WordSource:
    """What of `words` lies in files: a model's identity, or files of word times."""

    identity: str | None = None
    """A sum over them; None for aligners that come with this package."""
    files: WordFiles | None = None
    """Opened once, for all workers."""
    checkpoint: Checkpoint | None = None
    """Of `ctc`, as it was found where the run was begun."""


@dataclass
class WordTimes:
    """What `words` asks for, loaded when it is first needed."""

    config: WordsConfig
    device: str = "cpu"
    """Of an aligner that is a pretrained model."""
    source: WordSource = field(default_factory=WordSource)
    ctc: RemoteCtcModel | None = None
    """The model of `ctc`, where it sits elsewhere."""

    def find(self, row: SourceRow, samples: Waveform) -> Alignment | None:
        """None where there is nothing to align. Raises Rejected."""
        asked = self.config.aligner
        if asked in ("auto", "manifest") and row.words is not None:
            return from_manifest(row.words, len(samples), row.score)
        if asked == "manifest":
            raise Rejected("missing_word_times", f"the manifest gives no word times for `{row.id}`.")
        if chosen_aligner(self.config) == "files":
            assert self.source.files is not None
            return self.source.files.align(row, len(samples))
        if not (row.text or "").strip():
            return None
        return self._aligner.align(samples, row.text or "", row.language)

    @cached_property
    def _aligner(self) -> Aligner:
        wanted = self.source.checkpoint
        if wanted is None:
            return make_aligner(chosen_aligner(self.config), self.config, self.device)
        from lstdata.align.ctc import CtcAligner
        from lstdata.checkpoints.bundles import find_again

        here = find_again(wanted, self.config.model or "", option="words.model")
        return CtcAligner(here, self.config, self.device, self.ctc)


def find_word_source(config: WordsConfig) -> WordSource:
    """Raises ConfigError where a model or files cannot be used, and Unavailable where they cannot be reached."""
    chosen = chosen_aligner(config)
    if chosen == "ctc":
        from lstdata.align.ctc import find_ctc_model

        checkpoint = find_ctc_model(config)
        return WordSource(checkpoint.sha256, checkpoint=checkpoint)
    if chosen == "files":
        from lstdata.align.files import open_word_files

        files = open_word_files(config)
        return WordSource(files.fingerprint(), files)
    return WordSource()
