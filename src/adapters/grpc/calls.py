"""Every call from its first byte to its end, whatever its method.

The one place of this edge where messages are parsed and refusals rendered.
gRPC would answer a message that it cannot parse with the text of an exception.
"""

import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any, Final, Never, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from adapters.grpc.admission import Admission
from adapters.grpc.authorization import Authorize, authorized
from adapters.grpc.errors import CallEnded, Rendering, render
from adapters.grpc.message_deadline import MESSAGE_WAIT, Context, MessageDeadline
from adapters.grpc.methods import CALLERS, NEEDED_SCOPES, Callers, endpoint_of, is_offered
from adapters.grpc.peers import address_in, certificate_of
from adapters.grpc.service_methods import Call, Metadata, Method
from adapters.request_record import (
    UNOBSERVED,
    Ending,
    Endpoint,
    Outcome,
    RequestObserver,
    RequestRecord,
    begin_record,
    request_ids,
)
from adapters.source_addresses import SourceAddresses
from domain.errors import GrantdError, Internal, InvalidRequest, Overloaded, Unavailable
from domain.model.events import Origin
from domain.ports.entropy import Entropy

MAX_CALLS: Final = 256
MAX_STREAMS: Final = 200

REQUEST_ID: Final = "x-request-id"

_PROTOCOL: Final = "grpc"
_TOO_LATE: Final = 0.005  # seconds; gRPC takes a deadline of zero for one of a millisecond

_OK: Final = grpc.StatusCode.OK.name
_CANCELLED: Final = grpc.StatusCode.CANCELLED.name

_log = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[bytes, Metadata, Context], Awaitable[bytes]]
"""Answers a call that has one message by one reply."""

Trace: TypeAlias = Callable[[str, Answer], Answer]
"""Puts what traces calls before what answers those of a path."""


def untraced(_path: str, answer: Answer) -> Answer:
    return answer


class Calls(grpc.GenericRpcHandler):
    """Has each call answered by its method if the closed table offers that, and observed.

    What is the same for all calls of a method is settled at start. What is
    left to do for one can be read from top to bottom in `_answer`.

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

        message_wait: How many seconds a caller has for sending its message.
    """

    def __init__(
        self,
        methods: Iterable[Method],
        entropy: Entropy,
        *,
        authorize: Authorize,
        sources: SourceAddresses,
        verifies_clients: bool = False,
        requests: RequestObserver = UNOBSERVED,
        calls: int = MAX_CALLS,
        streams: int = MAX_STREAMS,
        message_wait: float = MESSAGE_WAIT,
        trace: Trace = untraced,
    ) -> None:
        self._new_id = request_ids(entropy)
        self._authorize = authorize
        self._sources = sources
        self._verifies_clients = verifies_clients
        self._requests = requests
        self._calls = Admission(calls)
        self._streams = Admission(streams)
        self._unbounded = Admission(math.inf)
        self._deadline = MessageDeadline(wait=message_wait)
        self._trace = trace
        self._handlers = {
            method.path: self._handler(method) for method in methods if is_offered(method.path)
        }

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        handler = self._handlers.get(handler_call_details.method)
        if handler is None:
            self._requests.turned_away(_unimplemented())
            return None
        return handler(handler_call_details.invocation_metadata)

    async def settle(self, within: timedelta) -> None:
        """Wait for all work that was begun, its callers gone or not; cancel what takes longer."""
        await self._calls.settle(within)

    def _handler(self, method: Method) -> "Callable[[Metadata], _Answered | _Streamed]":
        callers, behave = CALLERS[method.path], method.behave
        if (needs := NEEDED_SCOPES.get(callers)) is not None:
            behave = authorized(behave, self._authorize, needs=needs)
        served = _Served(
            method.path,
            endpoint_of(method.path),
            self._admission(method, callers),
            partial(_parse_each if method.streamed_in else _parse, method.read),
            behave,
            method.write,
        )
        if method.streamed_out:
            deadline = None if method.streamed_in else self._deadline
            return partial(_Streamed, deadline, partial(self._stream, served))
        return partial(
            _Answered, self._deadline, self._trace(method.path, partial(self._answer, served))
        )

    def _admission(self, method: Method, callers: Callers) -> Admission:
        if method.streamed_out:
            return self._streams
        return self._unbounded if callers is Callers.ANYBODY else self._calls

    async def _answer(
        self, served: "_Served", body: bytes, metadata: Metadata, context: Context
    ) -> bytes:
        call = self._begin(served, metadata, context)
        try:
            _require_time(context)
            _require_room(served.admission)
            work = served.behave(served.parse(body), call)
            reply = served.write(await served.admission.carry_through(work))
            call.record.status = _OK
        except Exception as failure:  # noqa: BLE001  (whatever it is, its text stays here)
            await _refuse(failure, call.record, context)
        finally:
            self._end(call.record)
        return reply

    async def _stream(
        self, served: "_Served", sent: object, metadata: Metadata, context: Context
    ) -> AsyncIterator[bytes]:
        call = self._begin(served, metadata, context)
        try:
            _require_time(context)
            _require_room(served.admission)
            with served.admission:
                async for reply in served.behave(served.parse(sent), call):
                    yield served.write(reply)
            call.record.status = _OK
        except Exception as failure:  # noqa: BLE001  (likewise)
            await _refuse(failure, call.record, context)
        finally:
            self._end(call.record)

    def _begin(self, served: "_Served", metadata: Metadata, context: Context) -> Call:
        request_id = self._new_id()
        address = self._sources.tell(
            address_in(context.peer()),
            lambda header: [str(value) for key, value in metadata if key == header],
        )
        origin = Origin(
            request_id=request_id,
            protocol=_PROTOCOL,
            address=address,
            client_certificate=certificate_of(context) if self._verifies_clients else None,
        )
        record = begin_record(
            RequestRecord(request_id, _PROTOCOL, served.path, address, served.endpoint)
        )
        context.set_trailing_metadata(((REQUEST_ID, request_id),))
        self._requests.began()
        return Call(origin, metadata, record)

    def _end(self, record: RequestRecord) -> None:
        if not record.status:
            record.status, record.outcome = _CANCELLED, Ending.CANCELLED
        self._requests.ended(record, seconds=perf_counter() - record.began)


