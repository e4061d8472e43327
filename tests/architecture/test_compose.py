"""The container files say what the operations guide promises; no engine is needed to tell."""

import copy
import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from adapters.redis.address import RedisAddress
from entrypoints.settings import Settings, unknown_variables
from entrypoints.supervisor import KILL_AFTER

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "tests/vectors/compose-spec.json").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

FILES = ("docker-compose.yml", "docker-compose.fleet.yml")

Compose = dict[str, Any]


def read(name: str) -> Compose:
    loaded = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def compose() -> Compose:
    return read("docker-compose.yml")


@pytest.fixture
def fleet() -> Compose:
    return read("docker-compose.fleet.yml")


SERVICES = [(name, service) for name in FILES for service in read(name)["services"]]


@pytest.mark.parametrize("name", FILES)
def test_a_compose_file_follows_its_schema(name: str) -> None:
    """The Compose Specification's own schema finds nothing to object to."""
    Draft202012Validator.check_schema(SCHEMA)

    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(read(name))] == []


def test_the_schema_catches_a_misspelt_member(compose: Compose) -> None:
    """The check above can fail: a member that Compose does not know is an error."""
    misspelt = copy.deepcopy(compose)
    misspelt["services"]["grantd"]["readonly"] = True

    assert not Draft202012Validator(SCHEMA).is_valid(misspelt)


@pytest.mark.parametrize(("name", "service_name"), SERVICES)
def test_a_service_runs_confined(name: str, service_name: str) -> None:
    """No capability, no new privilege, nothing to write to but volumes and /tmp."""
    service = read(name)["services"][service_name]

    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108  # the container's, not ours
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][0] == "CMD"


def test_redis_keeps_what_it_is_told(compose: Compose) -> None:
    """It persists and never evicts; it is reached by grantd alone."""
    redis = compose["services"]["redis"]
    options = " ".join(redis["command"])

    assert "--appendonly yes" in options
    assert "--maxmemory-policy noeviction" in options
    assert "redis:/data" in redis["volumes"]
    assert "ports" not in redis
    assert redis["networks"] == ["store"]
    assert compose["networks"]["store"]["internal"] is True


