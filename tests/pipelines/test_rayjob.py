"""The RayJob keeps to KubeRay's API, as far as it uses it, and to what the operator does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "rayjob.yaml"


def fields(required: str, **known: Any) -> dict[str, Any]:
    """An object of these fields and no others, as the API server refuses those that it does not know."""
    return {"type": "object", "properties": known, "required": required.split(), "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 0}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
QUANTITIES = {
    "type": "object",
    "required": ["cpu", "memory", "ephemeral-storage"],
    "additionalProperties": {"type": "string", "pattern": r"^[0-9]+(m|Mi|Gi)?$"},
}
CONTAINER = fields(
    "name image resources",
    name=TEXT,
    image=TEXT,
    ports={"type": "array", "items": fields("containerPort", containerPort=COUNT, name=TEXT)},
    resources=fields("requests limits", requests=QUANTITIES, limits=QUANTITIES),
)
POD = fields(
    "serviceAccountName securityContext containers",
    serviceAccountName=TEXT,
    securityContext=fields("runAsNonRoot runAsUser", runAsNonRoot={"const": True}, runAsUser=COUNT, fsGroup=COUNT),
    containers={"type": "array", "items": CONTAINER, "minItems": 1, "maxItems": 1},
    nodeSelector=TEXTS,
    tolerations={
        "type": "array",
        "items": fields("key", key=TEXT, operator={"enum": ["Exists", "Equal"]}, value=TEXT, effect=TEXT),
    },
)
HEAD = fields("rayStartParams template", rayStartParams=TEXTS, template=fields("spec", spec=POD))
GROUP = fields(
    "groupName minReplicas maxReplicas rayStartParams template",
    groupName={"type": "string", "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"},
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=fields("spec", spec=POD),
)
CLUSTER = fields(
    "rayVersion authOptions headGroupSpec workerGroupSpecs",
    rayVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
    enableInTreeAutoscaling={"type": "boolean"},
    autoscalerOptions=fields(
        "", idleTimeoutSeconds=COUNT, upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]}
    ),
    authOptions=fields("mode secretName", mode={"const": "token"}, secretName=TEXT),
    headGroupSpec=HEAD,
    workerGroupSpecs={"type": "array", "items": GROUP, "minItems": 1},
)
RAYJOB = fields(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=fields("name", name={"type": "string", "maxLength": 47, "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}),
    spec=fields(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        backoffLimit=COUNT,
        shutdownAfterJobFinishes={"type": "boolean"},
        ttlSecondsAfterFinished=COUNT,
        rayClusterSpec=CLUSTER,
    ),
)
"""What the file uses of `ray.io/v1` (KubeRay 1.6) and of pods: names, types, and the values that are allowed."""


@pytest.fixture
def job() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def test_its_fields_are_those_of_the_api(job: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(RAYJOB)
    jsonschema.validate(job, RAYJOB)


def test_one_image_and_account_and_whole_reservations(job: dict[str, Any]) -> None:
    """A pod that asks for what it may use is not killed for memory before others, nor are its CPUs fewer than Ray's."""
    cluster = job["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    containers = [pod["containers"][0] for pod in pods]
    assert len({c["image"] for c in containers}) == 1 and len({pod["serviceAccountName"] for pod in pods}) == 1
    assert all(pod["securityContext"]["runAsUser"] == 1000 for pod in pods)
    for container in containers:
        limits = container["resources"]["limits"]
        assert limits == container["resources"]["requests"]
        assert int(limits["memory"].removesuffix("Gi")) >= 3.4 * int(limits["cpu"])


def test_the_head_has_no_worker_and_workers_come_with_the_work(job: dict[str, Any]) -> None:
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"]
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    room = 0
    for group in cluster["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert group["minReplicas"] == group["replicas"] == 0 < group["maxReplicas"]
        assert group["rayStartParams"] == {}, "CPUs, GPUs and memory are those of the limits"
        assert ("nvidia.com/gpu" in limits) == (group["groupName"] == "gpu")
        room += int(limits["cpu"]) * group["maxReplicas"]
    entrypoint = job["spec"]["entrypoint"].split()
    assert 0 < int(entrypoint[entrypoint.index("--workers") + 1]) <= room


def test_a_lost_head_is_tried_again_and_nothing_is_left(job: dict[str, Any]) -> None:
    assert job["spec"]["backoffLimit"] > 0
    assert job["spec"]["shutdownAfterJobFinishes"] and job["spec"]["ttlSecondsAfterFinished"] > 0
