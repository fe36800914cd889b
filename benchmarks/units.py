"""Units by a HuBERT-base-sized encoder against one-by-one float32 extraction, and against the bare model.

Run from the project's root: `.venv/bin/python benchmarks/units.py`. Weights are random: speed does not depend on them.
Takes the recordings in `../shared/speech/english`, or noise where they are absent. One thread on the CPU; where torch
finds a GPU, that is measured too, fed by all cores.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
import torch

from lstdata.audio import read
from lstdata.config import UnitsConfig
from lstdata.records import SAMPLE_RATE, Waveform, frame_count
from lstdata.units import UnitExtractor, Units, extract
from lstdata.units.codebook import Codebook
from lstdata.units.encoder.encoder import Encoder
from lstdata.units.encoder.shapes import ROWS, row_frames
from lstdata.units.features import Features, find_features, make_encoder, make_extractor, make_whole_extractor

T = TypeVar("T")

SPEECH = Path(__file__).resolve().parents[2] / "shared" / "speech" / "english"
LAYER = 9
SECONDS = 90
"""Of recordings that are timed on the CPU."""

GPU_SECONDS = 4 * 3600


@dataclass(frozen=True)
class Material:
    paths: list[Path]
    waves: list[Waveform]

    @property
    def seconds(self) -> float:
        return sum(map(len, self.waves)) / SAMPLE_RATE


def main() -> int:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        material = load_material(Path(folder))
        model = save_model(Path(folder) / "hubert-base")
        features = {
            dtype: find_features(UnitsConfig(model=str(model), layer=LAYER, dtype=dtype), "cpu")
            for dtype in ("float32", "bfloat16")
        }
        codebook = some_codebook(make_encoder(features["float32"]), material)
        said = [report_cpu(features, codebook, material, model), report_seams(features["bfloat16"], codebook, material)]
        said.append(report_padding())
        if torch.cuda.is_available():
            said.append(report_gpu(model, codebook, material))
        else:
            print("no GPU here: nothing is measured on one")
    print(f"summary: {'; '.join(said)}")
    return 0


def load_material(folder: Path) -> Material:
    """Clips in the order of their names, up to `SECONDS`."""
    paths = sorted(p for p in SPEECH.glob("*") if p.suffix in (".wav", ".flac", ".mp3")) if SPEECH.is_dir() else []
    if not paths:
        print(f"no recordings at {SPEECH}: noise in their place")
        for number in range(8):
            paths.append(folder / f"noise-{number}.flac")
            noise = np.random.default_rng(number).standard_normal(SAMPLE_RATE * (8 + number)) * 0.1
            soundfile.write(paths[-1], noise, SAMPLE_RATE)
    chosen: list[Path] = []
    waves: list[Waveform] = []
    for path in paths[:: max(1, len(paths) // 16)]:
        if sum(map(len, waves)) < SECONDS * SAMPLE_RATE:
            chosen.append(path)
            waves.append(read(str(path)).samples)
    print(f"{len(chosen)} recordings, {sum(map(len, waves)) / SAMPLE_RATE:.0f} s")
    return Material(chosen, waves)


def save_model(folder: Path) -> Path:
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    HubertModel(HubertConfig()).save_pretrained(folder)
    described = {"do_normalize": False, "sampling_rate": SAMPLE_RATE}
    (folder / "preprocessor_config.json").write_text(json.dumps(described))
    return folder


def some_codebook(encoder: Encoder, material: Material) -> Codebook:
    """500 of the recordings' own hidden states."""
    hidden = torch.cat([encoder.alone(encoder.prepared(wave)) for wave in material.waves[:6]]).numpy()
    rows = np.random.default_rng(0).permutation(len(hidden))[:500]
    flat = np.zeros(hidden.shape[1], dtype=np.float32)
    return Codebook(hidden[rows], flat, flat + 1, "encoder")


