"""Files that were made to do harm or were damaged: refused in one line, nothing run, nothing large allocated."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.cluster import MiniBatchKMeans

from lstdata.errors import ConfigError
from lstdata.units.convert import Wanted, contents, convert_codebook, machine
from tests.units.quantizer_files import checkpoint, dumped, npy, npz

CENTROIDS = np.random.default_rng(0).standard_normal((9, 6)).astype(np.float32)
KMEANS = MiniBatchKMeans(4, n_init=1, random_state=0).fit(CENTROIDS)


def of(path: Path, data: bytes) -> Any:
    path.write_bytes(data)
    return convert_codebook(str(path), Wanted())


def refusal(path: Path, data: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        of(path, data)
    message = str(caught.value)
    assert "\n" not in message and message.isprintable() and message.startswith(f"`{path}` ") and len(message) < 500
    return message


class Calling:
    """Pickled, it asks for a call."""

    def __init__(self, what: Any, *args: Any, state: Any = None) -> None:
        self.asked = (what, args, state) if state is not None else (what, args)

    def __reduce__(self) -> Any:
        return self.asked


def repacked(pickled: bytes) -> bytes:
    """A checkpoint of PyTorch with another pickle in it."""
    whole, out = io.BytesIO(), io.BytesIO()
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.infolist():
            target.writestr(member, pickled if member.filename.endswith(".pkl") else source.read(member))
    return out.getvalue()


def original() -> bytes:
    whole = io.BytesIO()
    torch.save({"weight": torch.arange(6.0).reshape(2, 3)}, whole)
    return zipfile.ZipFile(whole).read("archive/data.pkl")


CALLS: dict[str, tuple[Any, ...]] = {
    "mkdir": (os.mkdir, "harm"),
    "system": (os.system, "mkdir harm"),
    "popen": (subprocess.Popen, ("mkdir", "harm")),
    "eval": (eval, "__import__('os').mkdir('harm')"),
    "exec": (exec, "import os; os.mkdir('harm')"),
    "getattr": (getattr, "text", "upper"),
    "import": (builtins.__import__, "os"),
    "apply": (map, len, []),
    "open": (open, "harm", "w"),
    "numpy load": (np.load, "harm.npy"),
    "numpy fromfile": (np.fromfile, "harm"),
    "torch load": (torch.load, "harm"),
    "joblib load": (joblib.load, "harm"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_calls_are_refused_by_name_and_not_made(
    call: tuple[Any, ...], protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrapped = {"cluster_centers_": CENTROIDS, "x": Calling(*call)}
    files = [
        pickle.dumps(Calling(*call), protocol),
        pickle.dumps(wrapped, protocol),
        dumped(wrapped, protocol=protocol),
    ]
    files += [dumped(wrapped, protocol=protocol, compress=3), repacked(pickle.dumps(Calling(*call), protocol))]
    for data in files:
        message = refusal(tmp_path / "km.bin", data)
        assert "which no codebook needs: nothing of the file was run." in message
        assert call[0].__name__ in message or "open" in message
    assert [p.name for p in tmp_path.iterdir()] == ["km.bin"]


def test_a_state_calls_no_setter(tmp_path: Path) -> None:
    class Model(dict[str, Any]):
        def __setstate__(self, state: Any) -> None:
            raise AssertionError("was run")

    for state in ({"__class__": Calling(os.mkdir, "harm")}, (None, {"__dict__": Calling(os.mkdir, "harm")})):
        data = pickle.dumps(Calling(MiniBatchKMeans, state=state), 4)
        assert "mkdir" in refusal(tmp_path / "a", data)
    slots = pickle.dumps(Calling(MiniBatchKMeans, state=(None, {"cluster_centers_": CENTROIDS})), 4)
    assert "must hold a fitted" in refusal(tmp_path / "a", slots)
    assert "Model" in refusal(tmp_path / "a", b"c__main__\nModel\n)R}b.")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x04\x8c\x07sklearn\x8c\x0eos.path.system\x93\x8c\x04true\x85R.", r"`sklearn.os.path.system`, but must"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0flib.npyio.loads\x93)R.", "`numpy.lib.npyio.loads`, which no"),
        (b"\x80\x04\x8c\x0bsklearn\nos\n\x8c\x01x\x93)R.", r"`sklearn\\nos\\n.x`, which no"),
        (b"\x80\x04\x8c\x05numpy\x8c\x05\xf0\x9f\x98\x80x\x93.", r"`numpy.\\U0001f600x`, which no"),
        (b"\x80\x04\x8c\x08sklearnX\x8c\x06system\x93.", "`sklearnX.system`, which no"),
        (b"\x80\x04K\x01K\x02\x93.", "a name is no text"),
        (b"\x80\x04]\x8c\x01x\x93.", "a name is no text"),
        (b"cos\nsystem\n(S'true'\ntR.", "`os.system`, which no"),
        (b"(S'true'\nios\nsystem\n.", "`os.system`, which no"),
        (b"(cos\nsystem\nS'true'\no.", "`os.system`, which no"),
        (b"(cbuiltins\neval\nS'1'\nd.", "`builtins.eval`, which no"),
        (b"\x80\x02\x82\x01)R.", "uses the instruction EXT1"),
        (b"\x80\x05\x97.", "uses the instruction NEXT_BUFFER"),
        (b"\x80\x02K\x01Q.", "is damaged"),
        (b"\x80\x02Ptext\n.", "uses the instruction PERSID"),
        (b"\x80\x02K\x01)R.", "what is called is no name"),
        (b"\x80\x02K\x01}b.", "a state is given to what has none"),
        (b"\x80\x02h\x05.", "nothing was remembered as 5"),
        (b"\x80\x02K\x01K\x02a.", "what is no list"),
        (b"\x80\x02K\x01K\x02K\x03s.", "what is no dictionary"),
        (b"\x80\x02(K\x01q\x00.", "holds no matrix"),
        (b"\x80\x02(q\x00.", "a mark is out of place"),
        (b"\x80\x02.", "is damaged"),
        (b"\x80\x02aaaa", "is damaged"),
        (b"\x80\x02N", "is damaged"),
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"xx.", "is damaged"),
        (b"\x80\x04\x8a\xff\x01.", "is damaged"),
        (b"(I" + b"9" * 10_000 + b"\n.", "is damaged"),
    ],
)
def test_instructions_that_are_none_of_a_codebooks(data: bytes, message: str, tmp_path: Path) -> None:
    assert message.replace("\\\\", "\\") in refusal(tmp_path / "a", data)


def _reconstructed(shape: str, kind: str, raw: str) -> bytes:
    """The pickle of an array in protocol 0, with its shape, type and bytes as given."""
    make = "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
    return f"{make}(I1\n({shape}tcnumpy\ndtype\n(S'{kind}'\nI0\nI1\ntRI00\n{raw}tb.".encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_reconstructed("I2\nI2\n", "f4", "S'0123456789abcdef'\n"), None),
        (_reconstructed("I2000000\nI2000000\n", "f4", "S'0123456789abcdef'\n"), "is not of the 16 bytes"),
        (_reconstructed("I-2\nI-2\n", "f4", "S'0123456789abcdef'\n"), "not of whole numbers"),
        (_reconstructed("I1\nL" + "9" * 30 + "L\n", "f4", "S'0123'\n"), "not of whole numbers"),
        (_reconstructed("I1\n" * 100, "f4", "S'0123'\n"), "not of whole numbers"),
        (_reconstructed("I2\nI2\n", "O8", "(lp9\n"), "an array of Python objects"),
        (_reconstructed("I2\nI2\n", "f4", "(lp9\n"), "an array of Python objects"),
        (_reconstructed("I2\nI2\n", "f4", "I7\n"), "no bytes"),
        (_reconstructed("I2\nI2\n", "f4,f4", "S'0123456789abcdef'\n"), "unknown type"),
        (b"cnumpy.core.numeric\n_frombuffer\n(I1000000000000\ncnumpy\ndtype\n(S'u1'\ntR(I1\ntS'C'\ntR.", "no bytes"),
    ],
)
def test_arrays_that_are_not_what_they_say(data: bytes, message: str | None, tmp_path: Path) -> None:
    if message is None:
        assert of(tmp_path / "a", data).book.clusters == 2
    else:
        assert message in refusal(tmp_path / "a", data)


def test_arrays_of_objects_are_refused_wherever_they_lie(tmp_path: Path) -> None:
    harm = np.array([Calling(os.mkdir, "harm")], dtype=object)
    buffer = io.BytesIO()
    np.savez(buffer, centroids=CENTROIDS, harm=harm)
    assert "allow_pickle=False" in refusal(tmp_path / "a", buffer.getvalue())
    for data in (dumped({"x": harm}), dumped(harm, compress=3)):
        assert "holds an array of Python objects" in refusal(tmp_path / "a", data)
    assert "mkdir" in refusal(tmp_path / "a", pickle.dumps(harm)), "its objects come before it"
    plain = np.array(["text", None], dtype=object)
    assert "holds an array of Python objects" in refusal(tmp_path / "a", pickle.dumps(plain))


def test_tensors_are_no_larger_than_what_is_stored_of_them(tmp_path: Path) -> None:
    changes = [
        (b"K\x02K\x03\x86", b"K\x02M\x00\x10\x86"),
        (b"K\x03K\x01\x86", b"M\x00\x10K\x01\x86"),
        (b"QK\x00K\x02", b"QK\x07K\x02"),
        (b"K\x02K\x03\x86", b"J\x00\x00\x00\x7fK\x03\x86"),
    ]
    for before, after in changes:
        assert before in original()
        data = repacked(original().replace(before, after).replace(b"K\x06tq", b"M\xff\xfftq"))
        with pytest.raises(ConfigError, match="larger than what is stored of it"):
            of(tmp_path / "a", data)
    expanded = original().replace(b"K\x02K\x03\x86", b"J\x00\x00\x00\x7fJ\x00\x00\x00\x7f\x86")
    with pytest.raises(ConfigError, match="larger than what is stored of it"):
        of(tmp_path / "a", repacked(expanded.replace(b"K\x03K\x01\x86", b"K\x00K\x00\x86")))


def test_deep_nesting_is_not_followed(tmp_path: Path) -> None:
    for data in (b"(" * 30_000 + b"t" * 30_000, b"]" * 30_000 + b"a" * 29_999, b"N" + b"\x85" * 30_000):
        assert "holds no matrix" in refusal(tmp_path / "a", b"\x80\x02" + data + b".")
    array: Any = CENTROIDS
    for _ in range(5):
        found, array = array, {"k": array}
    assert of(tmp_path / "a", pickle.dumps(found)).array == "k.k.k.k"
    assert "holds no matrix" in refusal(tmp_path / "a", pickle.dumps({"k": array}))
    inner = b"\x80\x02" + b"}X\x01\x00\x00\x00k" * 30_000 + b"N" + b"s" * 30_000 + b"."
    assert "holds no matrix" in refusal(tmp_path / "a", inner)


def test_what_grows_when_it_is_unfolded_is_not_unfolded(tmp_path: Path) -> None:
    """A tuple of a tuple twice, a hundred deep: to hash or print it would take for ever."""
    bomb = b"\x80\x02)" + b"2\x86" * 100
    assert "neither text nor a small number" in refusal(tmp_path / "a", b"\x80\x02}" + bomb[2:] + b"Ns.")
    assert "holds no matrix" in refusal(tmp_path / "a", bomb + b".")
    assert "is damaged" in refusal(tmp_path / "a", bomb + b"Q.")
    kind = _reconstructed("I2\nI2\n", "f4", "S'0123456789abcdef'\n").replace(b"S'f4'\n", bomb[2:])
    assert "is damaged" in refusal(tmp_path / "a", kind)
    assert "holds no matrix" in refusal(tmp_path / "a", b"\x80\x02]q\x00(h\x00h\x00e.")


def test_instructions_and_bytes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MOST_STEPS", 1000)
    assert "has more than 1000 instructions" in refusal(tmp_path / "a", b"\x80\x02N" + b"20" * 1000 + b".")
    monkeypatch.setattr(contents, "MOST_BYTES", 100_000)
    zeros = np.zeros((200_000, 1), dtype=np.float32)
    packed = io.BytesIO()
    np.savez_compressed(packed, zeros=zeros)
    for data in [packed.getvalue(), *(dumped(zeros, compress=c) for c in (3, "gzip", ("bz2", 3), ("xz", 3)))]:
        assert len(data) < 100_000 and "holds more than 100000 bytes" in refusal(tmp_path / "a", data)
    assert "holds more than 100000 bytes" in refusal(tmp_path / "a", bytes(100_001))


@pytest.mark.parametrize("version", [1, 2])
def test_an_array_is_no_larger_than_its_bytes(tmp_path: Path, version: int) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5000000000, 4), }\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    data = b"\x93NUMPY" + bytes((version, 0)) + size + header + bytes(100)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        target.writestr("centres.npy", data)
    for damaged in (data, packed.getvalue()):
        assert refusal(tmp_path / "a", damaged).endswith(
            "is damaged: its header promises 160000000000 bytes, float64 of shape (5000000000, 4), but 100 are there."
        )


def _samples() -> dict[str, Callable[[], bytes]]:
    state = {"weight": torch.tensor(CENTROIDS), "bias": torch.tensor(CENTROIDS[:, 0])}
    header = b'{"w":{"dtype":"F32","shape":[9,6],"data_offsets":[0,216]}}'
    return {
        "npy": lambda: npy(CENTROIDS),
        "npz": lambda: npz(W=CENTROIDS, b=CENTROIDS[:, 0]),
        "safetensors": lambda: struct.pack("<Q", len(header)) + header + CENTROIDS.tobytes(),
        "joblib": lambda: dumped(KMEANS),
        "joblib, zlib": lambda: dumped(KMEANS, compress=3),
        "joblib, xz": lambda: dumped(KMEANS, compress=("xz", 1)),
        "pickle 0": lambda: pickle.dumps(KMEANS, 0),
        "pickle 5": lambda: pickle.dumps(KMEANS, 5),
        "torch": lambda: checkpoint(state),
        "torch < 1.6": lambda: checkpoint(state, zipped=False),
    }


@pytest.mark.parametrize("sample", _samples().values(), ids=_samples())
def test_damage_is_one_line_or_nothing(sample: Callable[[], bytes], tmp_path: Path) -> None:
    whole = sample()
    assert of(tmp_path / "a", whole).book.dimensions == 6
    rng = np.random.default_rng(0)
    for place in [*range(min(200, len(whole))), *rng.integers(0, len(whole), 200).tolist()]:
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        assert "\n" not in _said(tmp_path / "a", bytes(data))
    lengths = rng.integers(0, len(whole), 40).tolist()
    assert all(_said(tmp_path / "a", whole[:length]) for length in lengths), "what ends too early is no file"


def _said(path: Path, data: bytes) -> str:
    """Why a file is refused; nothing where it is not."""
    try:
        of(path, data)
    except ConfigError as error:
        return str(error)
    return ""


def test_damage_within_a_compressed_stream(tmp_path: Path) -> None:
    """Bits that are wrong before compression: no checksum helps."""
    whole, rng = dumped(KMEANS), np.random.default_rng(1)
    for place in rng.integers(0, len(whole), 300).tolist():
        data = bytearray(whole)
        data[place] = int(rng.integers(256))
        assert "\n" not in _said(tmp_path / "a", zlib.compress(bytes(data)))
