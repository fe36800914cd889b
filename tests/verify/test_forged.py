"""What was wrong when it was written: all sums fit, and one line names shard and sample all the same."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from lstdata.index import INDEX_SCHEMA, read_table, write_table
from lstdata.members import read_json_gz
from lstdata.shards import write_members
from lstdata.storage import commit_json, read_json, sha256_file
from lstdata.verify import How, verify
from lstdata.verify.depth import QUICK
from lstdata.verify.tar import stretch_mistakes
from tests.verify.forging import Member, finish_again, forge, members, sign, with_json, with_units

SHARD = "train-000000"


def _with_a_frame_moved(items: list[int]) -> list[int]:
    """The first word one frame longer, at the cost of the silence after it."""
    return [items[0], items[1] + 1, items[2] - 1, *items[3:]]


def _with_a_cut_moved(patches: dict[str, list[int]]) -> dict[str, list[int]]:
    static = patches["static"]
    return patches | {"static": [static[0] - 1, static[1] + 1, *static[2:]]}


WRONG_SAMPLES = [
    (with_json(1, items=_with_a_frame_moved), "the `aligned` patches are not those of its words and activity"),
    (with_json(1, patches=_with_a_cut_moved), "the `static` patches are not those of its words and activity"),
    (with_json(1, drawn=[["s", 0, 9999]]), "its drawn spans are not those that `interleave.seed` 0 and its words give"),
    (with_json(1, drawn=[["s", 0, 1.5], ["x", 1]]), "its drawn spans are not those that `interleave.seed` 0"),
    (with_json(1, drawn=[["t", [-1]]]), "its drawn spans are not those"),
    (with_json(1, interpolated=[3, 3]), r"the interpolated words \[3, 3\] are no words of its \d+, in order"),
    (with_json(1, interpolated=[99]), r"the interpolated words \[99\] are no words of its \d+"),
    (with_json(1, word_scores=[0.5]), r"there are 1 word scores of \d+ words"),
    (with_json(1, character_frames=[[0]]), r"there are 1 character times of \d+ words"),
    (with_json(1, piece_frames=[3]), "times of pieces and of characters do not come together"),
    (with_units(1, lambda units: units + 60_000), r"unit \d+ is not below the \d+ clusters of the vocab card"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_SAMPLES, ids=[message for _, message in WRONG_SAMPLES])
def test_a_sample_that_is_wrong_is_named_in_one_line(
    run: Path, change: Callable[[list[Member]], list[Member]], message: str
) -> None:
    id = read_json_gz(members(run, SHARD)[2][2])["id"]
    forge(run, SHARD, change)
    (problem,) = verify(run).problems
    assert re.fullmatch(rf"shard {SHARD}: sample `{id}`: .*{message}.*", problem), problem
    assert verify(run, How(depth=QUICK)).problems == [], "that takes decoding"


def _apart(found: list[Member]) -> list[Member]:
    """Both members of one sample around those of the next."""
    return [found[0], found[2], found[3], found[1], *found[4:]]


def _dotted(found: list[Member]) -> list[Member]:
    return [(key.replace("-", ".", 1), *rest) for key, *rest in found[:2]] + found[2:]  # type: ignore[misc]


WRONG_TARS = [
    (_apart, r"found `KEY1\.json\.gz` after `KEY0\.json\.gz`, but a sample is `KEY0\.json\.gz` and `KEY0\.units\.npy`"),
    (_dotted, r"found `utt\.000-\w+\.json\.gz` after a sample, but a sample is"),
    (lambda found: found[:-1], r"sample `KEYZ` ends after `KEYZ\.json\.gz`"),
    (lambda found: found[2:], "sample `utt-000` is lost"),
    (lambda found: [*found[2:4], *found[:2], *found[4:]], "samples are not in the order of the plan"),
    (lambda found: [*found[:2], *found], "sample `utt-000` is there 2 times"),
    (with_json(0, split="validation"), r"sample `utt-\d+`: its split is validation, but the shard's is train"),
    (with_json(0, kind="text"), r"sample `KEY0` cannot be decoded: a sample of text has the members"),
    (with_json(0, format=9), r"sample `KEY0` cannot be decoded: format 9 is not 4"),
    (with_json(0, samples=1), r"sample `KEY0` has \d+ units and \d+ activity frames, but 1 samples make 0"),
    (
        with_json(0, activity=[1, 2]),
        r"`KEY0` cannot be decoded: runs of activity must make up \d+ frames, but sum to 3",
    ),
    (with_json(0, items=[1, 2]), "sample `KEY0` cannot be decoded: its items must be"),
]


@pytest.mark.parametrize(("change", "message"), WRONG_TARS, ids=[message for _, message in WRONG_TARS])
def test_a_tar_that_is_wrong_is_named(run: Path, change: Callable[[list[Member]], list[Member]], message: str) -> None:
    found = members(run, SHARD)
    ids = [read_json_gz(data)["id"] for _, extension, data in found if extension == "json.gz"]
    for place, key in (("KEY0", found[0][0]), ("KEY1", found[2][0]), ("KEYZ", found[-1][0])):
        message = message.replace(place, re.escape(key))
    message = message.replace("utt-000`", f"{ids[0]}`").replace(r"utt\.000", re.escape(ids[0].replace("-", ".", 1)))
    forge(run, SHARD, change)
    problems = verify(run).problems
    assert any(re.search(rf"shard {SHARD}: .*{message}", problem) for problem in problems), problems


def _header(**fields: object) -> Callable[[bytes], bytes]:
    """Other fields in the first member's header, whose check sum fits."""

    def change(data: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            member = tar.getmembers()[0].replace(**fields, deep=False)  # type: ignore[arg-type]
        return member.tobuf(tarfile.USTAR_FORMAT) + data[512:]

    return change


def _with_prefix(data: bytes) -> bytes:
    header = bytearray(data[:512])
    header[345:357] = b"../../../etc"
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    return bytes(header) + data[512:]


HEADER = r"sample `(utt-\d+)`: the tar header of `\1-\w+\.json\.gz` is not the one that a build writes"
FORGED_BYTES = [
    (_with_prefix, HEADER),
    (_header(mode=0o4755), HEADER),
    (_header(mtime=1), HEADER),
    (_header(uname="root"), HEADER),
    (lambda data: data + data[:10240], "after its last sample there is more in the tar than what closes it"),
    (lambda data: data[:-1] + b"x", "after its last sample there is more in the tar than what closes it"),
]


@pytest.mark.parametrize(("change", "message"), FORGED_BYTES)
def test_bytes_of_a_tar_that_no_decoder_reads(run: Path, change: Callable[[bytes], bytes], message: str) -> None:
    path = run / f"shards/{SHARD}.tar"
    path.write_bytes(change(path.read_bytes()))
    sign(run, SHARD)
    problems = verify(run).problems
    assert re.search(message, problems[0]) and SHARD in problems[0], problems


def test_what_follows_the_end_of_a_tar_is_found_without_decoding(run: Path) -> None:
    path = run / f"shards/{SHARD}.tar"
    path.write_bytes(path.read_bytes() + b"x" * 512)
    sign(run, SHARD)
    (problem,) = verify(run, How(depth=QUICK)).problems
    assert problem == f"shard {SHARD}: after its last sample there is more in the tar than what closes it."


def test_padding_and_type_of_a_member() -> None:
    buffer = io.BytesIO()
    (start, end) = write_members(buffer, [("k", {"json.gz": b"abc"})])
    stretch = buffer.getvalue()[start:end]
    assert list(stretch_mistakes(stretch)) == []
    assert list(stretch_mistakes(stretch[:-1] + b"x")) == [
        "there is something between `k.json.gz` and the next member."
    ]
    (mistake,) = stretch_mistakes(stretch[:156] + b"2" + stretch[157:])
    assert mistake == "the tar header of `k.json.gz` is not the one that a build writes."


def test_ids_that_are_in_two_shards_are_named(run: Path) -> None:
    """A shard is another's copy, and says of itself what its tar holds."""
    for kind in ("tar", "parquet"):
        (run / f"shards/train-000001.{kind}").write_bytes((run / f"shards/{SHARD}.{kind}").read_bytes())
    rows = read_table(run / "shards/train-000001.parquet", INDEX_SCHEMA)
    copied = rows.set_column(2, "shard", pa.array(["train-000001"] * len(rows)))
    write_table(run / "shards/train-000001.parquet", copied.to_pylist(), INDEX_SCHEMA)
    stated, own = read_json(run / f"shards/{SHARD}.json"), read_json(run / "shards/train-000001.json")
    same = {name: own[name] for name in ("shard", "fingerprint", "records")}
    sums = {"index_sha256": sha256_file(run / "shards/train-000001.parquet")}
    commit_json(run / "shards/train-000001.json", stated | same | sums)
    for how in (How(), How(depth=QUICK)):
        problems = verify(run, how).problems
        for id in rows["id"].to_pylist():
            assert f"shard train-000001: sample `{id}` was not planned there." in problems
            assert f"shard train-000001: sample id `{id}` is in the run twice." in problems
        assert sum("is in the run twice" in problem for problem in problems) == 2 * len(rows)


def _other_rows(run: Path, **values: object) -> None:
    """Index rows that say something else, with sums that fit."""
    path = run / f"shards/{SHARD}.parquet"
    first, *others = read_table(path, INDEX_SCHEMA).to_pylist()
    write_table(path, [first | values, *others], INDEX_SCHEMA)
    commit_json(
        run / f"shards/{SHARD}.json", read_json(run / f"shards/{SHARD}.json") | {"index_sha256": sha256_file(path)}
    )
    finish_again(run)


@pytest.mark.parametrize("values", [{"crc32": 7}, {"speaker": "x"}, {"custom": "{}"}, {"align_score": 1.0}])
def test_index_rows_that_the_tar_does_not_give(run: Path, values: dict[str, object]) -> None:
    _other_rows(run, **values)
    assert verify(run).problems == [f"shard {SHARD}: index rows and tar disagree."]
    assert verify(run, How(depth=QUICK)).problems == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"offset": 512}, "its index rows do not say where in the tar its samples are, one after another"),
        ({"bytes": 512}, "its index rows do not say where in the tar its samples are, one after another"),
        ({"split": "validation"}, "the split of its index rows is validation, not train"),
        ({"units": 3}, r"units is \d+, but the sidecar says \d+"),
        ({"key": "x"}, "was not planned there"),
        ({"header_seconds": 99.0}, "header_mismatches is 1, but the sidecar says 0"),
    ],
)
def test_index_rows_that_cannot_be_right_are_found_without_decoding(
    run: Path, values: dict[str, object], message: str
) -> None:
    _other_rows(run, **values)
    for how in (How(), How(depth=QUICK)):
        problems = verify(run, how).problems
        quick = how.depth == QUICK
        expected = message if quick else "index rows and tar disagree"
        assert any(re.search(f"shard {SHARD}: .*{expected}", problem) for problem in problems), problems