def report_cpu(features: dict[str, Features], codebook: Codebook, material: Material, model: Path) -> str:
    """Processor time by recording, in turns: what people run, the bare model, and ours."""
    one_by_one = OneByOne(model, codebook, LAYER)
    ours = {dtype: make_extractor(of, codebook) for dtype, of in features.items()}
    bare = {dtype: make_encoder(of) for dtype, of in features.items()}
    spent: defaultdict[str, float] = defaultdict(float)
    same = frames = 0
    for path, wave in zip(material.paths, material.waves, strict=True):
        rows = {dtype: encoder.prepared(wave) for dtype, encoder in bare.items()}
        timed(spent, "one by one", partial(one_by_one, path))
        for dtype in ours:
            timed(spent, f"bare {dtype}", partial(bare[dtype].alone, rows[dtype]))
        units = {dtype: timed(spent, f"ours {dtype}", partial(from_file, ours[dtype], path)) for dtype in ours}
        same += int((units["float32"] == units["bfloat16"]).sum())
        frames += len(units["float32"])
    for path in material.paths[:2]:
        timed(spent, "decode", partial(read, str(path)))
    whole = OneByOne(model, codebook, None)
    few = sum(len(wave) for wave in material.waves[:3]) / SAMPLE_RATE
    for path in material.paths[:3]:
        timed(spent, "all blocks", partial(whole, path))
    print(f"{'CPU, one thread':42}{'x real time':>12}")
    for name in ("one by one", "bare float32", "ours float32", "bare bfloat16", "ours bfloat16"):
        print(f"{name:42}{material.seconds / spent[name]:12.1f}")
    print(f"{'one by one, all blocks (as slamkit)':42}{few / spent['all blocks']:12.1f}")
    decoded = sum(len(wave) for wave in material.waves[:2]) / SAMPLE_RATE / spent["decode"]
    print(f"{'decoding and resampling alone':42}{decoded:12.1f}")
    of_bare = {dtype: spent[f"bare {dtype}"] / spent[f"ours {dtype}"] for dtype in ours}
    gain, agreement = spent["one by one"] / spent["ours bfloat16"], same / frames
    gain_whole = (spent["all blocks"] / few) / (spent["ours bfloat16"] / material.seconds)
    print(f"bfloat16 gives {agreement:.2%} of {frames} frames the unit of float32 (random weights)")
    return (
        f"CPU: {of_bare['float32']:.2f} of the bare float32 model's speed and {of_bare['bfloat16']:.2f} of the bare "
        f"bfloat16 model's, files included; bfloat16 {gain:.2f}x one-by-one float32 that stops at the layer, "
        f"{gain_whole:.2f}x where it runs all blocks, {agreement:.1%} equal units"
    )


def timed(spent: defaultdict[str, float], name: str, work: Callable[[], T]) -> T:
    before = time.process_time()
    result = work()
    spent[name] += time.process_time() - before
    return result


def from_file(extractor: UnitExtractor, path: Path) -> Units:
    return extract(extractor, read(str(path)).samples)


class OneByOne:
    """What people run: a file, the model of `transformers` in float32, `cdist` and `argmin`."""

    def __init__(self, model: Path, codebook: Codebook, layer: int | None) -> None:
        from transformers import HubertModel

        self._model = HubertModel.from_pretrained(model).eval()
        if layer is not None:
            self._model.encoder.layers = self._model.encoder.layers[:layer]
        self._layer = LAYER
        self._centroids = torch.from_numpy(codebook.centroids)

    def __call__(self, path: Path) -> torch.Tensor:
        wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
        mono = torch.from_numpy(wave.mean(1))
        if rate != SAMPLE_RATE:
            from torchaudio.functional import resample

            mono = resample(mono, rate, SAMPLE_RATE)
        with torch.inference_mode():
            padded = torch.nn.functional.pad(mono[None], (40, 40))
            states = self._model(padded, output_hidden_states=True).hidden_states
            return torch.cdist(states[self._layer][0], self._centroids).argmin(1)


def report_seams(features: Features, codebook: Codebook, material: Material) -> str:
    """Windows of half a minute against one pass, on the clips one after another."""
    wave = np.concatenate(material.waves)[: 65 * SAMPLE_RATE]
    windowed = extract(make_extractor(features, codebook), wave)
    whole = extract(make_whole_extractor(features, codebook, features.config.dtype), wave)
    share = float((windowed == whole).mean())
    print(f"windows give {share:.2%} of {len(whole)} frames the unit of one pass over {len(wave) / SAMPLE_RATE:.0f} s")
    return f"windows {share:.1%} of one pass"


