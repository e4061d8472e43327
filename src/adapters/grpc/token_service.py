"""`grantd.v1.TokenService`: a message in, a use case, a message out."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from adapters.grpc import client_auth, mapping
from adapters.grpc.interceptors import current_origin
from adapters.request_record import note_grant, note_introspection
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

SERVICE_NAME: str = DESCRIPTOR.services_by_name["TokenService"].full_name

Context = grpc.aio.ServicerContext[Any, Any]


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

    def handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "IssueToken": grpc.unary_unary_rpc_method_handler(
                    self.issue, IssueTokenRequest.FromString, IssueTokenResponse.SerializeToString
                ),
                "IntrospectToken": grpc.unary_unary_rpc_method_handler(
                    self.introspect,
                    IntrospectTokenRequest.FromString,
                    IntrospectTokenResponse.SerializeToString,
                ),
                "RevokeToken": grpc.unary_unary_rpc_method_handler(
                    self.revoke,
                    RevokeTokenRequest.FromString,
                    RevokeTokenResponse.SerializeToString,
                ),
            },
        )

    async def issue(self, message: IssueTokenRequest, context: Context) -> IssueTokenResponse:
        note_grant(message.grant_type)
        request = mapping.to_token_request(
            message, self._credentials(message, context), current_origin()
        )
        issued = await self._issue_token(request)
        return mapping.from_issued_token(issued)

    async def introspect(
        self, message: IntrospectTokenRequest, context: Context
    ) -> IntrospectTokenResponse:
        request = mapping.to_introspection_request(
            message, self._credentials(message, context), current_origin()
        )
        found = await self._introspect_token(request)
        note_introspection(active=is_active(found))
        return mapping.from_introspection(found)

    async def revoke(self, message: RevokeTokenRequest, context: Context) -> RevokeTokenResponse:
        request = mapping.to_revocation_request(
            message, self._credentials(message, context), current_origin()
        )
        await self._revoke_token(request)
        return RevokeTokenResponse()

    def _credentials(
        self,
        message: IssueTokenRequest | IntrospectTokenRequest | RevokeTokenRequest,
        context: Context,
    ) -> Presented:
        return client_auth.present(
            context.invocation_metadata() or (),
            message,
            allow_fields=self._allow_credentials_in_message,
        )
