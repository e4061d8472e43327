"""Messages to requests of the core, and its answers to messages.

An empty field counts as one left out (RFC 6749 §3.2). Messages hold secrets
and tokens, and their `repr` shows them: no message is ever logged.
"""

from functools import lru_cache
from typing import Final, assert_never

from domain.model.credentials import Presented
from domain.model.events import Origin
from domain.model.introspection import (
    ActiveAccessToken,
    ActiveRefreshToken,
    Inactive,
    Introspection,
)
from domain.model.tokens import AccessTokenClaims, IssuedToken
from domain.usecases.introspect_token import IntrospectionRequest
from domain.usecases.issue_token import TokenRequest
from domain.usecases.revoke_token import RevocationRequest
from grantd.v1.token_service_pb2 import (
    IntrospectTokenRequest,
    IntrospectTokenResponse,
    IssueTokenRequest,
    IssueTokenResponse,
    RevokeTokenRequest,
)

_REMEMBERED: Final = 4_096  # replies: whoever serves a resource asks of one token again and again


def to_token_request(
    message: IssueTokenRequest, credentials: Presented, origin: Origin
) -> TokenRequest:
    return TokenRequest(
        credentials=credentials,
        grant_type=message.grant_type or None,
        scope=tuple(message.scopes) or None,
        resources=tuple(filter(None, message.resources)),
        refresh_token=message.refresh_token or None,
        origin=origin,
    )


def from_issued_token(issued: IssuedToken) -> IssueTokenResponse:
    return IssueTokenResponse(
        access_token=issued.access_token,
        token_type=issued.token_type,
        expires_in=_whole_seconds(issued.expires_in.total_seconds()),
        scopes=issued.scope.values,
        refresh_token=issued.refresh_token,
    )


def to_introspection_request(
    message: IntrospectTokenRequest, credentials: Presented, origin: Origin
) -> IntrospectionRequest:
    return IntrospectionRequest(credentials=credentials, token=message.token or None, origin=origin)


def from_introspection(found: Introspection) -> IntrospectTokenResponse:
    match found:
        case Inactive():
            return IntrospectTokenResponse()
        case ActiveAccessToken(claims, token_type):
            return _told_of(claims, token_type)
        case ActiveRefreshToken(family, issuer):
            return IntrospectTokenResponse(
                active=True,
                scopes=family.scope.values,
                client_id=family.owner,
                expire_time=_whole_seconds(family.expires_at.timestamp()),
                issue_time=_whole_seconds(family.created_at.timestamp()),
                audiences=family.audience,
                issuer=issuer,
            )
        case _ as unreachable:
            assert_never(unreachable)


@lru_cache(_REMEMBERED)
def _told_of(claims: AccessTokenClaims, token_type: str) -> IntrospectTokenResponse:
    """Write what an active token claims. The message is shared, so nobody may change it."""
    return IntrospectTokenResponse(
        active=True,
        scopes=claims.scope.values,
        client_id=claims.client_id,
        token_type=token_type,
        expire_time=_whole_seconds(claims.expires_at.timestamp()),
        issue_time=_whole_seconds(claims.issued_at.timestamp()),
        subject=claims.subject,
        audiences=claims.audience,
        issuer=claims.issuer,
        token_id=claims.token_id,
        owner=claims.owner,
    )


def to_revocation_request(
    message: RevokeTokenRequest, credentials: Presented, origin: Origin
) -> RevocationRequest:
    return RevocationRequest(credentials=credentials, token=message.token or None, origin=origin)


def _whole_seconds(seconds: float) -> dict[str, int]:
    """Return what NumericDate would hold, so that both edges tell the same time.

    As the fields of a Timestamp or Duration, which protobuf takes in half the
    time that it needs for a `datetime`.
    """
    return {"seconds": int(seconds)}
