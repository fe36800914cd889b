"""An S3 store on loopback, a network between it and whoever asks, and buckets of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.storage.network import Network

SECRET = "very-secret-key-of-the-test"


@dataclass(frozen=True)
class Store:
    """Where the store answers directly, and the network through which everything here asks it."""

    endpoint: str
    network: Network


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """The environment names it, so that worker processes find it too."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with Network(host, port) as network, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "FSSPEC_"))]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", network.url)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Store(f"http://{host}:{port}", network)
    server.stop()


@dataclass(frozen=True)
class Bucket:
    """A bucket of the store; its methods ask the store directly, whatever the network does."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def client(self) -> object:
        import boto3

        return boto3.client("s3", endpoint_url=self.endpoint)

    def put(self, key: str, data: bytes) -> None:
        self.client().put_object(Bucket=self.name, Key=key, Body=data)  # type: ignore[attr-defined]

    def upload(self, folder: Path, below: str) -> str:
        """Every file of a folder; the URL of where they lie."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{below}/{path.relative_to(folder).as_posix()}", path.read_bytes())
        return f"{self.url}/{below}"

    def keys(self, below: str = "") -> list[str]:
        pages = self.client().get_paginator("list_objects_v2")  # type: ignore[attr-defined]
        return [i["Key"] for page in pages.paginate(Bucket=self.name, Prefix=below) for i in page.get("Contents", ())]

    def read(self, key: str) -> bytes:
        body = self.client().get_object(Bucket=self.name, Key=key)["Body"]  # type: ignore[attr-defined]
        data: bytes = body.read()
        return data

    def files(self, below: str) -> dict[str, bytes]:
        """What lies below a prefix, by name."""
        return {key.removeprefix(f"{below}/"): self.read(key) for key in self.keys(f"{below}/")}


@pytest.fixture
def bucket(store: Store) -> Iterator[Bucket]:
    """A new one; the network is sound again afterwards."""
    made = Bucket(f"b{uuid.uuid4().hex[:12]}", store.endpoint)
    made.client().create_bucket(Bucket=made.name)  # type: ignore[attr-defined]
    yield made
    store.network.heal()


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


@pytest.fixture
def lstdata(store: Store) -> Callable[..., Told]:
    """Run a verb in a process of its own."""

    def run(*arguments: str, timeout: float = 180) -> Told:
        command = [sys.executable, "-m", "lstdata", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Told(done.returncode, done.stdout, done.stderr)

    return run
