"""The methods of services: how each reads what it is sent, answers it and writes its reply."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from adapters.grpc.methods import is_offered
from adapters.request_record import RequestRecord
from domain.model.events import Origin

Metadata: TypeAlias = Sequence[tuple[str, str | bytes]]

AUTHORIZATION: Final = "authorization"


@dataclass(slots=True, eq=False)
class Call:
    """What a method is told of a call beside its message."""

    origin: Origin
    metadata: Metadata
    record: RequestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method.

    Attributes:
        path: `/`, the full name of its service, `/` and its own.

        behave: Takes a message and a `Call`, and is awaited for the reply.
            Takes an iterator of messages if they are *streamed_in*, and is an
            iterator of replies if those are *streamed_out*.
    """

    path: str
    behave: Callable[..., Any]
    read: Callable[[bytes], Any]
    write: Callable[[Any], bytes]
    streamed_in: bool
    streamed_out: bool


def methods_of(
    service: ServiceDescriptor, behaviours: Mapping[str, Callable[..., Any]]
) -> Iterator[Method]:
    """Yield the methods of *service* that are offered, each with the behaviour of its name.

    Raises:
        KeyError: If one has none.
    """
    for method in service.methods:
        path = f"/{service.full_name}/{method.name}"
        if is_offered(path):
            yield Method(
                path=path,
                behave=behaviours[method.name],
                read=GetMessageClass(method.input_type).FromString,
                write=GetMessageClass(method.output_type).SerializeToString,
                streamed_in=method.client_streaming,
                streamed_out=method.server_streaming,
            )
