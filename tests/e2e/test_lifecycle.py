"""The running program from its first start to its last moment, and what outlives that."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path

import grpc
import jwt
import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.callers import Family, Journal, hammer
from support.free_ports import free_port
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.http_connection import HttpConnection, form_request, have_been_read
from support.oauth_replies import granted, introspected, refused
from support.polling import wait_until
from support.redis_server import RedisServer

StartGrantd = Callable[..., GrantdProcess]
PrepareGrantd = Callable[..., GrantdProcess]

REFRESHES = (
    *("--grant", "client_credentials", "--grant", "refresh_token"),
    "--issue-refresh-token",
)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that a test may mistreat."""
    server = RedisServer.start(tmp_path)
    yield server
    server.stop()


def is_active(server: GrantdProcess, caller: RegisteredClient, token: str) -> bool:
    active: bool = introspected(server.introspect(caller, token))["active"]
    return active


def accepts_connections(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def sockets_of(worker: psutil.Process, port: int, status: str) -> list[object]:
    return [
        one
        for one in worker.net_connections("tcp")
        if (one.status, one.laddr.port) == (status, port)
    ]


def issue_by_grpc(
    channel: grpc.Channel, client: RegisteredClient
) -> "grpc.Future[messages.IssueTokenResponse]":
    """Begin a call; the token is in its result."""
    request = messages.IssueTokenRequest(grant_type="client_credentials")
    metadata = basic(client.client_id, client.secret)
    return TokenServiceStub(channel).IssueToken.future(request, metadata=metadata, timeout=20)


def hammer_by_grpc(server: GrantdProcess, client: RegisteredClient, journal: Journal) -> None:
    """Refresh one family until the server takes no more calls."""
    metadata = basic(client.client_id, client.secret)
    with grpc.insecure_channel(server.grpc_target) as channel:
        issued = issue_by_grpc(channel, client).result()
        family = Family(issued.refresh_token, issued.access_token)
        journal.families.append(family)
        while True:
            request = messages.IssueTokenRequest(
                grant_type="refresh_token", refresh_token=family.newest
            )
            try:
                issued = TokenServiceStub(channel).IssueToken(
                    request, metadata=metadata, timeout=20
                )
            except grpc.RpcError as error:
                # gRPC cancels, unseen, what arrives while it shuts down (grpc/grpc#41785).
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}:
                    raise
                return
            family.newest = issued.refresh_token
            journal.rotations += 1


