"""`grantd explain`: what a client would get for a token request, and why."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from domain.errors import GrantdError
from domain.model.clients import GrantType
from domain.model.identifiers import ClientId
from domain.model.lifetimes import format_duration
from domain.usecases.explain_token import (
    Explanation,
    Offer,
    Question,
    RefreshRule,
    ScopeRule,
)
from domain.usecases.token_policy import Source
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

_DECIDING: Final = (
    *ADMINISTRATIVE,
    "grants",
    "access_token_ttl",
    "grant_access_token_ttl",
    "refresh_token_ttl",
    "refresh_token_max_age",
    "token_format",
    "signing_algorithm",
    "require_scope",
    "allow_public_client_credentials",
)
"""The settings that the answer depends on."""

_SCOPE_RULES: Final = {
    ScopeRule.REGISTERED: "granted: the client is registered for it",
    ScopeRule.DEFAULT: "granted: it is in the client's default scope",
    ScopeRule.MALFORMED: "refused: it is not a scope token (RFC 6749 §3.3)",
    ScopeRule.UNKNOWN: "refused: this server knows no such scope",
    ScopeRule.DISABLED: "refused: the scope is disabled",
    ScopeRule.RESOURCE_DISABLED: "refused: the resource that owns it is disabled",
    ScopeRule.NOT_REGISTERED: "refused: the client is not registered for it",
    ScopeRule.OTHER_RESOURCE: "refused: it belongs to a resource that is not asked for",
}
_AUDIENCE_SOURCES: Final = {
    Source.REQUEST: "asked for by name",
    Source.SCOPE: "it owns the scope",
    Source.CLIENT: "the client's default audience",
    Source.SERVER: "this server itself, since nothing else says",
}
_SOURCES: Final = {
    Source.RESOURCE: "set by the resource",
    Source.CLIENT: "set by the client",
    Source.GRANT: "set for the grant by the server's settings",
    Source.SERVER: "set by the server's settings, or their default",
    Source.DECLARED: "set by the declared policy",
    Source.REFRESH_TOKEN: "it may not outlive its refresh token",
    Source.SIGNING_KEY: "it may not outlive the key that signs it",
}
_REFRESH_RULES: Final = {
    RefreshRule.REGISTERED: "yes: the client is registered with issue_refresh_token",
    RefreshRule.NOT_REGISTERED: "no: the client is not registered with issue_refresh_token",
    RefreshRule.SWITCHED_OFF: "no: the grant refresh_token is switched off",
}


@takes_settings(*_DECIDING)
def explain(
    *,
    settings: Settings,
    client: Annotated[str, typer.Option(metavar="CLIENT_ID", help="Who would ask.")],
    scope: Annotated[
        str | None,
        typer.Option(metavar="'A B'", help="What it would ask for; its default if left out."),
    ] = None,
    resources: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="URI", help="For whom it would ask. Repeatable."),
    ] = None,
    grant: Annotated[
        str, typer.Option(metavar="GRANT", help="The grant type it would use.")
    ] = GrantType.CLIENT_CREDENTIALS,
    as_json: AsJson = False,
) -> None:
    """Tell what a client would get for a token request and by which rule.

    Nothing is issued and nothing is written. Run it with the settings that
    the server runs with.
    """
    question = Question(
        client_id=ClientId(client),
        grant_type=grant,
        scope=tuple(scope.split(" ")) if scope else None,
        resources=tuple(resources or ()),
    )
    explained = with_core(settings, lambda core: core.explain_token(question))
    if as_json:
        output.document(_document(explained))
        return
    output.facts(dict(_facts(explained)))
    output.table(
        ("SCOPE", "VERDICT"),
        [(one.token, _SCOPE_RULES[one.rule]) for one in explained.scopes],
        empty="There is no scope to explain: none is asked for, and none is the client's default.",
    )


def _facts(explained: Explanation) -> Iterator[tuple[str, str]]:
    if (refusal := explained.refusal) is not None:
        yield "outcome", f"refused: {refusal.code}"
        yield "because", _sentence(refusal)
    if (offer := explained.offer) is None:
        return
    yield "outcome", "granted"
    yield "scope", str(offer.scope) or "(none)"
    yield "subject", offer.subject
    audience = " ".join(offer.audience.value)
    yield "audience", f"{audience} ({_AUDIENCE_SOURCES[offer.audience.by]})"
    lifetime = format_duration(offer.lifetime.value)
    yield "lifetime", f"{lifetime} ({_SOURCES[offer.lifetime.by]})"
    yield "format", f"{offer.token_format.value} ({_SOURCES[offer.token_format.by]})"
    if offer.signing_algorithm is not None:
        algorithm = offer.signing_algorithm
        yield "algorithm", f"{algorithm.value} ({_SOURCES[algorithm.by]})"
        yield "key", str(offer.key_id)
    yield "refresh token", _REFRESH_RULES[offer.refresh_token]


def _document(explained: Explanation) -> dict[str, Any]:
    refusal, offer = explained.refusal, explained.offer
    return {
        "outcome": "refused" if refusal is not None else "granted",
        "scopes": [
            {"scope": one.token, "granted": one.rule.grants, "rule": one.rule}
            for one in explained.scopes
        ],
        **(
            {"error": refusal.code, "error_description": _sentence(refusal)}
            if refusal is not None
            else {}
        ),
        **(_offer_document(offer) if offer is not None else {}),
    }


def _offer_document(offer: Offer) -> dict[str, Any]:
    algorithm = offer.signing_algorithm
    return {
        "scope": str(offer.scope),
        "sub": offer.subject,
        "aud": list(offer.audience.value),
        "aud_by": offer.audience.by,
        "expires_in": int(offer.lifetime.value.total_seconds()),
        "expires_in_by": offer.lifetime.by,
        "token_format": offer.token_format.value,
        "token_format_by": offer.token_format.by,
        "alg": algorithm.value if algorithm is not None else None,
        "alg_by": algorithm.by if algorithm is not None else None,
        "kid": offer.key_id,
        "refresh_token": offer.refresh_token is RefreshRule.REGISTERED,
        "refresh_token_by": offer.refresh_token,
    }


def _sentence(refusal: GrantdError) -> str:
    """Tell the operator what a client would not be told: the private detail."""
    more = refusal.hint or refusal.detail
    return f"{refusal.description} ({more})"
