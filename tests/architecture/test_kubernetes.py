"""The Kubernetes manifests are valid and speak of what grantd has; no cluster is needed."""

import copy
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from adapters.http.app import LIVENESS_PATH, READINESS_PATH
from adapters.redis.address import RedisAddress
from entrypoints.settings import Settings
from entrypoints.supervisor import KILL_AFTER
from grantd import __version__

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()

Manifest = dict[str, Any]


def read_all() -> Sequence[Manifest]:
    documents: list[Manifest] = []
    for path in sorted(FOLDER.iterdir()):
        documents += yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return documents


MANIFESTS = read_all()


def of_kind(kind: str) -> list[Manifest]:
    return [manifest for manifest in MANIFESTS if manifest["kind"] == kind]


@pytest.fixture
def deployment() -> Manifest:
    [found] = of_kind("Deployment")
    return copy.deepcopy(found)


@pytest.fixture
def pod(deployment: Manifest) -> Manifest:
    spec: Manifest = deployment["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    [only] = pod["containers"]
    found: Manifest = only
    return found


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What `grantd serve` makes of the configuration, in the image's environment."""
    [config] = of_kind("ConfigMap")
    path = tmp_path / "grantd.toml"
    path.write_text(config["data"]["grantd.toml"], encoding="utf-8")
    for name, value in image_environment().items():
        monkeypatch.setenv(name, value)
    return Settings.load({"config": str(path)})


def image_environment() -> Mapping[str, str]:
    return dict(re.findall(r"^ +(GRANTD_\w+)=(\S+)", DOCKERFILE, re.MULTILINE))


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda it: f"{it['kind']}-{it['metadata']['name']}"
)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_manifest_follows_its_schema(manifest: Manifest, version: str) -> None:
    """Strictly: a member that Kubernetes does not know is an error."""
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schema_catches_a_misspelt_member(deployment: Manifest) -> None:
    """The check above can fail."""
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, NEWEST, strict=True)


def test_the_kinds_that_a_service_needs_are_there() -> None:
    """One of each, and two services: one of them without an address of its own."""
    assert sorted(manifest["kind"] for manifest in MANIFESTS) == [
        *("ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget"),
        *("Service", "Service", "ServiceAccount"),
    ]
    assert [it["spec"].get("clusterIP") for it in of_kind("Service")] == [None, "None"]


def test_the_configuration_is_one_that_grantd_takes(
    settings: Settings, container: Manifest
) -> None:
    """It is mounted where the arguments name it, and nothing in it is overruled by the image."""
    [config] = of_kind("ConfigMap")
    written = tomllib.loads(config["data"]["grantd.toml"])
    mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}

    assert container["args"] == ["serve", "--config", f"{mounts['config']}/grantd.toml"]
    assert not {f"GRANTD_{name.upper()}" for name in written} & image_environment().keys()
    assert len(image_environment()) >= 2
    assert RedisAddress.parse(settings.store)
    assert settings.strict_store
    assert settings.wait_replicas


def test_every_port_is_one_that_grantd_serves(settings: Settings, container: Manifest) -> None:
    """By its name everywhere else."""
    served = {"http": settings.http, "grpc": settings.grpc, "metrics": settings.admin}
    ports = {it["name"]: it["containerPort"] for it in container["ports"]}
    asked_for = [port["targetPort"] for it in of_kind("Service") for port in it["spec"]["ports"]]
    [policy] = of_kind("NetworkPolicy")
    let_in = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]

    assert ports == {name: address.port for name, address in served.items() if address}
    assert all(address is not None and address.host == "0.0.0.0" for address in served.values())  # noqa: S104  (in a pod of its own)
    assert asked_for == ["http", "grpc"]
    assert let_in == ["http", "grpc", "metrics"]
    assert policy["spec"]["ingress"][-1]["from"]


def test_the_probes_ask_what_they_mean(container: Manifest) -> None:
    """A store that is away takes pods out of the service and never restarts one."""
    asked = {name: container[name]["httpGet"] for name in container if name.endswith("Probe")}

    assert asked == {
        "startupProbe": {"path": LIVENESS_PATH, "port": "http"},
        "livenessProbe": {"path": LIVENESS_PATH, "port": "http"},
        "readinessProbe": {"path": READINESS_PATH, "port": "http"},
    }


def test_a_pod_has_the_time_to_drain(
    settings: Settings, pod: Manifest, container: Manifest
) -> None:
    """Long enough to be noticed, to finish, and to end by itself."""
    probe = container["readinessProbe"]
    noticed = timedelta(seconds=probe["periodSeconds"] * probe["failureThreshold"] + 1)
    within = settings.drain_delay + settings.shutdown_timeout + KILL_AFTER

    assert settings.drain_delay >= noticed
    assert timedelta(seconds=pod["terminationGracePeriodSeconds"]) >= within


def test_secrets_are_files_and_nothing_else(
    settings: Settings, pod: Manifest, container: Manifest
) -> None:
    """Each is where the configuration looks for it, for the eyes of the image's user."""
    mounts = {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
    [volume] = [it for it in pod["volumes"] if "secret" in it]
    files = {Path(mounts[volume["name"]], item["path"]) for item in volume["secret"]["items"]}

    assert files == {*settings.master_key_file, settings.store_password_file}
    assert volume["secret"]["defaultMode"] == 0o440
    assert "env" not in container
    assert "envFrom" not in container
    for item in volume["secret"]["items"]:
        explained = (FOLDER / "deployment.yaml").read_text(encoding="utf-8")
        assert f"--from-file={item['key']}" in explained


def test_a_pod_is_confined_as_the_restricted_profile_wants(
    pod: Manifest, container: Manifest
) -> None:
    """Pod Security Standards, and a file system that is read."""
    [(uid, gid)] = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)

    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(uid),
        "runAsGroup": int(gid),
        "fsGroup": int(gid),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108  (the pod's)
    assert not pod["automountServiceAccountToken"]
    [account] = of_kind("ServiceAccount")
    assert account["metadata"]["name"] == pod["serviceAccountName"]
    assert not account["automountServiceAccountToken"]


def test_one_node_that_goes_takes_no_service_along(deployment: Manifest, pod: Manifest) -> None:
    """Several pods, on several nodes, replaced and evicted one at a time."""
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    [budget] = of_kind("PodDisruptionBudget")
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        budget["spec"]["selector"]["matchLabels"],
        *(it["spec"]["selector"] for it in of_kind("Service")),
        *(it["spec"]["podSelector"]["matchLabels"] for it in of_kind("NetworkPolicy")),
        *(it["labelSelector"]["matchLabels"] for it in pod["topologySpreadConstraints"]),
    ]

    assert deployment["spec"]["replicas"] >= 2
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert budget["spec"]["maxUnavailable"] == 1
    assert all(selector == labels for selector in selectors)


def test_the_image_is_that_of_this_release(container: Manifest, deployment: Manifest) -> None:
    """And Prometheus is pointed at its metrics."""
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    ports = {it["name"]: it["containerPort"] for it in container["ports"]}

    assert container["image"] == f"grantd:{__version__}"
    assert annotations["prometheus.io/port"] == str(ports["metrics"])
