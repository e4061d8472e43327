"""`POST /access_token` and `POST /token` (RFC 6749 §3.2)."""

from collections.abc import Awaitable, Callable

from adapters.http import client_auth, forms
from adapters.http.presenters import token_reply
from adapters.http.reply import Reply
from adapters.http.request import Request
from adapters.request_record import note_grant
from domain.model.events import Origin
from domain.model.tokens import IssuedToken
from domain.usecases.issue_token import TokenRequest

IssuesToken = Callable[[TokenRequest], Awaitable[IssuedToken]]


class TokenEndpoint:
    def __init__(self, issue_token: IssuesToken, *, allow_body_credentials: bool) -> None:
        self._issue_token = issue_token
        self._allow_body_credentials = allow_body_credentials

    async def __call__(self, request: Request, origin: Origin) -> Reply:
        form = forms.read(request)
        scope, grant_type = form.get("scope"), form.get("grant_type")
        note_grant(grant_type)
        issued = await self._issue_token(
            TokenRequest(
                credentials=client_auth.present(
                    request, form, allow_body=self._allow_body_credentials
                ),
                grant_type=grant_type,
                # Only single spaces delimit (RFC 6749 §3.3); the core refuses an empty token.
                scope=tuple(scope.split(" ")) if scope is not None else None,
                resources=form.all("resource"),
                refresh_token=form.get("refresh_token"),
                origin=origin,
            )
        )
        return token_reply(issued)
