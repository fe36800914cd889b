"""A corpus on an object store, built to one: the bytes that a build here has, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lstdata.build import Asked, build_shards
from lstdata.build.drive import build_pending
from lstdata.build.shard import ShardBuilder
from lstdata.build.task import ShardTask
from lstdata.config import BuildConfig, InterleaveConfig, PatchingConfig, load
from lstdata.errors import CorruptShard
from lstdata.loader.corpus import SplitCorpus, open_run
from lstdata.storage import place
from tests.conftest import OPTIONS as BUILT
from tests.conftest import Quiet, build
from tests.storage.conftest import SECRET, Bucket, Store, Told

OPTIONS = ("--set", "plan.shard_seconds=15", "--set", "tokenizer.vocab_size=300")
TABLES = ("plan.parquet", "index.parquet", "shards.parquet", "rejects.parquet")
FROZEN = ("vocab.json", "tokenizer.json", "codebook.npz", "codebook.json")

Run = Callable[..., Told]


def output(folder: Path) -> dict[str, bytes]:
    """The files of a run folder that its source and config alone decide, but `run.json`."""
    names = [f"shards/{path.name}" for path in sorted((folder / "shards").iterdir())]
    names += [name for name in (*TABLES, *FROZEN) if (folder / name).exists()]
    return {name: (folder / name).read_bytes() for name in names}


def same(bucket: Bucket, below: str, folder: Path) -> None:
    """No file more, none less, none other."""
    files = bucket.files(below)
    wanted = output(folder)
    assert {name: files.get(name) for name in wanted} == wanted
    others = {name for name in files if name not in wanted and not name.startswith("events/")}
    assert others <= {"run.json", "report.html", "README.md"}


@pytest.mark.slow
def test_all_verbs_work_where_everything_is_on_a_store(
    bucket: Bucket, built: Path, cuts: Path, lstdata: Run, tmp_path: Path
) -> None:
    source, out = bucket.upload(cuts, "corpus"), f"{bucket.url}/out"
    told = lstdata("build-shards", source, out, *OPTIONS, "--workers", "2")
    assert told.code == 0, told.err
    same(bucket, "out", built)
    for verb in ("verify", "report", "card", "status"):
        assert lstdata(verb, out).code == 0, verb
    assert b"unavailable" not in bucket.read("out/report.html") and bucket.keys("out/README.md")
    again = lstdata("build-shards", source, out, *OPTIONS, "--no-report", "--no-verify")
    assert again.code == 0 and "0 shards" not in again.out
    same(bucket, "out", built)
    packed = lstdata("build-shards", out, f"{bucket.url}/packed", "--set", "plan.shard_seconds=30")
    assert packed.code == 0, packed.err
    build(built, tmp_path / "packed", "plan.shard_seconds=30", "tokenizer.vocab_size=8192")
    same(bucket, "packed", tmp_path / "packed")
    bucket.put("out/shards/train-000000.tar", bucket.read("out/shards/train-000000.tar")[:-1])
    told = lstdata("verify", out)
    assert told.code == 1 and "train-000000" in told.err


@pytest.mark.slow
def test_a_build_through_a_bad_network_has_the_same_bytes(
    bucket: Bucket, store: Store, built: Path, cuts: Path, lstdata: Run
) -> None:
    source = bucket.upload(cuts, "corpus")
    faults = {7: "drop", 11: "slow", 13: "cut", 17: "lose"}
    store.network.break_by(lambda n, head: next((what for every, what in faults.items() if n % every == 0), None))
    told = lstdata("build-shards", source, f"{bucket.url}/out", *OPTIONS, "--workers", "2", timeout=400)
    assert told.code == 0, told.err
    assert set(store.network.done) == set(faults.values())
    same(bucket, "out", built)


@pytest.mark.slow
def test_a_store_that_goes_away_leaves_shards_pending_and_one_line(
    bucket: Bucket, store: Store, built: Path, cuts: Path, lstdata: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes once the first shard is committed, and comes back before the second run."""
    source, out = bucket.upload(cuts, "corpus"), f"{bucket.url}/out"
    gone = False

    def goes(number: int, head: bytes) -> str | None:
        nonlocal gone
        line = head.split(b"\r\n")[0]
        gone = gone or (line.startswith(b"PUT") and b"/out/shards/" in line and b".json" in line)
        return "drop" if gone else None

    monkeypatch.setenv("FSSPEC_S3", '{"config_kwargs": {"retries": {"total_max_attempts": 1}}}')
    store.network.break_by(goes)
    told = lstdata("build-shards", source, out, *OPTIONS, "--workers", "1", "--set", "run.patience=0", timeout=600)
    assert told.code == 1 and len(told.errors) == 1 and "cannot be reached" in told.errors[0], told.err
    store.network.heal()
    told = lstdata("build-shards", source, out, *OPTIONS, "--workers", "1", "--take-over")
    assert told.code == 0, told.err
    same(bucket, "out", built)


