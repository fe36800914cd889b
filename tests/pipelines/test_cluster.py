"""The recipes for clusters fit the schemas and tools that will read them, and one another."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from lstdata import __version__
from lstdata.cli.verbs import cli
from pipelines.job import on_cluster

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
IMAGE = f"REGISTRY/lstdata:{__version__}"
GIBIBYTES_PER_CPU = 3.4
"""What docs/cluster.md promises."""

MEMORY = {"m6a.2xlarge": 32, "m6a.4xlarge": 64, "g6.4xlarge": 64}
CPUS = {"m6a.2xlarge": 8, "m6a.4xlarge": 16, "g6.4xlarge": 16}
"""Of the instance types, as AWS lists them; all have AMD EPYC 7R13."""


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((PIPELINES / name).read_text(encoding="utf-8")))


def packed(directory: Path, archive: Path) -> list[str]:
    """What Ray packs of a working directory by `.rayignore` alone: older ones have no excludes of their own."""
    from ray._private.runtime_env.packaging import create_package

    create_package(str(directory), archive, include_gitignore=False)
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_a_job_is_shipped_the_package_and_the_pipelines(tmp_path: Path) -> None:
    names = packed(ROOT, tmp_path / "package.zip")
    assert {name.split("/")[0] for name in names} == {"lstdata", "pipelines"}
    assert {"lstdata/cli/verbs.py", "lstdata/report/page.html", "pipelines/job.py", "pipelines/demo.yaml"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
    assert (tmp_path / "package.zip").stat().st_size < 4_000_000


def test_what_else_lies_in_a_checkout_is_not_shipped(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    shutil.copy(ROOT / ".rayignore", checkout)
    kept = ["lstdata/__init__.py", "lstdata/build/plan.py", "pipelines/job.py"]
    left = [
        ".venv/lib/torch.so",
        ".git/objects/a",
        "demo/shards/a.tar",
        "site/index.html",
        "corpus/a.flac",
        "OUT/a.tar",
    ]
    left += [".aws/credentials", "token", "lstdata/__pycache__/a.pyc", "docs/index.md", ".env"]
    for name in [*kept, *left]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name)
    names = packed(checkout, tmp_path / "package.zip")
    assert sorted(name for name in names if not name.endswith("/")) == sorted(kept)
    assert {name.split("/")[0] for name in names} == {"lstdata", "pipelines"}


@pytest.mark.parametrize(
    ("given", "run"),
    [
        ("build-shards A B --set x=1", "build-shards --runner ray --address auto A B --set x=1"),
        ("segment A B", "segment --runner ray --address auto A B"),
        ("build-shards A B --address=1.2.3.4:6379", "build-shards --runner ray A B --address=1.2.3.4:6379"),
        ("build-shards A B --runner local", "build-shards A B --runner local"),
        ("verify OUT", "verify OUT"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_a_job_is_the_command_on_the_cluster(given: str, run: str) -> None:
    assert on_cluster(given.split()) == run.split()


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    """A config as `ray up` reads it: with the provider's defaults, checked by Ray's schema."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    made: dict[str, Any] = prepare_config(config)
    validate_config(made)
    return made


def check_nodes(config: dict[str, Any]) -> None:
    """What both variants of the cluster have to keep to: one image, the token, and nothing of Ray's defaults."""
    docker = config["docker"]
    assert docker["image"] == IMAGE and "--env RAY_AUTH_MODE=token" in docker["run_options"]
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token"}
    assert not config["setup_commands"] + config["head_setup_commands"] + config["worker_setup_commands"]
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]


def test_the_cluster_is_what_ray_up_takes() -> None:
    config = prepared(read("cluster.yaml"))
    check_nodes(config)
    types = config["available_node_types"]
    head = types.pop(config["head_node_type"])
    assert head["resources"] == {"CPU": 0} and "--num-cpus=0" in config["head_start_ray_commands"][-1]
    assert "InstanceMarketOptions" not in head["node_config"]
    assert [kind["resources"].get("GPU", 0) for kind in types.values()] == [0, 1]
    assert sum(kind["max_workers"] for kind in types.values()) == config["max_workers"]
    for kind in types.values():
        machine = kind["node_config"]["InstanceType"]
        assert kind["resources"]["CPU"] == CPUS[machine]
        assert MEMORY[machine] >= GIBIBYTES_PER_CPU * kind["resources"]["CPU"]
        assert kind["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"} and kind["min_workers"] == 0


