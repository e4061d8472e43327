"""Workers that are killed, hang, or cannot start, under a supervisor that stays or gives up."""

import json
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import psutil
import pytest

from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.grantd_process import GrantdProcess, RegisteredClient
from support.grpc_calls import basic
from support.http_connection import CutReply, HttpConnection, form_request
from support.polling import wait_until
from support.redis_server import RedisServer

PrepareGrantd = Callable[..., GrantdProcess]


_A_BREATH = 0.01


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path)
    yield server
    server.stop()


def clients_of(worker: psutil.Process, port: int) -> set[int]:
    """Return the ports at the other end of the connections that a worker serves."""
    return {
        one.raddr.port
        for one in worker.net_connections("tcp")
        if (one.status, one.laddr.port) == (psutil.CONN_ESTABLISHED, port)
    }


class HttpCaller:
    """Asks for tokens on one connection after the other, and writes down how it went."""

    def __init__(self, server: GrantdProcess, client: RegisteredClient) -> None:
        self._port = server.http_port
        self._request = form_request(
            "/access_token", {"grant_type": "client_credentials"}, auth=client.basic
        )
        self.connection = HttpConnection(self._port)
        self.answers = 0
        self.lost: list[int] = []
        self.ask()

    def ask(self) -> None:
        reply = None
        with suppress(CutReply):
            reply = self.connection.exchange(self._request)
        if reply is None:
            self.lost.append(self.connection.local_port)
            self.connection.close()
            self.connection = HttpConnection(self._port)
            return
        assert reply.status == 200
        self.answers += 1

    def close(self) -> None:
        self.connection.close()


class GrpcCaller:
    """The same over one channel, which finds a connection by itself."""

    def __init__(self, server: GrantdProcess, client: RegisteredClient) -> None:
        alone = [("grpc.use_local_subchannel_pool", 1)]
        self._channel = grpc.insecure_channel(server.grpc_target, options=alone)
        self._metadata = basic(client.client_id, client.secret)
        self.answers = 0
        self.lost = 0
        self.ask()

    def ask(self) -> None:
        request = messages.IssueTokenRequest(grant_type="client_credentials")
        try:
            TokenServiceStub(self._channel).IssueToken(request, metadata=self._metadata, timeout=20)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            self.lost += 1
        else:
            self.answers += 1

    def close(self) -> None:
        self._channel.close()


def repeat(caller: HttpCaller | GrpcCaller, until: threading.Event) -> None:
    while not until.is_set():
        caller.ask()
        time.sleep(_A_BREATH)


def wait_for_answers(callers: Sequence[HttpCaller | GrpcCaller]) -> None:
    """Return once every caller has had some more."""
    wanted = [caller.answers + 5 for caller in callers]
    wait_until(lambda: all(it.answers > n for it, n in zip(callers, wanted, strict=True)))


def knock(port: int, until: threading.Event) -> tuple[int, int]:
    """Open connection after connection; return how many were answered, and how many were not."""
    answered = lost = 0
    while not until.is_set():
        with HttpConnection(port) as connection:
            if connection.exchange(b"GET /livez HTTP/1.1\r\nHost: grantd\r\n\r\n") is None:
                lost += 1
            else:
                answered += 1
        time.sleep(_A_BREATH)
    return answered, lost


