"""Who may administer: judged before the method sees the call."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

from adapters.grpc.service_methods import AUTHORIZATION, Call, Metadata
from adapters.origin import bind_origin
from domain.errors import InvalidRequest
from domain.model.identifiers import ClientId
from domain.model.scopes import ScopeToken

_BEARER: Final = "bearer"

Behaviour: TypeAlias = Callable[[Any, Call], Awaitable[object]]


class Authorize(Protocol):
    """Judges the access token of who wants to administer, and tells who that is."""

    async def __call__(self, token: str | None, *, needs: ScopeToken) -> ClientId: ...


def authorized(behaviour: Behaviour, authorize: Authorize, *, needs: ScopeToken) -> Behaviour:
    """Have *behaviour* see only the calls of who may, and its audit events name them."""

    async def behave(message: object, call: Call) -> object:
        token = _bearer_token(call.metadata)
        with bind_origin(call.origin):
            actor = await authorize(token, needs=needs)
        with bind_origin(replace(call.origin, actor=actor)):
            return await behaviour(message, call)

    return behave


def _bearer_token(metadata: Metadata) -> str | None:
    """Read the access token of a call (RFC 6750 §2.1), None if something else is there.

    Raises:
        InvalidRequest: If there are two.
    """
    presented = [value for key, value in metadata if key == AUTHORIZATION]
    if not presented:
        return None
    if len(presented) > 1:
        raise InvalidRequest("two authorizations", hint="authorization has to be given once")
    scheme, _, token = str(presented[0]).partition(" ")
    return token.strip(" ") if scheme.lower() == _BEARER else None
