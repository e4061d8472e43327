"""Connections of a caller to a server under fault, over HTTP and over gRPC.

What goes wrong on them is an outcome like any other: nothing is raised,
nothing repeated, and the next question makes a connection anew if it has to.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc

from grantd.admin.v1 import client_service_pb2 as clients
from grantd.v1 import token_service_pb2 as messages
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.edges import NO_PROXY
from support.faults.history import Outcome
from support.grantd_process import RegisteredClient
from support.grpc_calls import basic
from support.http_connection import form_request

# Longer than a server takes to give up on its store, so that it is the server who tells.
PATIENCE = 15.0

_HOST = "127.0.0.1"
_REVOKE_ALL = "/grantd.admin.v1.ClientService/RevokeAllOfClient"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told.

    Attributes:
        said: The status and the error, as the protocol has them.
    """

    outcome: Outcome
    said: str
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    active: bool | None = None


class Line(Protocol):
    """One connection to one worker, for one caller."""

    name: str

    async def issue(self, client: RegisteredClient) -> Answer: ...

    async def refresh(self, client: RegisteredClient, token: str) -> Answer: ...

    async def introspect(self, client: RegisteredClient, token: str) -> Answer: ...

    async def revoke(self, client: RegisteredClient, token: str) -> Answer: ...

    async def close(self) -> None: ...


class HttpLine:
    """A connection that is kept as long as it can be."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self._port = port
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def issue(self, client: RegisteredClient) -> Answer:
        return await self._ask("/access_token", client, grant_type="client_credentials")

    async def refresh(self, client: RegisteredClient, token: str) -> Answer:
        return await self._ask(
            "/access_token", client, grant_type="refresh_token", refresh_token=token
        )

    async def introspect(self, client: RegisteredClient, token: str) -> Answer:
        return await self._ask("/introspect", client, token=token)

    async def revoke(self, client: RegisteredClient, token: str) -> Answer:
        return await self._ask("/revoke", client, token=token)

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _ask(self, path: str, client: RegisteredClient, **form: str) -> Answer:
        request = form_request(path, form, auth=client.basic)
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE):
                    status, body = await self._exchange(request)
            except (OSError, EOFError, TimeoutError) as error:
                await self.close()
                return Answer(Outcome.UNKNOWN, type(error).__name__)
        return _read_reply(status, body)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(_HOST, self._port)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection") == "close":
            await self.close()
        return int(lines[0].split()[1]), body


def _read_reply(status: int, body: bytes) -> Answer:
    told: Mapping[str, Any] = json.loads(body) if body else {}
    if status == 200:
        return Answer(
            Outcome.DONE,
            "200",
            access_token=told.get("access_token", ""),
            refresh_token=told.get("refresh_token", ""),
            active=told.get("active"),
        )
    said = f"{status} {told.get('error', '')}"
    if said == "400 invalid_grant":
        return Answer(Outcome.REFUSED, said)
    return Answer(Outcome.UNKNOWN if status == 503 else Outcome.WRONG, said)


class GrpcLine:
    """A channel that shares its connection with no other."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self._channel = grpc.aio.insecure_channel(f"{_HOST}:{port}", options=_OPTIONS)
        self._stub: Any = TokenServiceStub(self._channel)
        self._revoke_all = self._channel.unary_unary(
            _REVOKE_ALL,
            request_serializer=clients.RevokeAllOfClientRequest.SerializeToString,
            response_deserializer=clients.RevokeAllOfClientResponse.FromString,
        )

    async def issue(self, client: RegisteredClient) -> Answer:
        request = messages.IssueTokenRequest(grant_type="client_credentials")
        return await self._ask(self._stub.IssueToken, request, client)

    async def refresh(self, client: RegisteredClient, token: str) -> Answer:
        request = messages.IssueTokenRequest(grant_type="refresh_token", refresh_token=token)
        return await self._ask(self._stub.IssueToken, request, client)

    async def introspect(self, client: RegisteredClient, token: str) -> Answer:
        request = messages.IntrospectTokenRequest(token=token)
        return await self._ask(self._stub.IntrospectToken, request, client)

    async def revoke(self, client: RegisteredClient, token: str) -> Answer:
        request = messages.RevokeTokenRequest(token=token)
        return await self._ask(self._stub.RevokeToken, request, client)

    async def end_client(self, client: RegisteredClient, administrator: str) -> Answer:
        """Revoke everything of a client, as whoever holds an administrator's token."""
        metadata = (("authorization", f"Bearer {administrator}"),)
        request = clients.RevokeAllOfClientRequest(client_id=client.client_id)
        return await _call(self._revoke_all(request, metadata=metadata, timeout=PATIENCE))

    async def close(self) -> None:
        await self._channel.close()

    async def _ask(
        self, method: Callable[..., Awaitable[Any]], request: object, client: RegisteredClient
    ) -> Answer:
        metadata = basic(client.client_id, client.secret)
        return await _call(method(request, metadata=metadata, timeout=PATIENCE))


async def _call(call: Awaitable[Any]) -> Answer:
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        said = f"{error.code().name} {error.details()}"
        reason = _reason(error)
        if reason == "INVALID_GRANT":
            return Answer(Outcome.REFUSED, f"{error.code().name} {reason}")
        return Answer(Outcome.UNKNOWN if error.code() in _TELLS_NOTHING else Outcome.WRONG, said)
    return Answer(
        Outcome.DONE,
        "OK",
        access_token=getattr(reply, "access_token", ""),
        refresh_token=getattr(reply, "refresh_token", ""),
        active=getattr(reply, "active", None),
    )


def _reason(error: grpc.aio.AioRpcError) -> str:
    """Return our code of a refusal; its name stands readable in the status of google.rpc."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return "INVALID_GRANT" if b"INVALID_GRANT" in bytes(details) else ""


_TELLS_NOTHING = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)
_OPTIONS = (
    *NO_PROXY,
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 300),
)
