"""Every refusal, in one tree, each with the code its RFC gives it.

GrantdError                     never raised itself
├── InvalidRequest              invalid_request          RFC 6749 §5.2
│   ├── UnsupportedMediaType    the same, HTTP 415       RFC 9110 §15.5.16
│   ├── ContentTooLarge         the same, HTTP 413       RFC 9110 §15.5.14
│   ├── MethodNotAllowed        the same, HTTP 405       RFC 9110 §15.5.6
│   └── NotFound                the same, HTTP 404       RFC 9110 §15.5.5
├── InvalidClient               invalid_client           RFC 6749 §5.2
├── InvalidGrant                invalid_grant            RFC 6749 §5.2
│   └── RefreshTokenReplayed    the same to the client; an alarm to us
├── UnauthorizedClient          unauthorized_client      RFC 6749 §5.2
├── UnsupportedGrantType        unsupported_grant_type   RFC 6749 §5.2
├── InvalidScope                invalid_scope            RFC 6749 §5.2
├── InvalidTarget               invalid_target           RFC 8707 §2
├── InvalidToken                invalid_token            RFC 6750 §3.1
├── InsufficientScope           insufficient_scope       RFC 6750 §3.1
├── Rejected                    what administration refuses
│   ├── ClientNotFound          client_not_found         ours
│   ├── ClientExists            client_exists            ours
│   ├── SecretNotFound          not_found                ours
│   ├── TokenNotFound           not_found                ours
│   ├── KeyNotFound             not_found                ours
│   ├── CatalogueEntryNotFound  not_found                ours
│   ├── CatalogueEntryExists    already_exists           ours
│   ├── InvalidRegistration     invalid_client_metadata  RFC 7591 §3.2.2
│   │   └── LastSecret          the same                 ours
│   ├── UnreadableExport        invalid_client_metadata  ours
│   └── Conflict                conflict                 ours
├── TooManyRequests             too_many_requests        ours, carries retry_after
├── Unavailable                 temporarily_unavailable  RFC 6749 §4.1.2.1, borrowed
│   └── Overloaded              the same, gRPC RESOURCE_EXHAUSTED
└── Internal                    server_error             the one for bugs

A refusal has two texts. `description` is fixed, public and within the
characters of RFC 6749 §5.2; `detail` is for operators and never rendered.
What came from the caller and helps the caller goes into `hint`.
"""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar

_HINT_LIMIT = 512
_PRINTABLE = frozenset(chr(c) for c in range(0x20, 0x7F)) - {'"', "\\"}


