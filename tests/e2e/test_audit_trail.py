"""The audit trail of a running server: one event per decision, wherever it goes (docs/audit.md)."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
import redis

from grantd.admin.v1.client_service_pb2 import (
    Client,
    CreateClientRequest,
    CreateClientResponse,
)
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IssueTokenRequest,
    RevokeTokenRequest,
)
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.audit import STREAM, Line, audit_lines, audit_stream, require_as_documented
from support.edges import NO_PROXY
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.polling import wait_until

FILE = "audit.jsonl"
WRONG = "not-its-secret"
REFRESHING = (
    *("--grant", "client_credentials", "--grant", "refresh_token", "--issue-refresh-token"),
    *("--scope", "read", "--default-scope", "read"),
)


@dataclass(frozen=True)
class Answer:
    """What a call came to, and the id under which an operator finds it."""

    request_id: str
    granted: bool
    unavailable: bool = False
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Caller(Protocol):
    def issue(self, client: RegisteredClient, **parameters: str) -> Answer: ...
    def introspect(self, client: RegisteredClient, token: str) -> Answer: ...
    def revoke(self, client: RegisteredClient, token: str) -> Answer: ...


NOBODY = RegisteredClient("")
"""Who calls without any credentials."""


class HttpCaller:
    def __init__(self, grantd: GrantdProcess) -> None:
        self._grantd = grantd

    def issue(self, client: RegisteredClient, **parameters: str) -> Answer:
        return self._post("/access_token", client, parameters)

    def introspect(self, client: RegisteredClient, token: str) -> Answer:
        return self._post("/introspect", client, {"token": token})

    def revoke(self, client: RegisteredClient, token: str) -> Answer:
        return self._post("/revoke", client, {"token": token})

    def _post(self, path: str, client: RegisteredClient, form: Mapping[str, str]) -> Answer:
        reply = self._grantd.post(path, form, auth=client.basic if client != NOBODY else None)
        return Answer(
            reply.headers["x-request-id"],
            reply.is_success,
            reply.status_code == 503 and "retry-after" in reply.headers,
            reply.json() if reply.content else {},
        )


class GrpcCaller:
    def __init__(self, grantd: GrantdProcess) -> None:
        self._target = grantd.grpc_target

    def issue(self, client: RegisteredClient, **parameters: str) -> Answer:
        return self._call("IssueToken", client, IssueTokenRequest(**parameters))

    def introspect(self, client: RegisteredClient, token: str) -> Answer:
        return self._call("IntrospectToken", client, IntrospectTokenRequest(token=token))

    def revoke(self, client: RegisteredClient, token: str) -> Answer:
        return self._call("RevokeToken", client, RevokeTokenRequest(token=token))

    def _call(self, method: str, client: RegisteredClient, message: Any) -> Answer:  # noqa: ANN401  (of any method)
        with grpc.insecure_channel(self._target, options=NO_PROXY) as channel:
            credentials = basic(client.client_id, client.secret) if client != NOBODY else ()
            try:
                reply, call = getattr(TokenServiceStub(channel), method).with_call(
                    message, metadata=credentials, timeout=20
                )
            except grpc.RpcError as error:
                trailing = dict(error.trailing_metadata() or ())
                unavailable = error.code() is grpc.StatusCode.UNAVAILABLE
                return Answer(trailing["x-request-id"], granted=False, unavailable=unavailable)
        told = {name.name: value for name, value in reply.ListFields()}
        return Answer(dict(call.trailing_metadata())["x-request-id"], granted=True, told=told)


CALLERS: Mapping[str, Callable[[GrantdProcess], Caller]] = {"http": HttpCaller, "grpc": GrpcCaller}


@dataclass(frozen=True)
class World:
    """A server that writes to a file, to standard output and, with Redis, to a stream."""

    grantd: GrantdProcess
    clients: Mapping[str, RegisteredClient]
    tokens: list[str] = field(repr=False)

    @property
    def lines(self) -> list[Line]:
        return audit_lines(self.grantd.folder / FILE)

    def of(self, answer: Answer) -> list[Line]:
        """Return what was written of a request, without what every line of it has."""
        found = [line for line in self.lines if line.get("request_id") == answer.request_id]
        return [
            {name: value for name, value in line.items() if name not in ("at", "request_id")}
            for line in found
        ]

    def got(self, answer: Answer) -> Answer:
        assert answer.granted
        self.tokens.extend(
            str(answer.told[name])
            for name in ("access_token", "refresh_token")
            if name in answer.told
        )
        return answer


@pytest.fixture(scope="module")
def world(start_grantd: Callable[..., GrantdProcess], store: str) -> World:
    places = [f"./{FILE}", "stdout", *(["redis"] if store == "redis" else [])]
    grantd = start_grantd(store, {"audit_log": ",".join(places)}, grpc=True)
    grantd.create_scopes("read")
    clients = grantd.create_clients(
        {"billing": REFRESHING, "other": (), "operator": ("--scope", "grantd.admin.write")}
    )
    return World(grantd, {client.client_id: client for client in clients}, [])


@pytest.fixture(params=sorted(CALLERS))
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def seen(protocol: str, event: str, outcome: str, **members: str) -> Line:
    level = "warning" if outcome == "alarm" else "info"
    told = {"level": level, "event": event, "outcome": outcome, "protocol": protocol}
    return {**told, "address": "127.0.0.1", **members}


def test_each_decision_leaves_one_event_with_the_request_id_of_its_reply(
    world: World, protocol: str
) -> None:
    """Granted, refused, refreshed, replayed, revoked: the same over both protocols."""
    call, billing = CALLERS[protocol](world.grantd), world.clients["billing"]
    impostor = RegisteredClient("billing", WRONG)
    by_grant = {"client_id": "billing", "grant_type": "client_credentials"}
    by_refresh = {"client_id": "billing", "grant_type": "refresh_token"}

    first = world.got(call.issue(billing, grant_type="client_credentials"))
    [issued] = world.of(first)
    identified = {name: issued[name] for name in ("token_id", "family_id")}
    assert issued == seen(
        protocol, "token.issued", "granted", **by_grant, scope="read", **identified
    )

    refused = call.issue(impostor, grant_type="client_credentials")
    assert world.of(refused) == [
        seen(
            protocol,
            "token.refused",
            "refused",
            **by_grant,
            reason="invalid_client: wrong secret",
        )
    ]

    spent = first.told["refresh_token"]
    second = world.got(call.issue(billing, grant_type="refresh_token", refresh_token=spent))
    [refreshed] = world.of(second)
    family = identified["family_id"]
    assert refreshed == seen(
        protocol,
        "token.refreshed",
        "granted",
        **by_refresh,
        scope="read",
        token_id=refreshed["token_id"],
        family_id=family,
    )

    replayed = call.issue(billing, grant_type="refresh_token", refresh_token=spent)
    assert world.of(replayed) == [
        seen(protocol, "refresh_token.replayed", "alarm", **by_refresh, family_id=family),
        seen(
            protocol,
            "token.refused",
            "refused",
            **by_refresh,
            reason="invalid_grant: generation 1 was spent before",
        ),
    ]

    third = world.got(call.issue(billing, grant_type="client_credentials"))
    assert call.introspect(billing, third.told["access_token"]).told["active"]
    revoked = call.revoke(billing, third.told["access_token"])
    [told] = world.of(third)
    assert world.of(revoked) == [
        seen(protocol, "token.revoked", "changed", client_id="billing", token_id=told["token_id"])
    ]


def test_a_caller_that_is_refused_leaves_one_event(world: World, protocol: str) -> None:
    """Guessing secrets at introspection or revocation is no quieter than at the token endpoint."""
    call, impostor = CALLERS[protocol](world.grantd), RegisteredClient("billing", WRONG)
    for where, answer in (
        ("introspection", call.introspect(impostor, "anything")),
        ("revocation", call.revoke(impostor, "anything")),
    ):
        assert not answer.granted
        assert world.of(answer) == [
            seen(
                protocol,
                "client.refused",
                "refused",
                client_id="billing",
                reason="invalid_client: wrong secret",
                subject=where,
            )
        ]


def test_who_shows_no_credentials_leaves_one_event(world: World, protocol: str) -> None:
    """Nobody is named in it, and the reason says that there was nothing to judge."""
    call = CALLERS[protocol](world.grantd)
    for event, answer in (
        ("token.refused", call.issue(NOBODY, grant_type="client_credentials")),
        ("client.refused", call.introspect(NOBODY, "anything")),
        ("client.refused", call.revoke(NOBODY, "anything")),
    ):
        assert not answer.granted
        [told] = world.of(answer)
        assert (told["event"], told["outcome"]) == (event, "refused")
        assert "client_id" not in told
        assert str(told["reason"]).startswith("invalid_client: no client")


def test_what_changes_nothing_and_refuses_nobody_leaves_no_event(
    world: World, protocol: str
) -> None:
    """An answer about a token, and the end of a token that was not the caller's."""
    call = CALLERS[protocol](world.grantd)
    billing, other = world.clients["billing"], world.clients["other"]
    token = world.got(call.issue(billing, grant_type="client_credentials")).told["access_token"]

    assert world.of(call.introspect(billing, token)) == []
    assert world.of(call.revoke(other, token)) == []


