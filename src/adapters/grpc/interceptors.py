"""What every call goes through, whatever its method.

The one place of this edge where messages are parsed and refusals rendered.
gRPC would answer a message that it cannot parse with the text of an exception.
"""

import inspect
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from functools import partial
from ssl import PEM_cert_to_DER_cert
from time import perf_counter
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from adapters.client_certificate import read_client_certificate
from adapters.forwarded_addresses import ProxyHeader
from adapters.grpc.admission import Admission
from adapters.grpc.errors import render
from adapters.grpc.methods import CALLERS, NEEDED_SCOPES, Callers, endpoint_of, is_offered
from adapters.origin import bind_origin
from adapters.request_record import (
    UNOBSERVED,
    Ending,
    Endpoint,
    RequestObserver,
    RequestRecord,
    begin_record,
    note_outcome,
    request_ids,
)
from adapters.source_addresses import SourceAddresses
from domain.errors import GrantdError, Internal, InvalidRequest, Unavailable
from domain.model.certificates import ClientCertificate
from domain.model.events import Origin
from domain.model.identifiers import ClientId
from domain.model.scopes import ScopeToken
from domain.ports.entropy import Entropy

_TOO_LATE: Final = 0.005  # seconds; gRPC takes a deadline of zero for one of a millisecond

REQUEST_ID: Final = "x-request-id"

MAX_CALLS: Final = 1_000
MAX_STREAMS: Final = 200

_CANCELLED = grpc.StatusCode.CANCELLED.name
_AUTHORIZATION = "authorization"
_BEARER = "bearer"
_WITH_ADDRESS = frozenset({"ipv4", "ipv6"})

_log = logging.getLogger(__name__)
_origin: ContextVar[Origin] = ContextVar("origin")

# grpc leaves open what a method of any service takes and gives.
_Context = grpc.aio.ServicerContext[Any, Any]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # not generic at run time

