"""A key that others may have: revoked once, refused everywhere."""

from collections.abc import Callable
from typing import Any

import jwt

from support.edges import GrpcEdge, HttpEdge
from support.grantd_process import GrantdProcess
from support.oauth_replies import granted

WORKERS = "2"
OFTEN = 4  # each question has a connection of its own, so that every worker is asked


def test_tokens_of_a_revoked_key_are_inactive_at_the_next_question_on_every_worker(
    store: str, prepare_grantd: Callable[..., GrantdProcess]
) -> None:
    """Over both protocols, and though every worker has proved their signatures before."""
    server = prepare_grantd(store, {"workers": WORKERS}, grpc=True)
    client = server.create_client("one")
    server.start()
    edges = (HttpEdge(server), GrpcEdge(server))
    token = granted(server.issue(client))["access_token"]
    revoked = jwt.get_unverified_header(token)["kid"]
    asked = [edge for edge in edges for _ in range(OFTEN)]
    assert all(edge.introspect(client, token)["active"] for edge in asked)

    signer = server.require("keys", "revoke", revoked, "--yes")["signer"]["kid"]

    assert [edge.introspect(client, token) for edge in asked] == [{"active": False}] * len(asked)
    fresh = [edge.issue(client).access_token for edge in asked]
    assert {jwt.get_unverified_header(one)["kid"] for one in fresh} == {signer}
    assert all(edge.introspect(client, fresh[0])["active"] for edge in asked)
    published: dict[str, Any] = server.get("/.well-known/jwks.json").json()
    kids = {key["kid"] for key in published["keys"]}
    assert signer in kids
    assert revoked not in kids