class ErrorCode(StrEnum):
    """What a reply names; every edge has a total table from these."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    INVALID_TOKEN = "invalid_token"  # noqa: S105  (the registered name of an error)
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INVALID_CLIENT_METADATA = "invalid_client_metadata"
    CLIENT_NOT_FOUND = "client_not_found"
    CLIENT_EXISTS = "client_exists"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    CONFLICT = "conflict"
    TOO_MANY_REQUESTS = "too_many_requests"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    SERVER_ERROR = "server_error"


class GrantdError(Exception):
    """A refusal; raised as one of its subclasses, rendered once at each edge.

    Args:
        detail: What an operator should read. It MUST NOT hold a secret, a
            token or a key, and no edge may render it.

        hint: What the caller sent, or may read, that explains the refusal.
            Characters outside RFC 6749 §5.2 become `?`; the rest is bounded.
    """

    code: ClassVar[ErrorCode]
    description: ClassVar[str]

    def __init__(self, detail: str = "", /, *, hint: str = "") -> None:
        super().__init__(detail or self.description)
        self.detail = detail
        self.hint = presentable(hint)


class InvalidRequest(GrantdError):
    code = ErrorCode.INVALID_REQUEST
    description = "The request is malformed or lacks a parameter."


class UnsupportedMediaType(InvalidRequest):
    description = "The body has to be application/x-www-form-urlencoded, without a content coding."


class ContentTooLarge(InvalidRequest):
    description = "The request is larger than this server takes."


class MethodNotAllowed(InvalidRequest):
    description = "This endpoint does not take that method."


class NotFound(InvalidRequest):
    description = "There is nothing at this path."


class InvalidClient(GrantdError):
    """The one answer for every failed authentication, whatever the reason."""

    code = ErrorCode.INVALID_CLIENT
    description = "Client authentication failed."


class InvalidGrant(GrantdError):
    """The one answer for a refresh token that is unknown, used, ended or foreign."""

    code = ErrorCode.INVALID_GRANT
    description = "The grant is invalid, expired, revoked or not this client's."


class RefreshTokenReplayed(InvalidGrant):
    """A spent refresh token came back; the client cannot tell it from InvalidGrant."""


class UnauthorizedClient(GrantdError):
    code = ErrorCode.UNAUTHORIZED_CLIENT
    description = "This client may not use that grant type."


class UnsupportedGrantType(GrantdError):
    code = ErrorCode.UNSUPPORTED_GRANT_TYPE
    description = "This server does not offer that grant type."


class InvalidScope(GrantdError):
    code = ErrorCode.INVALID_SCOPE
    description = "The scope is malformed, unknown or more than may be granted."


class InvalidTarget(GrantdError):
    code = ErrorCode.INVALID_TARGET
    description = "The resource is malformed, unknown or not for this client."


class InvalidToken(GrantdError):
    """The one answer for an access token that is missing or not good, whatever the reason."""

    code = ErrorCode.INVALID_TOKEN
    description = "An access token of this server is needed, and this one is missing or not good."


class InsufficientScope(GrantdError):
    code = ErrorCode.INSUFFICIENT_SCOPE
    description = "The access token does not permit that."


class Rejected(GrantdError):
    """What administration refuses; never raised itself."""


class ClientNotFound(Rejected):
    code = ErrorCode.CLIENT_NOT_FOUND
    description = "There is no such client."


class ClientExists(Rejected):
    code = ErrorCode.CLIENT_EXISTS
    description = "A client or an owner has that id already."


class SecretNotFound(Rejected):
    code = ErrorCode.NOT_FOUND
    description = "The client has no such secret."


class TokenNotFound(Rejected):
    code = ErrorCode.NOT_FOUND
    description = "There is no such token that is still good."


class KeyNotFound(Rejected):
    code = ErrorCode.NOT_FOUND
    description = "There is no such key."


class CatalogueEntryNotFound(Rejected):
    code = ErrorCode.NOT_FOUND
    description = "There is no such scope or resource."


class CatalogueEntryExists(Rejected):
    code = ErrorCode.ALREADY_EXISTS
    description = "That scope or resource exists already."


class InvalidRegistration(Rejected):
    """What a client is to be does not hold together (RFC 7591 §3.2.2)."""

    code = ErrorCode.INVALID_CLIENT_METADATA
    description = "It cannot be registered like that."


class LastSecret(InvalidRegistration):
    """What would end is the last secret that works of a client that needs one."""

    description = "The client would be left without a secret that works."


class UnreadableExport(Rejected):
    """A file of another server's clients is not what it is said to be."""

    code = ErrorCode.INVALID_CLIENT_METADATA
    description = "The file cannot be read as that export, and nothing was taken from it."


class Conflict(Rejected):
    code = ErrorCode.CONFLICT
    description = "The present state does not allow that change."


class TooManyRequests(GrantdError):
    """Authentication failed too often; what was sent now was not looked at (RFC 6585 §4)."""

    code = ErrorCode.TOO_MANY_REQUESTS
    description = "Too many failed attempts."

    def __init__(self, detail: str = "", /, *, retry_after: timedelta) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(GrantdError):
    """What decides cannot be asked; the answer is never a guess (D8)."""

    code = ErrorCode.TEMPORARILY_UNAVAILABLE
    description = "The service cannot answer now."

    def __init__(
        self,
        detail: str = "",
        /,
        *,
        hint: str = "",
        retry_after: timedelta = timedelta(seconds=1),
    ) -> None:
        super().__init__(detail, hint=hint)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """More is asked for at once than a process takes on; nothing of the request was looked at."""


class Internal(GrantdError):
    """A bug of ours; the reply carries a request id and no text of it."""

    code = ErrorCode.SERVER_ERROR
    description = "The server met an unexpected condition."


def presentable(text: str) -> str:
    """Bring *text* within the characters and the length a reply may carry."""
    shown = "".join(c if c in _PRINTABLE else "?" for c in text[:_HINT_LIMIT])
    return shown + "..." if len(text) > _HINT_LIMIT else shown


def concrete_errors(root: type[GrantdError] = GrantdError) -> Iterable[type[GrantdError]]:
    """Yield every class of this tree that may be raised, so that tests can prove tables total.

    What a port makes more precise of one for its callers is the same refusal
    outside.
    """
    for error in root.__subclasses__():
        if hasattr(error, "code") and error.__module__ == __name__:
            yield error
        yield from concrete_errors(error)