_HANDLERS: Final[dict[tuple[bool, bool], Callable[..., _Handler]]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class Authorize(Protocol):
    """Judges the access token of who wants to administer, and tells who that is."""

    async def __call__(self, token: str | None, *, needs: ScopeToken) -> ClientId: ...


def current_origin() -> Origin:
    """Return where the call at hand came from."""
    return _origin.get()


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Admits calls of methods in the table, gives each an id, renders its refusal.

    Args:
        requests: Is told of every call that ends.

        authorize: Judges who calls a method of administration, before the
            method sees the call.

        sources: Tells where a call came from, if a proxy brought it.

        verifies_clients: Whether connections come with a client's certificate.

        calls: How many may be under way. A call counts from its message on:
            that is read first, so half-sent messages take no place.
            Checks of health are not among them: a busy worker is healthy.

        streams: How many may be open, beside those calls. They may stay as
            long as their connection.
    """

    def __init__(
        self,
        entropy: Entropy,
        *,
        authorize: Authorize,
        sources: SourceAddresses,
        verifies_clients: bool = False,
        requests: RequestObserver = UNOBSERVED,
        calls: int = MAX_CALLS,
        streams: int = MAX_STREAMS,
    ) -> None:
        self._new_id = request_ids(entropy)
        self._authorize = authorize
        self._sources = sources
        self._verifies_clients = verifies_clients
        self._requests = requests
        self._calls = Admission(calls)
        self._streams = Admission(streams)
        self._unbounded = Admission(math.inf)
        self._wrapped: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        method = handler_call_details.method
        if not is_offered(method):
            self._requests.turned_away(_unimplemented())
            return None
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            self._wrapped[method] = self._wrap(handler, method)
        return self._wrapped[method]

    async def settle(self, within: timedelta) -> None:
        """Wait for all work that was begun, its callers gone or not; cancel what takes longer."""
        await self._calls.settle(within)

    def _admission(self, handler: _Handler, method: str) -> Admission:
        if handler.response_streaming:
            return self._streams
        return self._unbounded if CALLERS[method] is Callers.ANYBODY else self._calls

    def _wrap(self, handler: _Handler, method: str) -> _Handler:
        admission = self._admission(handler, method)
        behaviour: Any = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        if (needs := NEEDED_SCOPES.get(CALLERS[method])) is not None:
            behaviour = self._authorized(behaviour, needs)
        endpoint = endpoint_of(method)
        read = handler.request_deserializer
        parse: Any = _parse_each if handler.request_streaming else _parse

        async def answer(body: object, context: _Context) -> object:
            async with self._call(context, admission, method, endpoint):
                return await admission.carry_through(behaviour(parse(read, body), context))

        async def stream(body: object, context: _Context) -> AsyncIterator[object]:
            async with self._call(context, admission, method, endpoint):
                with admission:
                    async for response in behaviour(parse(read, body), context):
                        yield response

        return _HANDLERS[handler.request_streaming, handler.response_streaming](
            stream if inspect.isasyncgenfunction(behaviour) else answer,
            None,
            handler.response_serializer,
        )

    def _authorized(self, behaviour: Any, needs: ScopeToken) -> Any:  # noqa: ANN401  (messages of any type)
        async def authorized(message: object, context: _Context) -> object:
            token = _bearer_token(context.invocation_metadata() or ())
            with bind_origin(current_origin()):
                actor = await self._authorize(token, needs=needs)
            with bind_origin(replace(current_origin(), actor=actor)):
                return await behaviour(message, context)

        return authorized

    @asynccontextmanager
    async def _call(
        self, context: _Context, admission: Admission, method: str, endpoint: Endpoint
    ) -> AsyncIterator[None]:
        request_id = self._new_id()
        address = self._sources.tell(_address(context.peer()), partial(_told_by_proxies, context))
        _origin.set(
            Origin(
                request_id=request_id,
                protocol="grpc",
                address=address,
                client_certificate=_certificate(context) if self._verifies_clients else None,
            )
        )
        record = begin_record(RequestRecord(request_id, "grpc", method, address, endpoint))
        context.set_trailing_metadata(((REQUEST_ID, request_id),))
        self._requests.began()
        try:
            async with self._refusing(context, admission, request_id):
                yield
            record.status = grpc.StatusCode.OK.name
        except grpc.aio.AbortError:
            record.status = context.code().name
            if record.outcome is Ending.OK:
                record.outcome = Ending.NOT_FOUND  # health says so of a service
            raise
        finally:
            if record.status == 0:
                record.status, record.outcome = _CANCELLED, Ending.CANCELLED
            self._requests.ended(record, seconds=perf_counter() - record.began)

    @asynccontextmanager
    async def _refusing(
        self, context: _Context, admission: Admission, request_id: str
    ) -> AsyncIterator[None]:
        try:
            await _require_time(context)
            if admission.is_full:
                await _refuse(context, Unavailable("too many calls under way"), request_id)
            yield
        except grpc.aio.AbortError:
            raise
        except GrantdError as refusal:
            if isinstance(refusal, Unavailable):
                _log.warning("unavailable in call %s: %s", request_id, refusal.detail)
            elif isinstance(refusal, Internal):
                _log.error("internal error in call %s", request_id, exc_info=refusal)
            await _refuse(context, refusal, request_id)
        except Exception:  # noqa: BLE001  (whatever it is, its text stays here)
            _log.exception("unexpected exception in call %s", request_id)
            await _refuse(context, Internal(), request_id)


def _unimplemented() -> RequestRecord:
    record = RequestRecord("", "grpc", "", "")
    record.status, record.outcome = grpc.StatusCode.UNIMPLEMENTED.name, Ending.NOT_FOUND
    return record


def _parse(read: Callable[[bytes], object], body: bytes) -> object:
    try:
        return read(body)
    except DecodeError as error:
        raise InvalidRequest(
            "not the message of this method", hint="the message cannot be parsed"
        ) from error


async def _parse_each(
    read: Callable[[bytes], object], bodies: AsyncIterator[bytes]
) -> AsyncIterator[object]:
    async for body in bodies:
        yield _parse(read, body)


def _bearer_token(metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
    """Read the access token of a call (RFC 6750 §2.1), None if something else is there.

    Raises:
        InvalidRequest: If there are two.
    """
    presented = [value for key, value in metadata if key == _AUTHORIZATION]
    if not presented:
        return None
    if len(presented) > 1:
        raise InvalidRequest("two authorizations", hint="authorization has to be given once")
    scheme, _, token = str(presented[0]).partition(" ")
    return token.strip(" ") if scheme.lower() == _BEARER else None


async def _require_time(context: _Context) -> None:
    """Refuse a call whose deadline is as good as past: nobody would read the answer."""
    remaining: float | None = context.time_remaining()
    if remaining is not None and remaining <= _TOO_LATE:
        note_outcome(Ending.DEADLINE_EXCEEDED)
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED)


async def _refuse(context: _Context, refusal: GrantdError, request_id: str) -> None:
    rendering = render(refusal)
    note_outcome(refusal.code)
    await context.abort(
        rendering.code,
        rendering.message,
        ((REQUEST_ID, request_id), *rendering.trailing_metadata),
    )


def _told_by_proxies(context: _Context, header: ProxyHeader) -> list[str]:
    metadata = context.invocation_metadata() or ()
    return [str(value) for key, value in metadata if key == header]


def _address(peer: str) -> str:
    """Return the host in gRPC's name of a peer, such as `ipv6:%5B::1%5D:50051`.

    The peer of a Unix domain socket has none.
    """
    kind, _, place = unquote(peer).partition(":")
    if kind not in _WITH_ADDRESS:
        return ""
    host, _, _ = place.rpartition(":")
    return host.strip("[]")


def _certificate(context: _Context) -> ClientCertificate | None:
    for pem in context.auth_context().get("x509_pem_cert", ()):
        return read_client_certificate(PEM_cert_to_DER_cert(pem.decode("ascii")))
    return None
