"""What every reply of the three POST endpoints has to look like, whatever it says."""

from typing import Any

import httpx

_JSON = "application/json;charset=UTF-8"
_OUR_OWN_EACH_TIME = {"date", "x-request-id"}


def granted(reply: httpx.Response) -> dict[str, Any]:
    """Return the members of a token reply that has to be a success (RFC 6749 §5.1)."""
    assert reply.status_code == 200, reply.text
    _require_unstored_json(reply)
    members: dict[str, Any] = reply.json()
    assert "error" not in members
    assert members["access_token"]
    assert members["token_type"] == "Bearer"
    assert type(members["expires_in"]) is int
    assert members["expires_in"] > 0
    assert isinstance(members["scope"], str)
    return members


def refused(reply: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the members of a refusal that has to be this one (RFC 6749 §5.2)."""
    members: dict[str, Any] = reply.json()
    assert (reply.status_code, members["error"]) == (status, code), reply.text
    _require_unstored_json(reply)
    assert members.keys() <= {"error", "error_description", "hint"}
    assert members["error_description"]
    challenge = 'Basic realm="grantd"' if status == 401 else None
    assert reply.headers.get("WWW-Authenticate") == challenge
    return members


def looks(reply: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """Return all that a client can tell replies apart by."""
    headers = {
        name: value for name, value in reply.headers.items() if name not in _OUR_OWN_EACH_TIME
    }
    return reply.status_code, headers, reply.content


def introspected(reply: httpx.Response) -> dict[str, Any]:
    """Return the members of an introspection reply (RFC 7662 §2.2)."""
    assert reply.status_code == 200, reply.text
    _require_unstored_json(reply)
    members: dict[str, Any] = reply.json()
    assert type(members["active"]) is bool
    return members


def _require_unstored_json(reply: httpx.Response) -> None:
    assert reply.headers["Content-Type"] == _JSON
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Pragma"] == "no-cache"
