"""`grantd clients update`: changing what is given of a client."""

from enum import StrEnum
from typing import Annotated, Final, cast

import typer

from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import GrantType, Subject
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId, ResourceId
from domain.model.scopes import Scope
from domain.usecases.administer_clients import ClientChanges, UpdatedClient
from entrypoints.cli import output
from entrypoints.cli.client_documents import client_document
from entrypoints.cli.client_options import (
    AccessTokenTtl,
    Audiences,
    ClientIdArgument,
    ClientTokenFormat,
    DefaultAudience,
    DefaultScope,
    JwksFile,
    JwksUri,
    MaxScope,
    RefreshTokenTtl,
    Serves,
)
from entrypoints.cli.core import with_administration
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.registration import read_document
from entrypoints.settings import Settings


class _Unset(StrEnum):
    """What may be taken from a client without anything in its place."""

    SCOPE = "scope"
    DEFAULT_SCOPE = "default-scope"
    AUDIENCE = "audience"
    DEFAULT_AUDIENCE = "default-audience"
    SERVES = "serves"
    ACCESS_TOKEN_TTL = "access-token-ttl"  # noqa: S105  (the name of a flag)
    REFRESH_TOKEN_TTL = "refresh-token-ttl"  # noqa: S105  (likewise)
    TOKEN_FORMAT = "token-format"  # noqa: S105  (likewise)
    SIGNING_ALG = "token-endpoint-auth-signing-alg"


_EMPTIED: Final[dict[_Unset, ClientChanges]] = {
    _Unset.SCOPE: {"scope": Scope()},
    _Unset.DEFAULT_SCOPE: {"default_scope": Scope()},
    _Unset.AUDIENCE: {"audiences": frozenset()},
    _Unset.DEFAULT_AUDIENCE: {"default_audience": None},
    _Unset.SERVES: {"serves": frozenset()},
    _Unset.ACCESS_TOKEN_TTL: {"access_token_ttl": None},
    _Unset.REFRESH_TOKEN_TTL: {"refresh_token_ttl": None},
    _Unset.TOKEN_FORMAT: {"token_format": None},
    _Unset.SIGNING_ALG: {"assertion_algorithm": None},
}


@takes_settings(*ADMINISTRATIVE)
def update(
    client_id: ClientIdArgument,
    *,
    settings: Settings,
    name: Annotated[str | None, typer.Option(help="What people call it.", metavar="NAME")] = None,
    grants: Annotated[
        list[GrantType] | None,
        typer.Option("--grant", help="A grant type it may use. Repeatable."),
    ] = None,
    scope: MaxScope = None,
    default_scope: DefaultScope = None,
    audiences: Audiences = None,
    default_audience: DefaultAudience = None,
    serves: Serves = None,
    introspect_any: Annotated[
        bool | None,
        typer.Option("--introspect-any/--no-introspect-any", help="It may introspect every token."),
    ] = None,
    auth_methods: Annotated[
        list[AuthMethod] | None,
        typer.Option(
            "--auth-method",
            help="How it may prove who it is. What only others used goes with them. Repeatable.",
        ),
    ] = None,
    accept_raw_basic: Annotated[
        bool | None,
        typer.Option(
            "--accept-raw-basic/--no-accept-raw-basic",
            help="Take its secret in HTTP Basic without form-encoding too.",
        ),
    ] = None,
    new_secret: Annotated[
        bool,
        typer.Option(
            "--new-secret", help="Make a secret too, for a method that had none; shown this once."
        ),
    ] = False,
    jwks_file: JwksFile = None,
    jwks_uri: JwksUri = None,
    subject: Annotated[
        Subject | None, typer.Option(help="Whose name its tokens bear as sub.")
    ] = None,
    issue_refresh_token: Annotated[
        bool | None,
        typer.Option(
            "--issue-refresh-token/--no-issue-refresh-token",
            help="Give it a refresh token too, which RFC 6749 §4.4.3 advises against.",
        ),
    ] = None,
    access_token_ttl: AccessTokenTtl = None,
    refresh_token_ttl: RefreshTokenTtl = None,
    token_format: ClientTokenFormat = None,
    unset: Annotated[
        list[_Unset] | None,
        typer.Option(help="Take this from it, as if it had never been given. Repeatable."),
    ] = None,
    if_version: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Only if it is of this version still, which `clients show` tells."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a client, and leave the rest as it is.

    A list that is given takes the place of the whole list before. A client's
    id and its owner never change: delete it and create another.
    """
    given = {
        "name": name,
        "grant_types": _set_of(grants),
        "scope": scope,
        "default_scope": default_scope,
        "audiences": _set_of(audiences),
        "default_audience": ResourceId(default_audience) if default_audience else None,
        "serves": _set_of(serves),
        "introspect_any": introspect_any,
        "auth_methods": _set_of(auth_methods),
        "accept_raw_basic_credentials": accept_raw_basic,
        "jwks": read_client_keys(read_document(jwks_file)).text if jwks_file is not None else None,
        "jwks_uri": read_jwks_uri(jwks_uri) if jwks_uri is not None else None,
        "subject": subject,
        "issue_refresh_token": issue_refresh_token,
        "access_token_ttl": access_token_ttl,
        "refresh_token_ttl": refresh_token_ttl,
        "token_format": token_format,
    }
    changes = {attribute: value for attribute, value in given.items() if value is not None}
    for one in unset or ():
        if changes.keys() & _EMPTIED[one].keys():
            raise Refused(f"--{one} and --unset {one} at once", ExitStatus.WRONG_USAGE)
        changes.update(_EMPTIED[one])
    if not changes and not new_secret:
        raise Refused("there is nothing to change: see --help", ExitStatus.WRONG_USAGE)
    updated = with_administration(
        settings,
        lambda core: core.administer_clients.update(
            ClientId(client_id),
            cast("ClientChanges", changes),
            if_version=if_version,
            new_secret=new_secret,
        ),
    )
    _present(updated, as_json=as_json)


def _set_of(given: list[str] | list[GrantType] | list[AuthMethod] | None) -> object:
    return frozenset(given) if given else None


def _present(updated: UpdatedClient, *, as_json: bool) -> None:
    client = updated.client
    # Shown the one time that there is a secret to show (D5).
    secret = {"client_secret": updated.secret.reveal()} if updated.secret is not None else {}
    if as_json:
        output.document({"client_id": client.client_id, **secret, **client_document(client)})
        return
    output.facts(secret)
    if secret:
        output.note("\nKeep the secret now: it is not shown again.")
    output.note(f"Client {client.client_id} is of version {client.version} now.")