def test_administration_tells_who_did_it(world: World) -> None:
    """The user of the operating system, whatever the environment says."""
    lying = {"USER": "mallory", "LOGNAME": "mallory"}
    before = len(world.lines)
    for command in (
        ("clients", "create", "--id", "brief"),
        ("clients", "disable", "brief"),
        ("clients", "delete", "brief"),
    ):
        done = world.grantd.run(*command, environment=lying)
        assert done.returncode == 0, done.stderr
        assert "mallory" not in done.stderr

    added = world.lines[before:]
    assert [line["event"] for line in added] == [
        "client.created",
        "client.changed",
        "client.deleted",
    ]
    for line in added:
        assert (line["protocol"], line["subject"], line["outcome"]) == ("cli", "brief", "changed")
        assert line["actor"].startswith("cli:")
        assert "request_id" not in line


def test_administration_over_grpc_tells_which_client_did_it_or_was_refused(world: World) -> None:
    """Each call leaves one event, under the request id of its reply."""
    issuer = CALLERS["http"](world.grantd)
    parameters = {"grant_type": "client_credentials", "scope": "grantd.admin.write"}
    token = world.got(issuer.issue(world.clients["operator"], **parameters)).told["access_token"]
    with grpc.insecure_channel(world.grantd.grpc_target, options=NO_PROXY) as channel:
        create = channel.unary_unary(
            "/grantd.admin.v1.ClientService/CreateClient",
            request_serializer=CreateClientRequest.SerializeToString,
            response_deserializer=CreateClientResponse.FromString,
        )
        message = CreateClientRequest(client=Client(client_id="remote", auth_methods=["none"]))
        bearer = (("authorization", f"Bearer {token}"),)
        reply, call = create.with_call(message, metadata=bearer, timeout=20)
        assert reply.client.client_id == "remote"
        done = Answer(dict(call.trailing_metadata())["x-request-id"], granted=True)
        with pytest.raises(grpc.RpcError) as error:
            create(message, metadata=(("authorization", "Bearer forged"),), timeout=20)
        trailing = dict(error.value.trailing_metadata())
        refused = Answer(trailing["x-request-id"], granted=False)

    assert world.of(done) == [
        seen("grpc", "client.created", "changed", actor="operator", subject="remote")
    ]
    assert world.of(refused) == [
        seen(
            "grpc",
            "client.refused",
            "refused",
            reason="invalid_token: not a token of this server",
            subject="administration",
        )
    ]


