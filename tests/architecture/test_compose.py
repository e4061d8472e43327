"""The container files say what the operations guide promises; no engine is needed to tell."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "tests/vectors/compose-spec.json").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

Compose = dict[str, Any]


@pytest.fixture
def compose() -> Compose:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_compose_file_follows_its_schema(compose: Compose) -> None:
    """The Compose Specification's own schema finds nothing to object to."""
    Draft202012Validator.check_schema(SCHEMA)

    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(compose)] == []


def test_the_schema_catches_a_misspelt_member(compose: Compose) -> None:
    """The check above can fail: a member that Compose does not know is an error."""
    misspelt = copy.deepcopy(compose)
    misspelt["services"]["grantd"]["readonly"] = True

    assert not Draft202012Validator(SCHEMA).is_valid(misspelt)


@pytest.mark.parametrize("name", ["grantd", "redis"])
def test_a_service_runs_confined(compose: Compose, name: str) -> None:
    """No capability, no new privilege, nothing to write to but volumes and /tmp."""
    service = compose["services"][name]

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


def test_the_image_and_the_compose_file_agree_on_health(compose: Compose) -> None:
    """Builders that drop HEALTHCHECK make the compose file repeat it; it is one check."""
    [check] = re.findall(r"^HEALTHCHECK (?:.*\\\n)+ *CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)

    assert compose["services"]["grantd"]["healthcheck"]["test"] == ["CMD", *json.loads(check)]


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