def test_of_workers_killed_under_load_only_their_own_requests_are_lost(
    prepare_grantd: PrepareGrantd,
) -> None:
    """One of two of each protocol: its connections end, each with the request in flight on it.

    What the kernel had accepted for the killed process and that had not taken
    yet is lost with it: SO_REUSEPORT gives each its own queue.
    """
    server = prepare_grantd(grpc=True).start("--workers", "2")
    client = server.create_client("one")
    with ExitStack() as stack:
        http: list[HttpCaller] = []
        over_grpc: list[GrpcCaller] = []

        def serve_several(protocol: str, port: int) -> bool:
            return all(len(clients_of(it, port)) > 1 for it in server.workers(protocol))

        while not serve_several("http", server.http_port):
            http.append(HttpCaller(server, client))
            stack.callback(http[-1].close)
        while not serve_several("grpc", server.grpc_port):
            over_grpc.append(GrpcCaller(server, client))
            stack.callback(over_grpc[-1].close)
        callers = (*http, *over_grpc)
        doomed, others = zip(server.workers("http"), server.workers("grpc"), strict=True)
        theirs = [
            clients_of(worker, port)
            for worker, port in zip(doomed, (server.http_port, server.grpc_port), strict=True)
        ]

        over = threading.Event()
        with ThreadPoolExecutor(len(callers) + 1) as pool:
            stack.callback(over.set)
            runs = [pool.submit(repeat, caller, over) for caller in callers]
            knocking = pool.submit(knock, server.http_port, over)
            wait_for_answers(callers)
            for worker in doomed:
                worker.kill()
            wait_until(
                lambda: all(
                    len(workers) == 2 and not set(workers) & set(doomed)
                    for workers in (server.workers("http"), server.workers("grpc"))
                )
            )
            wait_for_answers(callers)
            over.set()
        for run in runs:
            run.result()

        answered, unanswered = knocking.result()
        assert answered > 10
        in_the_queue = unanswered + sum(len(caller.lost) - 1 for caller in http if caller.lost)
        assert in_the_queue <= 2
        assert {caller.lost[0] for caller in http if caller.lost} == theirs[0]
        assert sum(caller.lost for caller in over_grpc) <= len(theirs[1])
        assert all(worker.is_running() for worker in others)
        log = server.log.read_text()
        assert log.count("worker died") == 2
    assert server.stop() == 0


def test_a_worker_that_dies_again_and_again_ends_the_service(
    prepare_grantd: PrepareGrantd,
) -> None:
    """With status 1 and a word on which it was: the other protocol must not hide it."""
    server = prepare_grantd(grpc=True).start()
    supervisor = psutil.Process(server.pid)

    def kill_the_grpc_worker() -> bool:
        if supervisor.status() == psutil.STATUS_ZOMBIE:
            return True
        with suppress(psutil.NoSuchProcess):
            for worker in server.workers("grpc"):
                worker.kill()
        return False

    wait_until(kill_the_grpc_worker, within=30)

    assert server.wait() == 1
    (why,) = [line for line in server.log.read_text().splitlines() if "giving up" in line]
    assert json.loads(why)["worker"] == "entrypoints.grpc_worker"


def test_a_worker_that_finds_no_store_is_waited_for(
    prepare_grantd: PrepareGrantd, own_redis: RedisServer
) -> None:
    """The others go on, and so does it once the store is there."""
    server = prepare_grantd(own_redis.url, grpc=True).start()
    own_redis.stop()
    (killed,) = server.workers("grpc")
    killed.kill()
    wait_until(lambda: server.log.read_text().count("worker cannot start without the store") >= 2)
    assert server.get("/livez").status_code == 200

    own_redis.restart()

    wait_until(server.is_ready)
    with grpc.insecure_channel(server.grpc_target) as channel:
        grpc.channel_ready_future(channel).result(timeout=20)
    assert server.stop() == 0


@pytest.fixture(scope="module")
def lone(start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    """A server of one worker, started where few files may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
    try:
        return start_grantd("sqlite")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.waits
def test_a_worker_that_hangs_is_replaced(lone: GrantdProcess) -> None:
    """It would hold its share of the connections for ever."""
    (hung,) = lone.workers("http")

    hung.suspend()

    wait_until(lambda: lone.workers("http") not in ([], [hung]), within=60)
    wait_until(lone.is_ready)
    assert "worker hangs" in lone.log.read_text()


def test_a_supervisor_that_is_stopped_for_a_while_stops_nobody(lone: GrantdProcess) -> None:
    """Its workers serve on, and are those that it finds when it goes on."""
    workers = lone.workers("http")

    lone.signal(signal.SIGSTOP)
    try:
        assert lone.is_ready()
    finally:
        lone.signal(signal.SIGCONT)

    assert lone.is_ready()
    assert lone.workers("http") == workers


def test_a_worker_has_room_for_its_connections(lone: GrantdProcess) -> None:
    """Whatever soft limit of open files its shell had."""
    (worker,) = lone.workers("http")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert worker.rlimit(psutil.RLIMIT_NOFILE)[0] >= min(hard, 16_384)
