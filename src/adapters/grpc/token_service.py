"""`grantd.v1.TokenService`: a message in, a use case, a message out."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from adapters.grpc import mapping
from adapters.grpc.client_auth import CredentialFields, present
from adapters.grpc.service_methods import Call, Method, methods_of
from domain.model.credentials import Presented
from domain.model.introspection import Introspection, is_active
from domain.model.tokens import IssuedToken
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from domain.usecases.revoke_token import RevocationRequest
from grantd.v1.token_service_pb2 import (
    DESCRIPTOR,
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    IssueTokenResponse,
    RevokeTokenRequest,
    RevokeTokenResponse,
)

SERVICE: Final = DESCRIPTOR.services_by_name["TokenService"]


class TokenService:
    """Answers the calls of the service.

    Args:
        allow_credentials_in_message: Whether a client may put its secret into
            the request instead of call metadata.
    """

    def __init__(
        self,
        *,
        issue_token: Callable[[TokenRequest], Awaitable[IssuedToken]],
        introspect_token: Callable[[IntrospectionRequest], Awaitable[Introspection]],
        revoke_token: Callable[[RevocationRequest], Awaitable[None]],
        allow_credentials_in_message: bool = True,
    ) -> None:
        self._issue_token = issue_token
        self._introspect_token = introspect_token
        self._revoke_token = revoke_token
        self._allow_credentials_in_message = allow_credentials_in_message

    def methods(self) -> Iterator[Method]:
        return methods_of(
            SERVICE,
            {
                "IssueToken": self.issue,
                "IntrospectToken": self.introspect,
                "RevokeToken": self.revoke,
            },
        )

    async def issue(self, message: IssueTokenRequest, call: Call) -> IssueTokenResponse:
        call.record.grant_type = message.grant_type
        presented = self._presented(message, call)
        issued = await self._issue_token(mapping.to_token_request(message, presented, call.origin))
        return mapping.from_issued_token(issued)

    async def introspect(
        self, message: IntrospectTokenRequest, call: Call
    ) -> IntrospectTokenResponse:
        presented = self._presented(message, call)
        found = await self._introspect_token(
            mapping.to_introspection_request(message, presented, call.origin)
        )
        call.record.active = is_active(found)
        return mapping.from_introspection(found)

    async def revoke(self, message: RevokeTokenRequest, call: Call) -> RevokeTokenResponse:
        presented = self._presented(message, call)
        await self._revoke_token(mapping.to_revocation_request(message, presented, call.origin))
        return RevokeTokenResponse()

    def _presented(self, message: CredentialFields, call: Call) -> Presented:
        return present(call.metadata, message, allow_fields=self._allow_credentials_in_message)