def report_padding() -> str:
    """Of a GPU's batches, for shards of two sizes and lengths as in corpora of read speech and of anything."""
    rng = np.random.default_rng(0)
    kinds: dict[str, Callable[[], float]] = {
        "read speech (most 11 to 16 s)": lambda: float(np.clip(16.2 - rng.gamma(1.4, 2.9), 1.4, 17.5)),
        "10 to 20 s": lambda: float(rng.uniform(10, 20)),
        "1 to 30 s": lambda: float(rng.uniform(1, 30)),
    }
    print(f"{'padding of batches, lengths':34}{'1 h shard':>12}{'4 h shard':>12}")
    most = 0.0
    for name, draw in kinds.items():
        shares = [padding(lengths(draw, hours * 3600)) for hours in (1, 4)]
        most = max(most, shares[1])
        print(f"{name:34}{shares[0]:12.1%}{shares[1]:12.1%}")
    return f"padding at most {most:.1%} of a 4 h shard's batches"


def lengths(draw: Callable[[], float], total: float) -> Iterator[float]:
    while total > 0:
        seconds = draw()
        total -= seconds
        yield seconds


def padding(seconds: Iterator[float], hop: int = 640) -> float:
    rows: Counter[int] = Counter()
    wanted = 0
    for length in seconds:
        frames = frame_count(int(length * SAMPLE_RATE), hop)
        rows[row_frames(frames, hop)] += 1
        wanted += frames
    return 1 - wanted / sum(-(-count // ROWS) * ROWS * frames for frames, count in rows.items())


def report_gpu(model: Path, codebook: Codebook, material: Material, device: str = "cuda", seconds: float = 0) -> str:
    """Wall time of as many workers as cores, files included, over that of the bare model on full rows of 15 s."""
    seconds = seconds or GPU_SECONDS
    said = []
    for dtype in ("float32", "bfloat16"):
        features = find_features(UnitsConfig(model=str(model), layer=LAYER, dtype=dtype), device)
        bare = {name: bare_speed(features, compiled) for name, compiled in (("eager", False), ("compiled", True))}
        cores = len(os.sched_getaffinity(0))
        turns = max(1, round(seconds / cores / material.seconds))
        with multiprocessing.get_context("spawn").Pool(cores) as pool:
            work = partial(gpu_work, features, codebook, material.paths)
            pool.map(work, [1] * cores)  # loads the models
            before = time.perf_counter()
            done = pool.map(work, [turns] * cores)
            wall = time.perf_counter() - before
        speed = material.seconds * turns * cores / wall
        share = 1 - sum(d[0] for d in done) / sum(d[1] for d in done)
        best = max(bare.values())
        print(
            f"{named(device)}, {dtype}: {speed:.0f}x real time with {cores} workers, "
            f"padding {share:.1%}; bare model {bare['eager']:.0f}x, compiled {bare['compiled']:.0f}x"
        )
        said.append(f"{dtype} {speed / best:.2f} of the bare model's speed")
    return f"{device}: " + ", ".join(said)


def named(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device


WORKERS: dict[str, UnitExtractor] = {}


def gpu_work(features: Features, codebook: Codebook, paths: list[Path], turns: int) -> tuple[int, int]:
    """A worker's files, again and again; frames wanted and computed."""
    torch.set_num_threads(1)
    extractor = WORKERS.get(features.config.dtype) or make_extractor(features, codebook)
    WORKERS[features.config.dtype] = extractor
    before = extractor.wanted, extractor.computed
    for number, path in enumerate(paths * turns):
        extractor.add(number, read(str(path)).samples)
    extractor.finish()
    return extractor.wanted - before[0], extractor.computed - before[1]


def bare_speed(features: Features, compiled: bool) -> float:
    """Times real time of the network alone on batches of full rows, the best of three sizes."""
    encoder = make_encoder(features)
    network = torch.compile(encoder._network) if compiled else encoder._network
    best = 0.0
    for rows in (2, 8, 32):
        waves = torch.randn(rows, 15 * SAMPLE_RATE + 80, device=features.device).to(encoder._dtype)
        with torch.inference_mode():
            for _ in range(3):
                network(waves)
            if features.device == "cuda":
                torch.cuda.synchronize()
            before = time.perf_counter()
            for _ in range(10):
                network(waves)
            if features.device == "cuda":
                torch.cuda.synchronize()
        best = max(best, 10 * rows * 15 / (time.perf_counter() - before))
    return best


if __name__ == "__main__":
    sys.exit(main())
