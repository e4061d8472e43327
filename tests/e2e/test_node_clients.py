"""Clients from npm, which others wrote, used as their own documentation says.

Each library has a file of tests in tests/node; here is the server for them.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from support.grantd_process import GrantdProcess

NODE_TESTS = Path(__file__).parents[1] / "node"
PROTOS = Path(__file__).parents[2] / "proto"
LIBRARIES = ("grpc-js", "jose", "oauth4webapi", "openid-client", "simple-oauth2")
RESOURCE = "https://ledger.example"
RSA_RESOURCE = "https://archive.example"

METHODS = {
    "by_basic": "client_secret_basic",
    "by_post": "client_secret_post",
    "by_secret_jwt": "client_secret_jwt",
    "by_key": "private_key_jwt",
    "by_key_of_old": "private_key_jwt",
}


def private_jwk(kid: str) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256"}


def client_metadata(name: str, private: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describe a client that gets and refreshes tokens (RFC 7591 §2)."""
    metadata = {
        "client_id": name,
        "token_endpoint_auth_method": METHODS[name],
        "grant_types": ["client_credentials", "refresh_token"],
        "scope": "read write",
        "default_scope": "read",
        "audiences": [RESOURCE, RSA_RESOURCE],
        "issue_refresh_token": True,
    }
    if private is not None:
        public = {member: value for member, value in private.items() if member != "d"}
        metadata["jwks"] = {"keys": [public]}
        metadata["accept_token_endpoint_audience"] = name == "by_key_of_old"
    return metadata


GATE = {
    "client_id": "gate",
    "token_endpoint_auth_method": "client_secret_basic",
    "serves": [RESOURCE],
    "introspection_signed_response_alg": "ES256",
}


@pytest.fixture(scope="module")
def under_test(start_grantd: Callable[..., GrantdProcess]) -> Path:
    """Return the file that tells where the server is and who its clients are."""
    server = start_grantd(grpc=True)
    server.create_scopes("read", "write")
    server.require("resources", "create", RESOURCE)
    server.require("resources", "create", RSA_RESOURCE, "--signing-alg", "RS256")

    private = {name: private_jwk(name) for name in METHODS if METHODS[name] == "private_key_jwt"}
    wanted = [*(client_metadata(name, private.get(name)) for name in METHODS), GATE]
    (server.folder / "clients.json").write_text(json.dumps(wanted))
    clients = {
        registered["client_id"]: registered
        for registered in server.require("clients", "register", "clients.json")
    }
    for name, jwk in private.items():
        clients[name]["private_jwk"] = jwk

    told = server.folder / "under_test.json"
    told.touch(mode=0o600)
    told.write_text(
        json.dumps(
            {
                "issuer": server.issuer,
                "grpc_target": server.grpc_target,
                "protos": str(PROTOS),
                "resource": RESOURCE,
                "rsa_resource": RSA_RESOURCE,
                "clients": clients,
            }
        )
    )
    return told


def test_every_file_of_node_tests_is_run() -> None:
    """A file that nobody runs proves nothing."""
    assert {path.name for path in NODE_TESTS.glob("*.test.mjs")} == {
        f"{library}.test.mjs" for library in LIBRARIES
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_from_npm_gets_along_with_grantd(
    under_test: Path, library: str, subtests: pytest.Subtests
) -> None:
    """In all that its file of tests asks of it."""
    done = subprocess.run(
        ["node", "--test-reporter=./json_lines.mjs", f"{library}.test.mjs"],
        cwd=NODE_TESTS,
        env={"PATH": os.environ["PATH"], "GRANTD_UNDER_TEST": str(under_test)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        with subtests.test(result["name"]):
            assert result["passed"], result["reason"]
    assert results, done.stderr
    assert done.returncode == 0, done.stderr
