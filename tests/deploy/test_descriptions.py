"""Compose files and manifests are valid, and promise what the image and the configuration keep."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from deploy.image.findings import pins
from jubako import building
from jubako.settings import read
from tests.five import COLLECTION
from tests.reading import ROOT

COMPOSE = sorted((ROOT / "deploy" / "compose").glob("*.yaml"))
MANIFESTS = sorted(file for file in (ROOT / "deploy" / "kubernetes").glob("*.yaml") if file.stem != "kustomization")
KUBERNETES = "1.34"


def content(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text())
    return loaded


STACK = content(ROOT / "deploy" / "compose" / "compose.yaml")["services"]
POD = content(ROOT / "deploy" / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
BENTOFILE, GPU_BENTOFILE = content(ROOT / "bentofile.yaml"), content(ROOT / "deploy" / "gpu" / "bentofile.yaml")
IMAGE_ENVIRONMENT = {env["name"]: env["value"] for env in BENTOFILE["envs"]}


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_follows_the_specification(file: Path) -> None:
    schema = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(content(file), json.loads(schema.read_text()))


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_whatever_a_compose_file_mounts_is_there(file: Path) -> None:
    """Docker would make an empty folder of a name that is wrong, and start."""
    mounts = [mount for service in content(file)["services"].values() for mount in service.get("volumes", ())]
    places = [mount.split(":")[0] for mount in mounts if mount.startswith(".")]
    assert [place for place in places if not (file.parent / place).exists()] == []


def test_every_door_of_the_stack_is_on_loopback() -> None:
    """None of them asks who is there."""
    ports = [port for service in STACK.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_image_of_the_stack_has_a_version() -> None:
    images = [service["image"] for service in STACK.values() if "image" in service]
    assert not [image for image in images if image.endswith(":latest") or ":" not in image]


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.name)
def test_a_manifest_follows_kubernetes_own_schema(file: Path) -> None:
    kubernetes_validate.validate(content(file), KUBERNETES, strict=True)


def test_kustomization_names_every_manifest() -> None:
    named = content(ROOT / "deploy" / "kubernetes" / "kustomization.yaml")["resources"]
    assert sorted(named) == [file.name for file in MANIFESTS]


@pytest.mark.parametrize("service", ["jubako-1", "jubako-2"])
def test_a_replica_in_compose_may_do_nothing_that_it_need_not(service: str) -> None:
    replica = STACK[service]
    assert replica["read_only"] is True
    assert replica["cap_drop"] == ["ALL"]
    assert replica["security_opt"] == ["no-new-privileges:true"]
    assert replica["volumes"] == [f"state:{IMAGE_ENVIRONMENT['JUBAKO_HOME']}"]


def test_a_pod_may_do_nothing_that_it_need_not() -> None:
    (container,) = POD["containers"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/tmp", IMAGE_ENVIRONMENT["JUBAKO_HOME"]}  # noqa: S108 - a name in a container


def test_a_replica_has_the_time_to_drain_before_it_is_killed() -> None:
    drain = read(ROOT / "configuration.yaml", COLLECTION).gateway.drain_seconds
    answers_and_profiles = 8 + 5
    pause = POD["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["terminationGracePeriodSeconds"] > pause + drain + answers_and_profiles
    assert float(STACK["jubako-1"]["stop_grace_period"].removesuffix("s")) > drain + answers_and_profiles


def test_the_folders_of_the_image_are_those_that_are_mounted() -> None:
    assert IMAGE_ENVIRONMENT["JUBAKO_HOME"] in building.FOLDERS


def test_the_gpu_variant_differs_only_in_what_a_gpu_needs() -> None:
    same = {"service", "description"}
    assert {key: GPU_BENTOFILE[key] for key in same} == {key: BENTOFILE[key] for key in same}
    assert set(BENTOFILE["include"]) < set(GPU_BENTOFILE["include"])
    more = {env["name"] for env in GPU_BENTOFILE["envs"]} - IMAGE_ENVIRONMENT.keys()
    assert more == {"JUBAKO_CONFIG", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}
    assert IMAGE_ENVIRONMENT.items() <= {env["name"]: env["value"] for env in GPU_BENTOFILE["envs"]}.items()


def test_the_gpu_variant_is_not_ready_without_a_gpu() -> None:
    settings = read(ROOT / "deploy" / "gpu" / "configuration.yaml", COLLECTION)
    assert {name: settings.runner(name).gpu for name in ("sentiment", "image", "iris")} == {
        "sentiment": 0.5,
        "image": 0.5,
        "iris": 0,
    }


def test_the_gpu_lock_is_the_serving_lock_and_torch() -> None:
    serving, gpu = (pins((ROOT / f"requirements-{name}.lock").read_text()) for name in ("serve", "gpu"))
    assert serving.items() < gpu.items()
    names = gpu.keys() - serving.keys()
    assert {"torch", "safetensors"} <= names
    assert not names & {"mlflow", "scikit-learn", "transformers", "xgboost", "lightgbm", "pytest"}
