"""`POST /introspect` (RFC 7662 §2, RFC 9701 §4)."""

from typing import Protocol

from adapters.http import client_auth, forms
from adapters.http.accept import asks_for
from adapters.http.presenters import (
    SIGNED_INTROSPECTION,
    introspection_reply,
    signed_introspection_reply,
)
from adapters.http.reply import Reply
from adapters.http.request import Request
from adapters.request_record import note_introspection
from domain.model.events import Origin
from domain.model.introspection import Introspection, SignedIntrospection, is_active
from domain.usecases.introspect_token import IntrospectionRequest


class IntrospectsToken(Protocol):
    """Tells about a token, to be written down here or as a JWT of its own."""

    async def __call__(self, request: IntrospectionRequest, /) -> Introspection: ...

    async def signed(self, request: IntrospectionRequest, /) -> SignedIntrospection: ...


class IntrospectionEndpoint:
    def __init__(self, introspect_token: IntrospectsToken, *, allow_body_credentials: bool) -> None:
        self._introspect_token = introspect_token
        self._allow_body_credentials = allow_body_credentials

    async def __call__(self, request: Request, origin: Origin) -> Reply:
        form = forms.read(request)
        question = IntrospectionRequest(
            credentials=client_auth.present(request, form, allow_body=self._allow_body_credentials),
            token=form.get("token"),
            origin=origin,
        )
        if asks_for(request.values(b"accept"), SIGNED_INTROSPECTION, over="application/json"):
            signed = await self._introspect_token.signed(question)
            note_introspection(active=signed.active)
            return signed_introspection_reply(signed.text)
        found = await self._introspect_token(question)
        note_introspection(active=is_active(found))
        return introspection_reply(found)