@dataclass(frozen=True, slots=True)
class _Served:
    """A method as it is served."""

    path: str
    endpoint: Endpoint
    admission: Admission
    parse: Callable[[Any], Any]
    behave: Callable[..., Any]
    write: Callable[[Any], bytes]


class _Answered(grpc.RpcMethodHandler):  # type: ignore[type-arg]  # not generic at run time
    """Handles one call that has one message and one reply.

    To grpc its method is one of streams, so that the message can be waited
    for here, and both are bytes, so that they are read and written here.
    """

    request_streaming, response_streaming = True, False
    request_deserializer = response_serializer = None

    __slots__ = ("_answer", "_deadline", "_metadata")

    def __init__(self, deadline: MessageDeadline, answer: Answer, metadata: Metadata) -> None:
        self._deadline = deadline
        self._answer = answer
        self._metadata = metadata

    # The stubs know methods of synchronous servers alone.
    async def stream_unary(  # type: ignore[override]
        self, _bodies: object, context: Context
    ) -> bytes:
        body = await self._deadline.message(context)
        return await self._answer(body, self._metadata, context)


class _Streamed(grpc.RpcMethodHandler):  # type: ignore[type-arg]  # likewise
    """Handles one call whose replies are streamed, as its messages are if it has no deadline."""

    request_streaming, response_streaming = True, True
    request_deserializer = response_serializer = None

    __slots__ = ("_deadline", "_metadata", "_stream")

    def __init__(
        self,
        deadline: MessageDeadline | None,
        stream: Callable[[object, Metadata, Context], AsyncIterator[bytes]],
        metadata: Metadata,
    ) -> None:
        self._deadline = deadline
        self._stream = stream
        self._metadata = metadata

    async def stream_stream(  # type: ignore[override]  # likewise
        self, bodies: object, context: Context
    ) -> AsyncIterator[bytes]:
        sent = bodies if self._deadline is None else await self._deadline.message(context)
        async for reply in self._stream(sent, self._metadata, context):
            yield reply


def _unimplemented() -> RequestRecord:
    record = RequestRecord("", _PROTOCOL, "", "")
    record.status, record.outcome = grpc.StatusCode.UNIMPLEMENTED.name, Ending.NOT_FOUND
    return record


def _require_time(context: Context) -> None:
    """Refuse a call whose deadline is as good as past: nobody would read the answer."""
    remaining: float | None = context.time_remaining()
    if remaining is not None and remaining <= _TOO_LATE:
        raise CallEnded(grpc.StatusCode.DEADLINE_EXCEEDED, Ending.DEADLINE_EXCEEDED)


def _require_room(admission: Admission) -> None:
    if admission.is_full:
        raise Overloaded("too many calls under way")


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


async def _refuse(failure: Exception, record: RequestRecord, context: Context) -> Never:
    """End a call by what *failure* is to its caller, and note that once it is sent."""
    outcome: Outcome
    if isinstance(failure, CallEnded):
        outcome, rendering = failure.outcome, Rendering(failure.code, "")
    else:
        refusal = _as_refusal(failure, record.request_id)
        outcome, rendering = refusal.code, render(refusal)
    try:
        await context.abort(
            rendering.code,
            rendering.message,
            ((REQUEST_ID, record.request_id), *rendering.trailing_metadata),
        )
    except grpc.aio.AbortError:
        record.status, record.outcome = rendering.code.name, outcome
        raise


def _as_refusal(failure: Exception, request_id: str) -> GrantdError:
    """Return what the caller is told, and tell the operator what it is not."""
    if not isinstance(failure, GrantdError):
        _log.error("unexpected exception in call %s", request_id, exc_info=failure)
        return Internal()
    if isinstance(failure, Overloaded):
        return failure  # there are many, and the request log has each
    if isinstance(failure, Unavailable):
        _log.warning("unavailable in call %s: %s", request_id, failure.detail)
    elif isinstance(failure, Internal):
        _log.error("internal error in call %s", request_id, exc_info=failure)
    return failure
