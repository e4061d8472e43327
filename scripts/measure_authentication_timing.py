#!/usr/bin/env python3
"""Measure whether failed authentications can be told apart by their time.

An unknown client, a wrong secret, a disabled client and an expired secret are
sent in turn, in an order that changes, over one connection. Their replies have
to be equal in bytes but for `Date` and the request's id; their times are
printed, and what they mean is for the reader. The first case is measured
twice: what lies between its two lines is noise.

Starts a server of its own, with the limits on failures off; or takes one on
loopback by `--url` and `--credentials`, a JSON object of the cases and their
`[client_id, client_secret]`.
"""

import argparse
import asyncio
import base64
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from domain.model.clients import Client
from domain.model.identifiers import ClientId

GRANTD = str(Path(sys.executable).with_name("grantd"))
MOST_REQUESTS = 10_000

_UNKNOWN = "unknown client"
_AGAIN = "unknown client, again"
_WARM_UP = 30
_START_WITHIN = 30.0
_OWN_TO_EACH_REPLY = frozenset({"date", "x-request-id"})
_LONG_AGO = datetime(2001, 9, 9, tzinfo=UTC)

Credentials = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What of a reply has to be the same for every case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def main() -> int:
    arguments = _read_arguments()
    if arguments.url:
        cases = json.loads(arguments.credentials.read_bytes())
        given = {case: (client_id, secret) for case, (client_id, secret) in cases.items()}
        return _measure(arguments.url, given, arguments.requests)
    with tempfile.TemporaryDirectory() as folder, _serving(Path(folder)) as (url, credentials):
        return _measure(url, credentials, arguments.requests)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=400, help="of each case; 400 if left out")
    parser.add_argument("--url", default="", help="a server on loopback, its limits switched off")
    parser.add_argument("--credentials", type=Path, help="the cases, with --url")
    arguments = parser.parse_args()
    if not 0 < arguments.requests <= MOST_REQUESTS:
        parser.error(f"--requests is 1 to {MOST_REQUESTS}")
    if bool(arguments.url) is not bool(arguments.credentials):
        parser.error("--url and --credentials go together")
    if arguments.url and not _is_on_loopback(arguments.url):
        parser.error("--url has to be http on a loopback address: 127.0.0.1 or [::1]")
    return arguments


def _is_on_loopback(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, Credentials]]:
    """Serve with the limits off, and yield where, and what to authenticate with in vain."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{trial.getsockname()[1]}"
    environment = {
        "PATH": os.environ["PATH"],
        "GRANTD_STORE": f"sqlite:///{folder / 'grantd.db'}",
        "GRANTD_HTTP": address,
        "GRANTD_GRPC": "off",
        "GRANTD_ADMIN": "off",
        "GRANTD_FAILURES_PER_CLIENT_AND_SOURCE": "off",
        "GRANTD_FAILURES_PER_CLIENT": "off",
        "GRANTD_FAILURES_PER_SOURCE": "off",
    }
    credentials = _register(folder, environment)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603  (our own program)
            [GRANTD, "serve"], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_for(address, server)
            yield f"http://{address}", credentials
        finally:
            server.terminate()
            server.wait()


def _register(folder: Path, environment: Mapping[str, str]) -> Credentials:
    wanted = [
        {"client_id": "measured-wrong"},
        {"client_id": "measured-disabled"},
        {"client_id": "measured-expired"},
    ]
    made = subprocess.run(  # noqa: S603  (likewise)
        [GRANTD, "clients", "register", "-"],
        cwd=folder,
        env=environment,
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    wrong, disabled, expired = (
        (client["client_id"], client["client_secret"]) for client in json.loads(made.stdout)
    )
    asyncio.run(_change(folder / "grantd.db", ClientId(disabled[0]), _disabled))
    asyncio.run(_change(folder / "grantd.db", ClientId(expired[0]), _expired))
    prefix, secret_id, rest = wrong[1].split("_", 2)
    return {
        _UNKNOWN: ("measured-unknown", wrong[1]),
        "wrong secret": (wrong[0], f"{prefix}_{secret_id}_{rest[::-1]}"),
        "disabled client": disabled,
        "expired secret": expired,
    }


def _disabled(client: Client) -> Client:
    return replace(client, disabled=True)


def _expired(client: Client) -> Client:
    """Let its secret have expired, which nobody can register."""
    (secret,) = client.secrets
    return replace(client, secrets=(replace(secret, expires_at=_LONG_AGO),))


async def _change(database: Path, client_id: ClientId, change: Callable[[Client], Client]) -> None:
    opened = SqliteDatabase.open(database)
    try:
        clients = SqliteClientStore(opened)
        client = await clients.find(client_id)
        assert client is not None
        changed = replace(change(client), version=client.version + 1)
        await clients.replace(changed, seen=client.version)
    finally:
        await opened.close()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_WITHIN
    while server.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(address, timeout=1)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise SystemExit("grantd did not start")


def _measure(url: str, credentials: Credentials, requests: int) -> int:
    cases = {**credentials, **({_AGAIN: credentials[_UNKNOWN]} if _UNKNOWN in credentials else {})}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    times: dict[str, list[float]] = {case: [] for case in cases}
    replies: dict[Reply, set[str]] = {}
    order = list(cases)
    for place in range(_WARM_UP + requests):
        random.shuffle(order)
        for case in order:
            took, reply = _ask(connection, *cases[case])
            replies.setdefault(reply, set()).add(case)
            if place >= _WARM_UP:
                times[case].append(took)
    connection.close()
    _print_table(times)
    if len(replies) == 1:
        _say(
            f"\nAll replies are equal in bytes but for {' and '.join(sorted(_OWN_TO_EACH_REPLY))}."
        )
        return 0
    _say("\nThe replies differ:")
    for reply, of in replies.items():
        _say(f"  {', '.join(sorted(of))}: {reply}")
    return 1


def _ask(
    connection: http.client.HTTPConnection, client_id: str, secret: str
) -> tuple[float, Reply]:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    begun = time.perf_counter()
    connection.request("POST", "/access_token", b"grant_type=client_credentials", headers)
    response = connection.getresponse()
    body = response.read()
    took = time.perf_counter() - begun
    same = (pair for pair in response.getheaders() if pair[0].lower() not in _OWN_TO_EACH_REPLY)
    return took, Reply(response.status, tuple(same), body)


def _print_table(times: Mapping[str, Sequence[float]]) -> None:
    medians = {case: statistics.median(taken) for case, taken in times.items()}
    fastest = min(medians.values())
    _say("| case | requests | median | ratio to the fastest |")
    _say("| --- | ---: | ---: | ---: |")
    for case, median in medians.items():
        _say(f"| {case} | {len(times[case])} | {median * 1e6:.0f} µs | {median / fastest:.3f} |")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
