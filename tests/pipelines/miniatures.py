"""The published corpora in small: their own folders, file names, transcripts and tables, with noise for speech."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import soundfile

TEXT = "he hoped there would be stew for dinner"


def noise(path: Path, seconds: float = 2.0, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(len(path.name)).standard_normal(int(seconds * rate)) * 0.1
    kind = {".opus": {"format": "OGG", "subtype": "OPUS"}}.get(path.suffix, {})
    soundfile.write(path, samples.clip(-1, 1), rate, **kind)
    return path


def lines(path: Path, rows: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def librispeech(root: Path) -> None:
    corpus = root / "LibriSpeech"
    for name in ("BOOKS.TXT", "CHAPTERS.TXT", "LICENSE.TXT", "README.TXT", "SPEAKERS.TXT"):
        lines(corpus / name, [";ID | READER"])
    for part, speaker in (
        ("train-clean-100", "103"),
        ("train-other-500", "20"),
        ("dev-clean", "84"),
        ("test-other", "367"),
    ):
        ids = [f"{speaker}-121550-000{number}" for number in range(2)]
        for id in ids:
            noise(corpus / part / speaker / "121550" / f"{id}.flac")
        chapter = corpus / part / speaker / "121550" / f"{speaker}-121550.trans.txt"
        lines(chapter, [f"{id} {TEXT.upper()}" for id in ids])


def ljspeech(root: Path) -> None:
    ids = [f"LJ00{number}-0001" for number in (1, 2, 3)]
    for id in ids:
        noise(root / "LJSpeech-1.1" / "wavs" / f"{id}.wav", rate=22_050)
    lines(root / "LJSpeech-1.1" / "README", ["The LJ Speech Dataset"])
    rows = [f'{id}|In 1455 {TEXT}, said \'the "printer".|In fourteen fifty-five {TEXT}' for id in ids]
    lines(root / "LJSpeech-1.1" / "metadata.csv", rows)


def mls(root: Path) -> None:
    """English and German, as the Opus archives unpack."""
    for language, first in (("english", 10), ("german", 2000)):
        corpus = root / "MLS" / f"mls_{language}_opus"
        speakers = {"train": first, "dev": first + 1, "test": first + 2}
        head = (
            "SPEAKER   |   GENDER   | PARTITION  |  MINUTES   |  BOOK ID   |             TITLE              | CHAPTER"
        )
        about = [
            f"  {s}     |     F      |   {split}    |   1.0  |   99   | A title | 1" for split, s in speakers.items()
        ]
        lines(corpus / "metainfo.txt", [head, *about])
        for split, speaker in speakers.items():
            ids = [f"{speaker}_99_00000{number}" for number in range(2)]
            for id in ids:
                noise(corpus / split / "audio" / str(speaker) / "99" / f"{id}.opus")
            lines(corpus / split / "transcripts.txt", [f"{id}\t{TEXT}" for id in ids])
            lines(corpus / split / "segments.txt", [f"{id}\thttp://archive.org/x.mp3\t0.0\t2.0" for id in ids])


def libri_light(root: Path) -> None:
    """Two readers of `small`, one of each other part; half a minute with three stretches of speech each."""
    for part, speaker in (("small", "100"), ("small", "101"), ("medium", "200"), ("large", "300")):
        book = root / "LIBRILIGHT" / part / speaker / "a_book_0711_librivox_64kb_mp3"
        noise(book / "book_01_author_64kb.flac", seconds=30.0)
        speech = [[0.5, 9.0], [9.4, 20.0], [21.5, 29.5]]
        described = {"speaker": speaker, "snr": 9.5, "voice_activity": speech, "book_meta": {"title": "A book"}}
        lines(book / "book_01_author_64kb.json", [json.dumps(described)])


def peoples_speech(root: Path) -> None:
    """The part `clean` as Parquet, and all six parts as archives unpack."""
    _peoples_speech_parquet(root / "PEOPLES_SPEECH" / "clean")
    parts = [("train", name) for name in ("clean", "clean_sa", "dirty", "dirty_sa")]
    for split, part in [*parts, ("validation", "validation"), ("test", "test")]:
        names = [f"{part}_DOT_mp3_0000{number}.flac" for number in range(2)]
        for name in names:
            noise(root / "ARCHIVES" / split / part / name)
        data = {"duration_ms": [2000, 2000], "label": [TEXT, TEXT], "name": names}
        lines(root / "ARCHIVES" / split / f"{part}.json", [json.dumps({"identifier": part, "training_data": data})])


def _peoples_speech_parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True)
    for split, texts in (("train", [TEXT, "well", TEXT]), ("validation", [TEXT]), ("test", [TEXT])):
        rows = []
        for number, text in enumerate(texts):
            audio = noise(folder / f"{split}{number}.flac")
            name = f"a_talk/{split}_DOT_mp3_0000{number}.flac"
            data = {"bytes": audio.read_bytes(), "path": name.rpartition("/")[2]}
            rows.append({"id": name, "audio": data, "duration_ms": 2000, "text": text})
            audio.unlink()
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{split}-00000-of-00001.parquet")


def commonvoice(root: Path) -> None:
    language = root / "CORPUS" / "en"
    head = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant"
    head += " locale segment"
    rows: dict[str, list[str]] = {}
    for number, split in enumerate(("train", "train", "dev", "test")):
        name = f"common_voice_en_1000{number}.mp3"
        noise(language / "clips" / name, rate=32_000)
        sentence = 'He said "hello' if number == 1 else "He hoped there would be stew."
        values = [f"{number:0128x}", name, "9" * 64, sentence, "", "2", "0", "twenties", "", "", "", "en", ""]
        rows.setdefault(split, []).append("\t".join(values))
    rows["validated"] = [row for part in rows.values() for row in part]
    for split, values in rows.items():
        lines(language / f"{split}.tsv", ["\t".join(head.split()), *values])


MINIATURES: dict[str, Callable[[Path], None]] = {
    "commonvoice": commonvoice,
    "libri-light": libri_light,
    "librispeech": librispeech,
    "ljspeech": ljspeech,
    "mls": mls,
    "peoples-speech": peoples_speech,
}
"""By the name of the pipeline; each makes the folders that the pipeline's `about` calls by these names."""