def test_grantd_waits_for_a_healthy_redis(compose: Compose) -> None:
    """It starts when its store can answer, not when its store has been started."""
    grantd = compose["services"]["grantd"]

    assert grantd["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert grantd["environment"]["GRANTD_STORE"] == "redis://redis:6379/0"


def test_the_master_key_comes_as_a_file(compose: Compose) -> None:
    """The environment names where the key is mounted, and never holds it."""
    grantd = compose["services"]["grantd"]
    [secret] = grantd["secrets"]

    assert grantd["environment"]["GRANTD_MASTER_KEY_FILE"] == f"/run/secrets/{secret}"
    assert compose["secrets"][secret] == {"file": "./master.key"}


def test_nothing_is_published_beyond_this_machine(compose: Compose) -> None:
    """The issuer is a loopback address, so the ports are too."""
    ports = compose["services"]["grantd"]["ports"]

    assert [port.rpartition(":")[0] for port in ports] == ["127.0.0.1:8080", "127.0.0.1:50051"]


def test_the_image_and_the_compose_files_agree_on_health(compose: Compose, fleet: Compose) -> None:
    """Builders that drop HEALTHCHECK make the compose files repeat it; it is one check."""
    [check] = re.findall(r"^HEALTHCHECK (?:.*\\\n)+ *CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)

    for service in (compose["services"]["grantd"], fleet["services"]["grantd-1"]):
        assert service["healthcheck"]["test"] == ["CMD", *json.loads(check)]


def test_a_stop_waits_for_a_drain(compose: Compose, fleet: Compose) -> None:
    """For longer than grantd takes for one by itself."""
    usual = Settings()
    drain = usual.drain_delay + usual.shutdown_timeout + KILL_AFTER

    for service in (compose["services"]["grantd"], fleet["services"]["grantd-1"]):
        assert timedelta(seconds=int(service["stop_grace_period"].removesuffix("s"))) > drain


def test_the_fleet_is_two_of_each_at_least(fleet: Compose) -> None:
    """Whatever stops, something is left that does the same, and Sentinels are an odd number."""
    services = fleet["services"]
    count = Counter(name.partition("-")[0] for name in services)

    assert count == {
        "grantd": 2,
        "redis": 3,
        "sentinel": 3,
        "nginx": 1,
        "prometheus": 1,
        "grafana": 1,
    }
    assert services["grantd-1"] == services["grantd-2"]
    assert fleet["networks"]["store"]["internal"] is True
    assert fleet["networks"]["metrics"]["internal"] is True
    for name, service in services.items():
        assert "ports" not in service or name in ("nginx", "prometheus", "grafana")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        if name.startswith("redis"):
            assert service["command"][:2] == ["redis-server", "/etc/redis.conf"]
            assert service["networks"].keys() == {"store"}
    durable = config("redis").splitlines()
    assert {"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} <= {*durable}


def test_every_address_of_the_fleet_is_somebodys(fleet: Compose) -> None:
    """Sentinels watch a Redis, grantd asks Sentinels and believes nginx, Prometheus asks grantd."""
    services = fleet["services"]
    addresses = {
        name: network["ipv4_address"]
        for name, service in services.items()
        if isinstance(service["networks"], dict)
        for network in service["networks"].values()
    }
    settings = services["grantd-1"]["environment"]
    watched = re.findall(
        r"^sentinel monitor grantd (\S+) 6379 2$", config("sentinel"), re.MULTILINE
    )
    asked = re.findall(r"[\d.]+(?=:26379)", settings["GRANTD_STORE"])
    scraped = yaml.safe_load(config("prometheus"))["scrape_configs"][0]["static_configs"][0]

    assert watched == [addresses["redis-0"]]
    assert asked == [addresses[f"sentinel-{number}"] for number in range(3)]
    assert settings["GRANTD_TRUSTED_PROXIES"] == f"{addresses['nginx']}/32"
    assert scraped["targets"] == ["grantd-1:8081", "grantd-2:8081"]
    assert settings["GRANTD_ADMIN"] == "0.0.0.0:8081"  # in a network of its own
    assert re.findall(r"server (grantd-\d:\d+)", config("nginx")) == [
        *("grantd-1:8080", "grantd-2:8080", "grantd-1:50051", "grantd-2:50051"),
    ]


def test_the_dashboard_of_the_fleet_is_where_grafana_looks(fleet: Compose) -> None:
    """With what it draws from, and Prometheus has the alerts that are written for it."""
    mounted = {
        mount["target"]: mount["source"]
        for name in ("grafana", "prometheus")
        for mount in fleet["services"][name]["configs"]
    }
    [provider] = yaml.safe_load(config("dashboards"))["providers"]
    [source] = yaml.safe_load(config("datasource"))["datasources"]

    assert mounted[f"{provider['options']['path']}/grantd.json"] == "dashboard"
    assert json.loads(config("dashboard"))["panels"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
    [rules] = yaml.safe_load(config("prometheus"))["rule_files"]
    assert yaml.safe_load(config(mounted[rules]))["groups"]
    assert all((ROOT / entry["file"]).is_file() for entry in fleet["configs"].values())


@pytest.mark.parametrize(
    ("name", "service"),
    [("docker-compose.yml", "grantd"), ("docker-compose.fleet.yml", "grantd-2")],
)
def test_the_environment_is_one_that_grantd_takes(
    name: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable sets something, and all of them hold together."""
    environment: dict[str, str] = read(name)["services"][service]["environment"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    assert not list(unknown_variables(environment))
    assert RedisAddress.parse(Settings.load({}).store)


def config(name: str) -> str:
    """Return what a service of the fleet is configured with."""
    path: str = read("docker-compose.fleet.yml")["configs"][name]["file"]
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_image_runs_as_a_number_that_is_not_root(compose: Compose) -> None:
    """A numeric user, so that an orchestrator can tell it is not root without the image."""
    [(uid, gid)] = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)

    assert int(uid) > 0
    assert int(gid) > 0
    assert "user" not in compose["services"]["grantd"]
    assert f"-o {uid} -g {gid} -m 0700 /var/lib/grantd" in DOCKERFILE


def test_the_key_that_the_compose_file_explains_is_the_users_own() -> None:
    """The command that makes the master key gives it to the image's user."""
    [user] = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    explained = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert f"install -m 0600 -o {user} -g {user} /dev/stdin master.key" in explained


def test_only_what_the_wheel_needs_enters_the_image() -> None:
    """Everything is left out first; what is let in is what the Dockerfile copies."""
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)

    assert next(rule for rule in rules if not rule.startswith("#")) == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(" ".join(copied).split())
