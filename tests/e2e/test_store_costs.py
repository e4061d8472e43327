"""What a request asks of its store, by count: the hot path reads once and writes nothing (D1, D2).

That is so at an unchanged catalogue, by secret, and with the audit trail in a
file. The first success of a client from a source writes (ADR 8), and notes of
use are written beside the requests, once a minute.
"""

import json
from collections.abc import Callable, Mapping

import pytest

from support.edges import GrpcEdge, HttpEdge
from support.grantd_process import GrantdProcess

Cost = tuple[int, int]

_SETTINGS = {
    "audit_log": "./audit.jsonl",
    "failures_per_client_and_source": "10/5m",
    "failures_per_client": "100/5m",
    "failures_per_source": "100/5m",
}
_REFRESHES = ("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token")


@pytest.fixture(scope="module")
def costs(store: str, start_grantd: Callable[..., GrantdProcess]) -> Mapping[str, list[Cost]]:
    """Return reads and steps of what a server was asked, over either protocol, by what it was."""
    server = start_grantd(store, _SETTINGS, grpc=True)
    service, refresher = server.create_clients({"service": (), "refresher": _REFRESHES})
    for protocol in (HttpEdge(server), GrpcEdge(server)):
        for client in (service, refresher):
            protocol.issue(client)  # which vouches for it, and loads the catalogue
        for _ in range(2):
            token = protocol.issue(service).access_token
            assert protocol.introspect(service, token)["active"] is True
            family = protocol.issue(refresher)
            assert protocol.introspect(refresher, family.access_token)["active"] is True
            protocol.issue(refresher, "refresh_token", refresh_token=family.refresh_token)
    assert server.stop() == 0
    told: dict[str, list[Cost]] = {}
    for line in _lines(server):
        what = f"{line['client_id']}: {line.get('grant_type', line['endpoint'])}"
        told.setdefault(what, []).append((line["store_reads"], line["store_steps"]))
    return told


def _lines(server: GrantdProcess) -> list[dict[str, object]]:
    texts = (line for line in server.log.read_text().splitlines() if line.startswith("{"))
    told = map(json.loads, texts)
    return [line for line in told if line["event"] == "request" and line.get("client_id")]


def test_a_jwt_is_issued_with_one_read_and_no_write(costs: Mapping[str, list[Cost]]) -> None:
    """Client, budgets, voucher and version of the catalogue are one read."""
    first_http, *by_http = costs["service: client_credentials"][:3]
    first_grpc, *by_grpc = costs["service: client_credentials"][3:]

    assert by_http + by_grpc == [(1, 0)] * 4
    assert first_http[0] <= 2
    assert first_grpc[0] <= 2


@pytest.mark.parametrize("caller", ["service", "refresher"])
def test_a_token_is_introspected_with_one_read(
    costs: Mapping[str, list[Cost]], caller: str
) -> None:
    """Its client, its family if it has one, and whether it is revoked are in it."""
    assert costs[f"{caller}: introspection"] == [(1, 0)] * 4


def test_a_refresh_is_one_read_and_one_step(costs: Mapping[str, list[Cost]]) -> None:
    """The step compares and advances the generation."""
    assert costs["refresher: refresh_token"] == [(1, 1)] * 4