def test_damaged_index_rows_alone_leave_the_samples_known(run: Path) -> None:
    (run / f"shards/{SHARD}.parquet").unlink()
    assert verify(run).problems == [f"shard {SHARD}: its index rows: the file is missing."]
    quick = verify(run, How(depth=QUICK)).problems
    assert quick[1] == f"shard {SHARD}: without its index rows nothing is known of its samples."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_json(1, text="other words"), "its tokens are not those of its text"),
        (with_units(1, lambda tokens: tokens + 60_000), r"token \d+ is not below the \d+ of the text vocabulary"),
        (with_units(1, lambda tokens: tokens[1:]), "its tokens are not those of its text"),
    ],
)
def test_a_document_of_text_that_is_wrong_is_named(
    text_run: Path, tmp_path: Path, change: Callable[[list[Member]], list[Member]], message: str
) -> None:
    run = Path(shutil.copytree(text_run, tmp_path / "run"))
    id = read_json_gz(members(run, SHARD)[2][2])["id"]
    forge(run, SHARD, change)
    (problem,) = verify(run).problems
    assert re.fullmatch(rf"shard {SHARD}: sample `{re.escape(id)}`: {message}\.", problem), problem


def test_a_flipped_bit_of_a_run_of_text(text_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(text_run, tmp_path / "run"))
    path = run / f"shards/{SHARD}.tar"
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    for how in (How(), How(depth=QUICK)):
        assert "is damaged (crc32 differs)" in verify(run, how).problems[1]