def test_a_commands_own_lines_never_stand_on_standard_output(world: World) -> None:
    """That is for its data: with `stdout` they go to standard error."""
    done = world.grantd.run("scopes", "create", "quiet", "--json")

    assert '"catalogue.changed"' in done.stderr
    assert "catalogue.changed" not in done.stdout


def test_every_place_has_the_same_lines(world: World) -> None:
    """Those of the server; what a command wrote is not on the server's standard output."""
    call = HttpCaller(world.grantd)
    for _ in range(3):
        world.got(call.issue(world.clients["billing"], grant_type="client_credentials"))

    written = world.lines
    served = [line for line in written if line.get("protocol") != "cli"]
    wait_until(lambda: audit_lines(world.grantd.log) == served)
    if world.grantd.store.startswith("redis"):
        wait_until(lambda: _sorted(audit_stream(world.grantd)) == _sorted(written))


def _sorted(lines: Sequence[Line]) -> list[str]:
    """Put lines of several processes in an order; in a file and a stream it may differ."""
    return sorted(json.dumps(line) for line in lines)


def test_every_line_is_as_the_manual_says(world: World) -> None:
    lines = world.lines

    assert len(lines) > 3
    require_as_documented(lines)


def test_no_secret_and_no_token_is_in_the_trail(world: World) -> None:
    """Nor in the log, also if somebody sends one in another's place."""
    call, billing = HttpCaller(world.grantd), world.clients["billing"]
    token = world.got(call.issue(billing, grant_type="client_credentials"))
    call.issue(RegisteredClient(billing.secret, billing.client_id), grant_type=billing.secret)
    call.issue(billing, grant_type="refresh_token", refresh_token=token.told["access_token"])
    call.introspect(RegisteredClient(token.told["refresh_token"], WRONG), "x")
    call.introspect(RegisteredClient(token.told["access_token"], WRONG), "x")

    secrets = [*(client.secret for client in world.clients.values()), *world.tokens]
    places = [world.grantd.log.read_text(), (world.grantd.folder / FILE).read_text()]
    if world.grantd.store.startswith("redis"):
        places.append(repr(audit_stream(world.grantd)))
    assert len(secrets) > 3
    for text in places:
        assert not any(secret in text or secret[-24:] in text for secret in secrets)