def assert_refuses_in_one_line(
    server: GrantdProcess, *arguments: str, status: int = 1, says: str
) -> None:
    done = server.run(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("grantd: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


class TestStart:
    def test_a_first_start_needs_nothing_and_a_restart_loses_nothing(
        self, store: str, prepare_grantd: PrepareGrantd
    ) -> None:
        """Tokens, families and revocations are there again; so are the keys."""
        server = prepare_grantd(store).start()
        server.create_scopes("orders.read")
        client = server.create_client("first", *REFRESHES, "--scope", "orders.read")
        kept = granted(server.issue(client, scope="orders.read"))
        assert kept["scope"] == "orders.read"
        spent = kept["refresh_token"]
        kept = granted(server.refresh(client, spent))
        revoked = granted(server.issue(client))
        assert server.revoke(client, revoked["access_token"]).status_code == 200
        ended = granted(server.issue(client))
        assert server.revoke(client, ended["refresh_token"]).status_code == 200
        keys = server.get("/.well-known/jwks.json").json()

        assert server.stop() == 0
        server.start()

        assert server.get("/.well-known/jwks.json").json() == keys
        assert is_active(server, client, kept["access_token"])
        assert not is_active(server, client, revoked["access_token"])
        assert not is_active(server, client, ended["access_token"])
        refused(server.refresh(client, ended["refresh_token"]), 400, "invalid_grant")
        newest = granted(server.refresh(client, kept["refresh_token"]))
        assert newest["scope"] == "orders.read"
        refused(server.refresh(client, spent), 400, "invalid_grant")
        assert not is_active(server, client, newest["access_token"])

    @pytest.mark.parametrize(("store", "starts"), [("sqlite", 20), ("redis", 5)])
    def test_many_first_starts_at_once_make_one_set_of_keys(
        self, store: str, starts: int, prepare_grantd: PrepareGrantd
    ) -> None:
        """One of them makes the keys and the others find them."""
        server = prepare_grantd(store)

        with ThreadPoolExecutor(starts) as pool:
            ends = list(pool.map(lambda _: server.run("keys", "list", "--json"), range(starts)))

        assert [end.stderr for end in ends if end.returncode != 0] == []
        found = {tuple(sorted(key["kid"] for key in json.loads(end.stdout))) for end in ends}
        assert len(found) == 1
        made = sorted(key.get("alg", key["purpose"]) for key in json.loads(ends[0].stdout))
        assert made == ["ES256", "RS256", "refresh-mac", "secret-pepper"]

    def test_a_second_server_on_a_taken_port_is_refused(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """Whichever of the two ports it is; SO_REUSEPORT does not let it slip in."""
        server = prepare_grantd(grpc=True).start()

        assert_refuses_in_one_line(server, "serve", says=f"127.0.0.1:{server.http_port}")
        elsewhere = f"127.0.0.1:{free_port()}"
        assert_refuses_in_one_line(
            server, "serve", "--http", elsewhere, says=f"127.0.0.1:{server.grpc_port}"
        )

        assert server.get("/livez").status_code == 200

    def test_a_database_without_its_key_file_refuses_and_makes_no_new_one(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """A new one would open nothing and hide what is missing."""
        server = prepare_grantd()
        keys = server.require("keys", "list")
        key_file = server.folder / "grantd.db.key"
        put_away = key_file.rename(server.folder / "put-away")

        for command in (("serve",), ("clients", "list")):
            assert_refuses_in_one_line(server, *command, says="grantd.db.key is missing")
            assert not key_file.exists()

        put_away.rename(key_file)
        assert server.require("keys", "list") == keys

    def test_a_wrong_master_key_is_refused(self, store: str, prepare_grantd: PrepareGrantd) -> None:
        """Before anything is served or written."""
        server = prepare_grantd(store)
        keys = server.require("keys", "list")
        right = server.folder / ("grantd.db.key" if store == "sqlite" else "master.key")
        other = prepare_grantd("redis").folder / "master.key"

        for command in (("serve",), ("clients", "list")):
            assert_refuses_in_one_line(
                server, *command, "--master-key-file", str(other), says="master key"
            )

        found = server.run("keys", "list", "--json", "--master-key-file", str(right))
        assert json.loads(found.stdout) == keys

    def test_a_redis_that_is_down_at_start_is_named(self, prepare_grantd: PrepareGrantd) -> None:
        """With the exit status that tells it from a refusal."""
        server = prepare_grantd(f"redis://127.0.0.1:{free_port()}/0")

        assert_refuses_in_one_line(server, "serve", status=3, says="Redis")
        assert_refuses_in_one_line(server, "clients", "list", status=3, says="Redis")

    @pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
    def test_a_signing_key_in_a_file_signs_and_is_published(
        self, prepare_grantd: PrepareGrantd, algorithm: str
    ) -> None:
        """The passphrase comes from a file; a wrong one is refused."""
        private = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        )
        server = prepare_grantd(
            "sqlite",
            {
                "signing_key_file": "signing.pem",
                "signing_key_passphrase_file": "passphrase",
                "signing_algorithm": algorithm,
            },
        )
        encryption = BestAvailableEncryption(b"open sesame")
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        (server.folder / "signing.pem").write_bytes(pem)
        passphrase = server.folder / "passphrase"
        passphrase.write_text("open barley\n")
        assert_refuses_in_one_line(server, "serve", says="signing.pem")
        passphrase.write_text("open sesame\n")

        server.start()
        client = server.create_client("one")
        token = granted(server.issue(client))["access_token"]

        key_set = jwt.PyJWKSet.from_dict(server.get("/.well-known/jwks.json").json())
        published = key_set[jwt.get_unverified_header(token)["kid"]]
        assert published.key.public_numbers() == private.public_key().public_numbers()
        claims = jwt.decode(
            token, published, algorithms=[algorithm], audience=server.url, issuer=server.url
        )
        assert claims["client_id"] == "one"
        assert is_active(server, client, token)

    def test_two_workers_share_each_port(self, prepare_grantd: PrepareGrantd) -> None:
        """Both answer, over both protocols, and with the same keys and clients."""
        server = prepare_grantd(grpc=True).start("--workers", "2")
        client = server.create_client("one")
        request = form_request(
            "/access_token", {"grant_type": "client_credentials"}, auth=client.basic
        )
        ports = {"http": server.http_port, "grpc": server.grpc_port}
        wait_until(  # one of each is enough for the server to be ready
            lambda: all(
                sum(
                    bool(sockets_of(worker, port, psutil.CONN_LISTEN))
                    for worker in server.workers(protocol)
                )
                == 2
                for protocol, port in ports.items()
            )
        )

        with ExitStack() as stack:
            for _ in range(40):
                connection = stack.enter_context(HttpConnection(server.http_port))
                reply = connection.exchange(request)
                assert reply is not None
                assert reply.status == 200
                alone = [("grpc.use_local_subchannel_pool", 1)]
                channel = grpc.insecure_channel(server.grpc_target, options=alone)
                assert issue_by_grpc(stack.enter_context(channel), client).result().access_token

            for protocol, port in ports.items():
                served = [
                    sockets_of(worker, port, psutil.CONN_ESTABLISHED)
                    for worker in server.workers(protocol)
                ]
                assert len(served) == 2
                assert all(served)
                assert len(served[0]) + len(served[1]) == 40


class TestDrain:
    @pytest.fixture(params=["sqlite", "redis"])
    def held_store(
        self, request: pytest.FixtureRequest, prepare_grantd: PrepareGrantd, own_redis: RedisServer
    ) -> tuple[GrantdProcess, Callable[[], AbstractContextManager[None]]]:
        """A server, and a way to keep its store from answering."""
        if request.param == "redis":
            return prepare_grantd(own_redis.url, grpc=True), lambda: _frozen(own_redis)
        server = prepare_grantd(grpc=True)
        return server, lambda: _locked(server.folder / "grantd.db.lock")

    def test_calls_that_wait_for_the_store_are_answered_after_SIGTERM(
        self, held_store: tuple[GrantdProcess, Callable[[], AbstractContextManager[None]]]
    ) -> None:
        """Over both protocols: no new connections, every call answered, status 0."""
        server, hold_store = held_store
        server.start()
        client = server.create_client("one", *REFRESHES)
        request = form_request(
            "/access_token", {"grant_type": "client_credentials"}, auth=client.basic
        )
        with ExitStack() as stack:
            connections = [stack.enter_context(HttpConnection(server.http_port)) for _ in range(4)]
            channel = stack.enter_context(grpc.insecure_channel(server.grpc_target))
            grpc.channel_ready_future(channel).result(timeout=10)

            with hold_store():
                for connection in connections:
                    connection.send(request)
                calls = [issue_by_grpc(channel, client) for _ in range(4)]
                # Streams of one connection are read in order, and this one needs no store.
                health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
                wait_until(lambda: have_been_read(server.http_port, 4))
                server.signal(signal.SIGTERM)
                wait_until(lambda: not accepts_connections(server.http_port))
                wait_until(lambda: not accepts_connections(server.grpc_port))

            replies = [connection.receive() for connection in connections]
            assert [reply.status if reply else None for reply in replies] == [200] * 4
            assert all(call.result().refresh_token for call in calls)
        assert server.wait() == 0

    def test_a_request_sent_half_is_answered_after_SIGTERM(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """The rest of its body is waited for."""
        server = prepare_grantd("sqlite").start()
        client = server.create_client("one")
        request = form_request(
            "/access_token", {"grant_type": "client_credentials"}, auth=client.basic
        )

        with HttpConnection(server.http_port) as connection:
            connection.send(request[:-10])
            wait_until(lambda: have_been_read(server.http_port, 1))
            server.signal(signal.SIGTERM)
            wait_until(lambda: not accepts_connections(server.http_port))
            time.sleep(0.5)  # a server that would not wait has hung up by now
            connection.send(request[-10:])
            reply = connection.receive()

        assert reply is not None
        assert reply.status == 200
        assert reply.json()["access_token"]
        assert server.wait() == 0

    def test_under_load_what_was_not_answered_was_not_done(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """No reply is cut, none is a failure, and a refresh token without a reply is not spent."""
        server = prepare_grantd(grpc=True).start()
        client = server.create_client("one", *REFRESHES)
        journals = [Journal() for _ in range(6)]

        with ThreadPoolExecutor(6) as pool:
            callers = [
                *(pool.submit(hammer, server.http_port, client, it) for it in journals[:4]),
                *(pool.submit(hammer_by_grpc, server, client, it) for it in journals[4:]),
            ]
            wait_until(lambda: all(journal.rotations > 40 for journal in journals))
            server.signal(signal.SIGTERM)
        for caller in callers:
            caller.result()
        assert server.wait() == 0

        server.start()
        for journal in journals:
            for family in journal.families:
                granted(server.refresh(client, family.newest))


@pytest.fixture(scope="module")
def serving(start_grantd: StartGrantd) -> tuple[GrantdProcess, RegisteredClient]:
    """A server whose workers may be killed."""
    server = start_grantd(grpc=True)
    return server, server.create_client("one")


class TestCrash:
    def test_what_was_acknowledged_survives_kill_9_of_everything(
        self, request: pytest.FixtureRequest, store: str, prepare_grantd: PrepareGrantd
    ) -> None:
        """Every revocation and every rotation that a caller was told of."""
        redis = request.getfixturevalue("own_redis") if store == "redis" else None
        server = prepare_grantd(redis.url if redis else "sqlite").start()
        client = server.create_client("one", *REFRESHES)
        journals = [Journal() for _ in range(4)]

        with ThreadPoolExecutor(4) as pool:
            callers = [pool.submit(hammer, server.http_port, client, it) for it in journals]
            wait_until(lambda: all(journal.rotations > 40 for journal in journals))
            server.kill()
            if redis is not None:
                redis.kill()
        for caller in callers:
            assert caller.exception() is None
        if redis is not None:
            redis.restart()
        server.start()

        for journal in journals:
            at_rest = [it for it in journal.families if it is not journal.under_way]
            assert len(at_rest) >= 3
            for token in journal.revoked:
                assert not is_active(server, client, token)
            for family in journal.families:
                assert not is_active(server, client, family.spent)
            for family in at_rest:
                assert is_active(server, client, family.access_token)
                granted(server.refresh(client, family.newest))

    @pytest.mark.parametrize("protocol", ["http", "grpc"])
    def test_a_killed_worker_is_replaced(
        self, serving: tuple[GrantdProcess, RegisteredClient], protocol: str
    ) -> None:
        """The other protocol does not notice, and the supervisor stays."""
        server, client = serving
        supervisor = server.pid
        (killed,) = server.workers(protocol)
        (other,) = server.workers({"http": "grpc", "grpc": "http"}[protocol])

        killed.kill()
        wait_until(lambda: server.workers(protocol) not in ([], [killed]))
        port = {"http": server.http_port, "grpc": server.grpc_port}[protocol]
        wait_until(lambda: accepts_connections(port))

        granted(server.issue(client))
        with grpc.insecure_channel(server.grpc_target) as channel:
            assert issue_by_grpc(channel, client).result().access_token
        assert other.is_running()
        assert server.pid == supervisor

    def test_workers_end_when_their_supervisor_is_killed(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """Nobody would restart them, or tell them to stop."""
        server = prepare_grantd(grpc=True).start()
        workers = [*server.workers("http"), *server.workers("grpc")]

        server.signal(signal.SIGKILL)
        server.wait()

        _, alive = psutil.wait_procs(workers, timeout=10)
        for worker in alive:
            worker.kill()
        assert alive == []
        assert not accepts_connections(server.http_port)
        assert not accepts_connections(server.grpc_port)


class TestStore:
    def test_four_servers_on_one_database_share_it_fairly(
        self, prepare_grantd: PrepareGrantd
    ) -> None:
        """None fails and none starves while all rotate and revoke as fast as they can."""
        first = prepare_grantd("sqlite")
        client = first.create_client("one", *REFRESHES, "--issuer", "http://127.0.0.1")
        shared = {"issuer": "http://127.0.0.1"}
        servers = [prepare_grantd(first.store, shared) for _ in range(4)]
        journals = [Journal() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(GrantdProcess.start, servers))

            end = time.monotonic() + 2.5
            callers = [
                pool.submit(hammer, servers[number % 4].http_port, client, journal, until=end)
                for number, journal in enumerate(journals)
            ]

        for caller in callers:
            caller.result()
        shares = [
            journals[number].rotations + journals[number + 4].rotations for number in range(4)
        ]
        assert min(shares) >= max(shares) / 8 > 0
        for number, journal in enumerate(journals):
            elsewhere = servers[(number + 1) % 4]
            assert not is_active(elsewhere, client, journal.revoked[-1])
            assert is_active(elsewhere, client, journal.families[0].access_token)
            granted(elsewhere.refresh(client, journal.families[0].newest))
        assert [server.stop() for server in servers] == [0] * 4

    def test_while_redis_is_away_nothing_is_decided_and_keys_are_served(
        self, own_redis: RedisServer, prepare_grantd: PrepareGrantd
    ) -> None:
        """It fails closed, says when to come again, and recovers by itself (D8)."""
        server = prepare_grantd(own_redis.url, grpc=True).start()
        client = server.create_client("one", *REFRESHES)
        issued = granted(server.issue(client))
        public = ("/.well-known/jwks.json", "/.well-known/oauth-authorization-server")
        documents = {path: server.get(path).content for path in public}

        own_redis.stop()

        for reply in (
            server.issue(client),
            server.refresh(client, issued["refresh_token"]),
            server.introspect(client, issued["access_token"]),
            server.revoke(client, issued["access_token"]),
        ):
            refused(reply, 503, "temporarily_unavailable")
            assert int(reply.headers["Retry-After"]) >= 1
        with grpc.insecure_channel(server.grpc_target) as channel:
            failure = issue_by_grpc(channel, client).exception()
            assert isinstance(failure, grpc.RpcError)
            assert failure.code() is grpc.StatusCode.UNAVAILABLE
        assert {path: server.get(path).content for path in public} == documents
        assert server.get("/livez").status_code == 200
        wait_until(lambda: server.get("/readyz").status_code == 503)

        own_redis.restart()

        wait_until(lambda: server.get("/readyz").status_code == 200)
        granted(server.issue(client))
        assert is_active(server, client, issued["access_token"])
        granted(server.refresh(client, issued["refresh_token"]))
        assert server.stop() == 0


@contextmanager
def _frozen(redis: RedisServer) -> Iterator[None]:
    redis.freeze()
    try:
        yield
    finally:
        redis.thaw()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that orders the writers of a database."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)