@pytest.mark.slow
def test_no_secret_of_a_url_or_of_the_store_is_written_or_said(bucket: Bucket, cuts: Path, lstdata: Run) -> None:
    """A table of presigned URLs, one of them to nowhere: the plan alone has what opens them."""
    source = bucket.upload(cuts, "corpus")
    names = sorted(path.stem for path in (cuts / "audio").iterdir())[:4]
    client = bucket.client()
    rows = []
    for name in [*names, "gone"]:
        where = {"Bucket": bucket.name, "Key": f"corpus/audio/{name}.flac"}
        url = client.generate_presigned_url("get_object", Params=where)  # type: ignore[attr-defined]
        rows.append({"audio": url, "duration": 3.0, "text": "the old miller saw seven grey geese"})
    bucket.put("t.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    signature = rows[0]["audio"].split("Signature=")[1].split("&")[0]
    options = (*OPTIONS, "--set", "words.aligner=none", "--workers", "1", "--max-reject-rate", "1")
    told = [lstdata("build-shards", f"{bucket.url}/t.jsonl", f"{bucket.url}/out", *options)]
    assert told[0].code == 0 and "missing_audio 1" in told[0].out, told[0].err
    told += [lstdata("verify", f"{bucket.url}/out"), lstdata("report", f"{bucket.url}/out")]
    told += [lstdata("build-shards", source.replace("s3://", "s3://KEY:hunter2@"), f"{bucket.url}/o2")]
    told += [lstdata("build-shards", source, f"s3://KEY:hunter2@{bucket.name}/o3")]
    assert [one.code for one in told] == [0, 0, 0, 2, 2]
    secrets = [signature, SECRET, "hunter2"]
    said = "".join(one.out + one.err for one in told)
    assert not [secret for secret in secrets if secret in said]
    for name, data in bucket.files("out").items():
        if name != "plan.parquet":
            assert not [secret for secret in secrets if secret.encode() in data], name


def test_a_corpus_on_a_store_gives_the_samples_that_it_gives_here(bucket: Bucket, built: Path) -> None:
    url = bucket.upload(built, "out")
    both = [SplitCorpus(open_run(place(root)), "train", InterleaveConfig(), PatchingConfig()) for root in (built, url)]
    here, there = both
    assert len(here) == len(there) > 0
    for number in range(len(here)):
        one, other = here.sample(number), there.sample(number)
        assert (one.id, one.units.tolist(), one.words) == (other.id, other.units.tolist(), other.words)
    bucket.put("out/shards/train-000000.tar", b"")
    with pytest.raises(CorruptShard, match="is damaged"):
        there.sample(0)


@pytest.mark.slow
def test_what_a_zombie_still_writes_changes_nothing(
    bucket: Bucket, built: Path, cuts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of the old driver builds its shard after the new one has taken over and finished."""
    kept = []

    def pending(spec, plan, *rest, **more):  # type: ignore[no-untyped-def]
        kept.append((spec, plan))
        return build_pending(spec, plan, *rest, **more)

    monkeypatch.setattr("lstdata.build.build_pending", pending)
    source, out = bucket.upload(cuts, "corpus"), place(f"{bucket.url}/out")
    build_shards(Asked(source, out, load(BuildConfig, None, BUILT), take_over=True), Quiet())
    ((spec, plan),) = kept
    seen: list[str] = []
    monkeypatch.setattr("lstdata.build.commit.remove", lambda path: seen.append(path.name))
    for shard in plan.shards:
        ShardBuilder(spec)(ShardTask(shard))
    assert seen == [], "no sidecar went away meanwhile"
    same(bucket, "out", built)
