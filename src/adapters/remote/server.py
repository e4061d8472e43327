"""A connection to a running server, and the tokens that open its administration."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote_plus

import grpc
from google.protobuf.message import Message

from adapters.remote.refusals import refusal_of
from domain.model.administration import ADMIN_READ, ADMIN_WRITE
from domain.model.clients import GrantType
from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId
from domain.model.scopes import ScopeToken
from grantd.v1.token_service_pb2 import IssueTokenRequest, IssueTokenResponse

R = TypeVar("R", bound=Message)

_SECONDS_FOR_A_CALL: Final = 15.0
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _LARGEST_ANSWER),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),  # what was done twice was not asked for twice
)

_Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetTls:
    """What a connection over TLS is opened with, in PEM.

    Attributes:
        authorities: Whom to trust; the public ones that gRPC knows if left out.

        certificate: What to show, with its key, if anything.
    """

    authorities: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.authorities, self.key, self.certificate)


class RemoteServer:
    """Calls methods of a server in the name of a client that may administer it.

    It asks for a token of the one scope that a method needs, once.
    """

    def __init__(
        self, channel: grpc.aio.Channel, target: str, client_id: ClientId, secret: ClientSecret
    ) -> None:
        self._channel = channel
        self._target = target
        self._client_id = client_id
        self._secret = secret
        self._tokens: dict[ScopeToken, str] = {}

    async def read(self, method: str, request: Message, answer: type[R]) -> R:
        """Call a method of `grantd.admin.v1` that only shows.

        Raises:
            GrantdError: What the server raised; `Unavailable` if there is none.
        """
        return await self._administer(method, request, answer, ADMIN_READ)

    async def write(self, method: str, request: Message, answer: type[R]) -> R:
        """Call one that changes something.

        Raises:
            GrantdError: As `read` does.
        """
        return await self._administer(method, request, answer, ADMIN_WRITE)

    async def _administer(
        self, method: str, request: Message, answer: type[R], scope: ScopeToken
    ) -> R:
        caller = (("authorization", f"Bearer {await self._token(scope)}"),)
        return await self._call(f"/grantd.admin.v1.{method}", request, answer, caller)

    async def _token(self, scope: ScopeToken) -> str:
        if scope not in self._tokens:
            issued = await self._call(
                "/grantd.v1.TokenService/IssueToken",
                IssueTokenRequest(grant_type=GrantType.CLIENT_CREDENTIALS, scopes=[scope]),
                IssueTokenResponse,
                _basic(self._client_id, self._secret),
            )
            self._tokens[scope] = issued.access_token
        return self._tokens[scope]

    async def _call(self, method: str, request: Message, answer: type[R], caller: _Metadata) -> R:
        call = self._channel.unary_unary(
            method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            answered: R = await call(request, metadata=caller, timeout=_SECONDS_FOR_A_CALL)
        except grpc.aio.AioRpcError as error:
            raise refusal_of(error, target=self._target) from error
        return answered


@asynccontextmanager
async def connect(
    target: str,
    client_id: ClientId,
    secret: ClientSecret,
    *,
    tls: TargetTls | None = None,
) -> AsyncIterator[RemoteServer]:
    """Speak with the server at *target*, in the clear if without *tls*."""
    channel = (
        grpc.aio.insecure_channel(target, options=_OPTIONS)
        if tls is None
        else grpc.aio.secure_channel(target, tls.credentials(), options=_OPTIONS)
    )
    async with channel:
        yield RemoteServer(channel, target, client_id, secret)


def _basic(client_id: ClientId, secret: ClientSecret) -> _Metadata:
    """Write HTTP Basic, both halves form-encoded (RFC 6749 §2.3.1)."""
    userpass = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}".encode()
    return (("authorization", f"Basic {b64encode(userpass).decode()}"),)