def test_a_file_that_was_moved_away_loses_no_line(world: World) -> None:
    """As logrotate does it, without a signal."""
    file, moved = world.grantd.folder / FILE, world.grantd.folder / f"{FILE}.1"
    call, billing = HttpCaller(world.grantd), world.clients["billing"]
    answers = [call.issue(billing, grant_type="client_credentials")]
    before = file.read_text()
    file.rename(moved)
    answers += [call.issue(billing, grant_type="client_credentials") for _ in range(3)]
    after = audit_lines(file)
    file.write_text(before + file.read_text())  # for whoever else reads it

    assert [line["request_id"] for line in after] == [it.request_id for it in answers[1:]]
    assert audit_lines(moved)[-1]["request_id"] == answers[0].request_id
    assert file.stat().st_mode & 0o777 == 0o600


class TestRequired:
    """With `audit_required` nothing happens that cannot be written down."""

    @pytest.fixture
    def strict(self, prepare_grantd: Callable[..., GrantdProcess], store: str) -> GrantdProcess:
        grantd = prepare_grantd(
            store, {"audit_log": f"./{FILE}", "audit_required": "true"}, grpc=True
        )
        self._write_to(grantd, "real.jsonl")
        return grantd.start()

    @staticmethod
    def _write_to(grantd: GrantdProcess, place: str) -> None:
        """Have the trail's file be another one, or the full disk that Linux has for tests."""
        aside = grantd.folder / "aside"
        aside.symlink_to(place)
        aside.replace(grantd.folder / FILE)

    def test_on_a_full_disk_nothing_is_granted_and_nothing_changes(
        self, strict: GrantdProcess
    ) -> None:
        """Over both protocols and from the command line, until there is room again."""
        strict.create_scopes("read")
        billing = strict.create_client("billing", *REFRESHING)
        impostor = RegisteredClient("billing", WRONG)
        callers = [make(strict) for make in CALLERS.values()]
        tokens = [caller.issue(billing, grant_type="client_credentials") for caller in callers]

        self._write_to(strict, "/dev/full")
        for caller, had in zip(callers, tokens, strict=True):
            token, successor = had.told["access_token"], had.told["refresh_token"]
            assert caller.issue(billing, grant_type="client_credentials").unavailable
            refreshing = {"grant_type": "refresh_token", "refresh_token": successor}
            assert caller.issue(billing, **refreshing).unavailable
            assert caller.issue(impostor, grant_type="client_credentials").unavailable
            assert caller.introspect(impostor, token).unavailable
            assert caller.revoke(billing, token).unavailable
            assert caller.introspect(billing, token).told["active"]
        command = strict.run("scopes", "create", "novel")
        assert command.returncode == 3
        assert "No space left on device" in command.stderr
        assert command.stderr.count("\n") == 1
        assert "novel" not in json.dumps(strict.require("scopes", "list"))
        logged = strict.log.read_text()
        assert logged.count("the audit trail cannot be written to") >= 2
        wait_until(lambda: strict.get("/readyz").status_code == 503)
        unwritable = {
            "name": "audit_trail",
            "state": "failing",
            "reason": "cannot be written",
        }
        assert unwritable in strict.get("/readyz").json()["probes"]

        self._write_to(strict, "real.jsonl")
        for caller, had in zip(callers, tokens, strict=True):
            refreshing = {"grant_type": "refresh_token"}
            refreshed = caller.issue(billing, **refreshing, refresh_token=had.told["refresh_token"])
            assert refreshed.granted
            assert caller.revoke(billing, had.told["access_token"]).granted
        lines = audit_lines(strict.folder / "real.jsonl")
        require_as_documented(lines)
        kinds = [line["event"] for line in lines]
        assert kinds.count("trail.resumed") == 2
        assert "trail.opened" in kinds

    def test_where_it_cannot_be_written_at_all_it_does_not_start(
        self, prepare_grantd: Callable[..., GrantdProcess]
    ) -> None:
        """The first start makes keys, which is a decision."""
        grantd = prepare_grantd(
            settings={"audit_log": "./no/such/folder.jsonl", "audit_required": "true"}
        )
        done = grantd.run("serve")

        assert done.returncode == 3
        assert done.stderr.splitlines()[-1] == (
            "grantd: The service cannot answer now. (the audit trail cannot be written to"
            " no/such/folder.jsonl: No such file or directory)"
        )


