"""What is measured has to be the real thing: replies are looked at before and after."""

import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
from bench.load.loads import Target
from bench.servers import http_replies
from bench.servers.floors import call
from bench.servers.grantd import CLIENT, Grantd
from bench.servers.http_replies import Reply

from grantd.v1.token_service_pb2 import IntrospectTokenResponse, IssueTokenResponse

_JWKS: Final = "/.well-known/jwks.json"
_NO_REFUSALS: Final = frozenset({"ok", "cancelled"})  # a generator that ends leaves some behind


class WrongReply(Exception):
    """A server does not answer as it has to, so that its numbers tell nothing."""


def check_issue(grantd: Grantd, protocol: str, algorithm: str) -> None:
    target = grantd.issue(protocol, algorithm)
    if protocol == "http":
        token = json_of(http_replies.ask(target, target.bodies[0]))["access_token"]
    else:
        token = IssueTokenResponse.FromString(call(target)).access_token
    check_token(token, json.loads(http_replies.get(grantd.ports.http, _JWKS).body), algorithm)


def check_token(
    token: str, key_set: Mapping[str, Any], algorithm: str, *, names_client_in: str = "client_id"
) -> None:
    """Verify a token's signature under a key set.

    Raises:
        WrongReply: If it is not of that algorithm, or not signed by a key of the set.
    """
    header = jwt.get_unverified_header(token)
    keys = [key for key in key_set["keys"] if key["kid"] == header["kid"]]
    _require(header["alg"] == algorithm and len(keys) == 1, f"no token by {algorithm}: {header}")
    claims = jwt.decode(
        token, jwt.PyJWK(keys[0]).key, algorithms=[algorithm], options={"verify_aud": False}
    )
    _require(claims[names_client_in] == CLIENT, "the token is somebody else's")


def check_introspect(grantd: Grantd, protocol: str) -> None:
    target = grantd.introspect(protocol)
    if protocol == "grpc":
        answer = IntrospectTokenResponse.FromString(call(target))
        _require(answer.active and answer.client_id == CLIENT, "the token is not active")
        return
    check_active(target)


def check_active(target: Target) -> None:
    """Require the first and the last token to be live ones of our client."""
    for body in (target.bodies[0], target.bodies[-1]):
        answers = json_of(http_replies.ask(target, body))
        _require(
            answers["active"] is True and answers["client_id"] == CLIENT, "the token is not active"
        )


def check_floor(real: Target, floor: Target) -> None:
    """Require the floor's reply to be the real one's like, byte for byte in number.

    Raises:
        WrongReply: If it is another.
    """
    if real.protocol == "grpc":
        lengths = len(call(real)), len(call(floor))
        _require(abs(lengths[0] - lengths[1]) <= 1, f"the floor's message is another: {lengths}")
        return
    one, other = (http_replies.ask(target, target.bodies[0]) for target in (real, floor))
    _require(_shape(one) == _shape(other), f"the floor's reply is another: {one} {other}")


def _shape(reply: Reply) -> object:
    return reply.status, {name for name, _ in reply.fields}, reply.media_type, reply.length


def json_of(reply: Reply) -> Any:  # noqa: ANN401  (JSON has any shape)
    _require(reply.status == 200, f"a reply was {reply.status}: {reply.body!r}")  # noqa: PLR2004
    _require(reply.media_type == "application/json", f"a reply was {reply.media_type}")
    return json.loads(reply.body)


def check_outcomes(before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Require that no request was refused in between, by the server's own count.

    Raises:
        WrongReply: If one was.
    """
    refused = {
        outcome: count - before.get(outcome, 0.0)
        for outcome, count in after.items()
        if outcome not in _NO_REFUSALS and count > before.get(outcome, 0.0)
    }
    _require(not refused, f"requests were refused: {refused}")


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001
    if not holds:
        raise WrongReply(otherwise)
