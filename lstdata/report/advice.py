"""What to do about each reason for which records are left out: one line each."""

from __future__ import annotations

from typing import Final

from lstdata.filters import REASONS as FILTER_REASONS

_AGAIN: Final = "then `lstdata retry OUT` builds it."

ADVICE: Final = {
    "bad_row": f"Repair the row that the message names; {_AGAIN}",
    "bad_encoding": f"Write the file anew as UTF-8, as with `iconv -f latin1 -t utf-8`; {_AGAIN}",
    "empty_text": "Nothing is lost: there was no text. Leave such rows out of the source to have fewer dead letters.",
    "too_long": f"Divide it into documents; plain text by lines or paragraphs, with `source.documents`; {_AGAIN}",
    "bad_name": f"Rename the file to a name in UTF-8; {_AGAIN}",
    "duplicate_id": "Give each record an id of its own; the first of each is in. Of equal copies nothing is lost.",
    "path_escapes": "Put the file below the source's folder, or name it by an absolute path.",
    "unsupported_cut": "Write the cut's audio out, as with lhotse's `save_audios`, and build from that.",
    "unsupported_command": f"Run the command yourself and name the file that it writes; {_AGAIN}",
    "damaged_archive": f"Fetch or write the archive again; {_AGAIN}",
    "overlapping_supervisions": "Set `source.supervisions=split` to make a record of each supervision.",
    "missing_audio": f"Bring the file back, or mount its disk again, or leave its row out; {_AGAIN}",
    "empty_file": f"Fetch the file again: a download or copy broke off; {_AGAIN}",
    "undecodable": f"Convert it, as with `ffmpeg -i FILE FILE.flac`, or fetch it again; {_AGAIN}",
    "bad_sample_rate": f"Correct the rate in the manifest or header, or resample the file; {_AGAIN}",
    "rate_mismatch": f"Make the manifest anew from the files as they are now; {_AGAIN}",
    "beyond_recording": "Compare the manifest's times with the file: another recording, or milliseconds for seconds "
    "(`source.time_unit`).",
    "bad_channel": f"Name a channel that the file has, or none to mix all down; {_AGAIN}",
    "zero_length": "Leave the row out, or correct its times: there is nothing to hear between them.",
    "bad_unit": "Set `units.clusters` to the number of clusters that the units were made with.",
    "no_durations": "Give units that are not de-duplicated, or their durations beside them.",
    "shorter_than_a_frame": "Nothing is lost: it is shorter than one unit.",
    "non_finite_features": "Set `units.dtype=float32`; should it stay, the model's weights are damaged.",
    "non_finite_samples": f"Write the file anew without NaN or infinite samples; {_AGAIN}",
    "no_speech": "Listen to it; `segment.threshold` decides from where on a sound is speech.",
    "needs_word_times": "Name a CTC model in `words.model`, which finds words in long recordings, or give their times.",
    "too_long_to_transcribe": "Segment it first (`lstdata segment`), or raise `max_seconds` as far as the model goes.",
    "nothing_recognised": "Listen to it: music, silence, or a language that the model does not know.",
    "missing_transcript": "Give its transcript, or make one (`lstdata transcribe`); `words.missing=speech` keeps it as "
    "speech alone.",
    "missing_word_times": "Give its word times, or let an aligner find them (`words.aligner=sphinx` or `ctc`); "
    "`words.missing=speech` keeps it as speech alone.",
    "bad_word_file": f"Repair the line of the file that the message names; {_AGAIN}",
    "ambiguous_word_file": "Keep one file of word times for each record id.",
    "transcript_mismatch": "Pair them anew: the word times are of another record, or of another transcript.",
    "bad_word_times": f"Correct the times: seconds from the record's start, rising, within the audio; {_AGAIN}",
    "transcript_too_long": "Compare transcript and audio: the text of a longer stretch, or audio that was cut off.",
    "out_of_vocabulary": "Write numbers and foreign names as words, or align by a `ctc` model with the letters of the "
    "language.",
    "no_speakable_words": "Leave the row out: its transcript has nothing that is spoken.",
    "no_path": "Listen to it with its transcript: they differ, or the aligner does not know such a voice; `ctc` may.",
    "low_score": "Listen to it with its transcript. Where many are right, lower `words.min_score`, or align by "
    "a model that knows such voices.",
    "language_unsupported": "Name a model of its language: `words.aligner=ctc` and `words.model`.",
    "worker_died": "The next run tries it again. Should it stay: give workers more memory, or leave the record out.",
    "timed_out": "The next run tries it again. Should it stay: raise `run.record_timeout`, or segment the recording.",
    "out_of_memory": "The next run tries it again. Should it stay: run fewer workers, or segment the recording.",
    "unexpected_error": "The next run tries it again. Should it stay, it is a bug: please report it with the message.",
}
"""By reason code, as docs/failures.md lists them; filters apart."""


def advice_for(reason: str) -> str:
    """A line; of a reason that is not known, where to look."""
    if reason in FILTER_REASONS:
        option = reason.removeprefix("filtered_")
        return f"Left out on purpose by `filter.{option}`; another limit needs a new run folder."
    return ADVICE.get(reason, "See the message, and `lstdata retry OUT` once its cause is gone.")
