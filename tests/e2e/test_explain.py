"""`grantd explain` beside the server whose answers it tells."""

import base64
import json
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, refused
from support.transcripts import Step, play, require_one_line

BOOKS = "https://books.example"


@pytest.fixture(scope="module")
def grantd(start_grantd: Any) -> GrantdProcess:  # noqa: ANN401  (a fixture's function)
    grantd: GrantdProcess = start_grantd(
        settings={"grant_access_token_ttl": "client_credentials=20m"}
    )
    grantd.require("resources", "create", BOOKS, "--signing-alg", "RS256")
    grantd.require("scopes", "create", "books.read", "--resource", BOOKS)
    grantd.create_scopes("free", "secret")
    return grantd


@pytest.fixture(scope="module")
def reader(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client(
        *("reader", "--scope", "books.read free", "--default-scope", "free"),
        *("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token"),
    )


def part_of_jwt(token: str, place: int) -> dict[str, Any]:
    part = token.split(".")[place]
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def test_what_is_told_is_what_is_issued(grantd: GrantdProcess, reader: RegisteredClient) -> None:
    told = grantd.require("explain", "--client", "reader", "--scope", "books.read free")
    issued = granted(grantd.issue(reader, scope="books.read free"))

    header, claims = (part_of_jwt(issued["access_token"], place) for place in (0, 1))
    assert told == {
        "outcome": "granted",
        "scopes": [
            {"scope": "books.read", "granted": True, "rule": "registered"},
            {"scope": "free", "granted": True, "rule": "registered"},
        ],
        "scope": issued["scope"],
        "sub": claims["sub"],
        "aud": [BOOKS],
        "aud_by": "scope",
        "expires_in": issued["expires_in"],
        "expires_in_by": "grant",
        "token_format": "jwt",
        "token_format_by": "server",
        "alg": header["alg"],
        "alg_by": "resource",
        "kid": header["kid"],
        "refresh_token": True,
        "refresh_token_by": "registered",
    }
    assert claims["aud"] == BOOKS
    assert issued["expires_in"] == 20 * 60
    assert header["alg"] == "RS256"
    assert "refresh_token" in issued


def test_what_is_refused_is_told_scope_by_scope(
    grantd: GrantdProcess, reader: RegisteredClient
) -> None:
    """The question was answered, so the exit status is 0."""
    refused(grantd.issue(reader, scope="free secret nothing"), 400, "invalid_scope")

    told = grantd.require("explain", "--client", "reader", "--scope", "free secret nothing")
    assert (told["outcome"], told["error"]) == ("refused", "invalid_scope")
    assert {one["scope"]: one["rule"] for one in told["scopes"]} == {
        "free": "registered",
        "secret": "not_registered",
        "nothing": "unknown",
    }
    play(
        grantd.run,
        Step(
            command=["explain", "--client", "reader", "--scope", "free secret nothing"],
            stdout=[
                r"^outcome +refused: invalid_scope$",
                r"^because +The scope is .* \(not granted: nothing secret\)$",
                r"^SCOPE +VERDICT",
                r"^free +granted: the client is registered for it",
                r"^secret +refused: the client is not registered for it",
                r"^nothing +refused: this server knows no such scope",
            ],
        ),
        Step(
            command=["explain", "--client", "reader", "--resource", BOOKS],
            stdout=[
                r"^outcome +granted$",
                r"^scope +free$",
                rf"^audience +{BOOKS} \(asked for by name\)$",
                r"^lifetime +20m \(set for the grant by the server's settings\)$",
                r"^format +jwt \(",
                r"^algorithm +RS256 \(set by the resource\)$",
                r"^key +[\w-]{43}$",
                r"^refresh token +yes: ",
                r"^free +granted: it is in the client's default scope",
            ],
        ),
    )


def test_an_unknown_client_is_one_line_and_exit_status_1(grantd: GrantdProcess) -> None:
    done = grantd.run("explain", "--client", "nobody")

    assert (done.returncode, done.stdout) == (1, "")
    require_one_line(done.stderr)
    assert done.stderr == "grantd: There is no such client. (nobody)\n"
