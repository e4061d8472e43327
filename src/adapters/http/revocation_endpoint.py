"""`POST /revoke` (RFC 7009 §2)."""

from collections.abc import Awaitable, Callable

from adapters.http import client_auth, forms
from adapters.http.presenters import revocation_reply
from adapters.http.reply import Reply
from adapters.http.request import Request
from domain.model.events import Origin
from domain.usecases.revoke_token import RevocationRequest

RevokesToken = Callable[[RevocationRequest], Awaitable[None]]


class RevocationEndpoint:
    def __init__(self, revoke_token: RevokesToken, *, allow_body_credentials: bool) -> None:
        self._revoke_token = revoke_token
        self._allow_body_credentials = allow_body_credentials

    async def __call__(self, request: Request, origin: Origin) -> Reply:
        form = forms.read(request)
        await self._revoke_token(
            RevocationRequest(
                credentials=client_auth.present(
                    request, form, allow_body=self._allow_body_credentials
                ),
                token=form.get("token"),
                origin=origin,
            )
        )
        return revocation_reply()
