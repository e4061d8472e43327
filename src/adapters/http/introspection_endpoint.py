"""`POST /introspect` (RFC 7662 §2)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from adapters.http import client_auth, forms
from adapters.http.origin import origin_of
from adapters.http.presenters import introspection_response
from domain.model.introspection import Introspection
from domain.usecases.introspect_token import IntrospectionRequest

IntrospectsToken = Callable[[IntrospectionRequest], Awaitable[Introspection]]


class IntrospectionEndpoint:
    def __init__(self, introspect_token: IntrospectsToken, *, allow_body_credentials: bool) -> None:
        self._introspect_token = introspect_token
        self._allow_body_credentials = allow_body_credentials

    async def __call__(self, request: Request) -> Response:
        form = await forms.read(request)
        found = await self._introspect_token(
            IntrospectionRequest(
                credentials=client_auth.read(
                    request, form, allow_body=self._allow_body_credentials
                ),
                token=form.get("token"),
                origin=origin_of(request),
            )
        )
        return introspection_response(found)
