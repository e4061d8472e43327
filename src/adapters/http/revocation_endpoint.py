"""`POST /revoke` (RFC 7009 §2)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from adapters.http import client_auth, forms
from adapters.http.origin import origin_of
from adapters.http.presenters import revocation_response
from domain.usecases.revoke_token import RevocationRequest

RevokesToken = Callable[[RevocationRequest], Awaitable[None]]


class RevocationEndpoint:
    def __init__(self, revoke_token: RevokesToken, *, allow_body_credentials: bool) -> None:
        self._revoke_token = revoke_token
        self._allow_body_credentials = allow_body_credentials

    async def __call__(self, request: Request) -> Response:
        form = await forms.read(request)
        await self._revoke_token(
            RevocationRequest(
                credentials=client_auth.present(
                    request, form, allow_body=self._allow_body_credentials
                ),
                token=form.get("token"),
                origin=origin_of(request),
            )
        )
        return revocation_response()