def test_each_kind_of_node_can_be_launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Ray's own provider for AWS, against a stand-in for AWS that checks each call as boto's models have it."""
    from moto import mock_aws
    from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
    from ray.autoscaler._private.cli_logger import cli_logger

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(cli_logger, "_verbosity", 0)
    (tmp_path / ".ssh").mkdir()
    with mock_aws():
        import boto3

        for profile in ("lstdata-head", "lstdata-worker"):
            boto3.client("iam").create_instance_profile(InstanceProfileName=profile)
        config = AWSNodeProvider.bootstrap_config(prepared(read("cluster.yaml")))
        provider = AWSNodeProvider(config["provider"], config["cluster_name"])
        tags = {"ray-node-type": "worker", "ray-launch-config": "", "ray-node-status": "", "ray-node-name": ""}
        launched = {}
        for name, kind in config["available_node_types"].items():
            (made,) = provider.create_node(kind["node_config"], tags | {"ray-user-node-type": name}, 1).values()
            profile = made.iam_instance_profile["Arn"].rpartition("/")[2]
            launched[name] = (made.instance_type, made.instance_lifecycle, profile)
    assert launched == {
        "head": ("m6a.2xlarge", None, "lstdata-head"),
        "cpu": ("m6a.4xlarge", "spot", "lstdata-worker"),
        "gpu": ("g6.4xlarge", "spot", "lstdata-worker"),
    }


def test_the_cluster_of_own_machines_is_what_ray_up_takes() -> None:
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(cluster_name:.*?)```", text, re.DOTALL)
    config = prepared(yaml.safe_load(block))
    check_nodes(config)
    (kind,) = config["available_node_types"].values()
    assert kind["min_workers"] == kind["max_workers"] == 2


def test_the_image_holds_what_the_nodes_need() -> None:
    lines = re.sub(r"\\\n\s*", "", (PIPELINES / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    steps = [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]
    words = [word for word, _ in steps]
    assert words[0] == "FROM" and re.fullmatch(r"python:3\.11\.\d+-slim-\w+", steps[0][1])
    assert set(words) <= {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "CMD"}, "no ENTRYPOINT: `ray up` adds `bash`"
    of = {word: [rest for other, rest in steps if other == word] for word in words}
    assert of["USER"] == ["1000"] and json.loads(of["CMD"][0]) == ["lstdata", "--help"]
    assert "RAY_AUTH_MODE=token" in of["ENV"][0] and "HOME=/home/lstdata" in of["ENV"][0]
    assert not re.search(r"TOKEN|SECRET|PASSWORD|_KEY", of["ENV"][0])
    installs = [run for run in of["RUN"] if "pip install" in run]
    assert "--constraint constraints.txt '.[asr,hub,s3]' boto3" in installs[0] and "--no-deps" in installs[1]
    assert all(name in of["RUN"][0] for name in ("openssh-client", "rsync", "wget"))

    let_in = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = {name for copy in of["COPY"] for name in copy.split()[:-1]}
    assert copied == set(let_in) and all((ROOT / name).exists() for name in copied)


def test_versions_agree() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"ray=={read('rayjob.yaml')['spec']['rayClusterSpec']['rayVersion']}\n" in constraints
    assert re.search(r"^boto3==", constraints, re.MULTILINE)
    named = [
        PIPELINES / "Dockerfile",
        PIPELINES / "rayjob.yaml",
        PIPELINES / "cluster.yaml",
        ROOT / "docs" / "cluster.md",
    ]
    for path in named:
        assert set(re.findall(r"REGISTRY/\S+", path.read_text(encoding="utf-8"))) == {IMAGE}


def test_the_script_for_slurm_is_sound() -> None:
    script = PIPELINES / "slurm.sh"
    subprocess.run(["bash", "-n", str(script)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "--severity=warning", str(script)], check=True)
    options = set(re.findall(r"^#SBATCH (\S+)", script.read_text(encoding="utf-8"), re.MULTILINE))
    assert {"--requeue", "--no-kill", "--open-mode=append", "--signal=B:USR1@180"} <= options


def test_the_commands_of_the_documentation_are_commands() -> None:
    """Those of lstdata parse, also inside of other commands, and files that they name are there."""
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    text += (PIPELINES / "rayjob.yaml").read_text(encoding="utf-8")
    text = text.replace("\\\n", " ")
    found = [
        line.split("#")[0].split() for line in re.findall(r"(?:lstdata|job\.py) (build-shards .*)$", text, re.MULTILINE)
    ]
    found += [["build-shards", *line.split()] for line in re.findall(r"^sbatch .*slurm\.sh (.*)$", text, re.MULTILINE)]
    assert len(found) == 8
    for verb, *arguments in found:
        command = cli.commands[verb]
        _, left, _ = command.make_parser(click.Context(command)).parse_args(list(arguments))
        assert not left
    for path in re.findall(r"pipelines/[\w.-]+\.\w+|pipelines/Dockerfile", text):
        assert (ROOT / path).is_file(), path