def test_a_stream_that_cannot_be_written_is_refused_if_it_is_required(
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """A Redis that answers and does not take the event is as bad as none."""
    grantd = prepare_grantd(
        "redis", {"audit_log": "redis", "audit_required": "true"}, grpc=True
    ).start()
    client = grantd.create_client("billing")
    with redis.Redis.from_url(grantd.store) as raw:
        raw.rename(STREAM, "aside")
        raw.set(STREAM, "not a stream")
        assert HttpCaller(grantd).issue(client, grant_type="client_credentials").unavailable
        assert GrpcCaller(grantd).issue(client, grant_type="client_credentials").unavailable
        raw.rename("aside", STREAM)
    for caller in (HttpCaller(grantd), GrpcCaller(grantd)):
        answer = caller.issue(client, grant_type="client_credentials")
        assert answer.granted
        assert audit_stream(grantd)[-1]["request_id"] == answer.request_id


def test_by_default_a_failing_trail_is_seen_and_stops_nobody(
    prepare_grantd: Callable[..., GrantdProcess],
) -> None:
    """One line in the log for the outage, and the gap told in the trail afterwards."""
    grantd = prepare_grantd(settings={"audit_log": f"./{FILE}"}).start()
    client = grantd.create_client("billing")
    file: Path = grantd.folder / FILE
    before = file.read_bytes()
    file.unlink()
    file.symlink_to("/dev/full")
    for _ in range(5):
        assert grantd.issue(client).status_code == 200
    file.unlink()
    file.write_bytes(before)
    os.chmod(file, 0o600)  # noqa: PTH101  (as grantd makes it)
    assert grantd.issue(client).status_code == 200

    *_, resumed, issued = audit_lines(file)
    assert resumed["event"] == "trail.resumed"
    assert resumed["change"].startswith("5 missing since ")
    assert issued["event"] == "token.issued"
    assert grantd.log.read_text().count("the audit trail cannot be written to audit.jsonl") == 1
