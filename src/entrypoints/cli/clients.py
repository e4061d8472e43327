"""`grantd clients`: registering clients and ending them."""

import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.endpoints import TOKEN_PATH, url_of
from domain.model.client_keys import key_ids_of, read_client_keys, read_jwks_uri
from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId, Owner, ResourceId
from domain.model.lifetimes import format_duration
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.usecases.administer_clients import CreatedClient
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.inputs import read_duration, read_scope, read_secret
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.registration import read_document, register
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core

_PAGE = 500
_WITH_A_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})

app = typer.Typer(no_args_is_help=True, help="Programs that get tokens.")
app.command()(register)

_ClientIdArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID")]


@app.command()
@takes_settings(*ADMINISTRATIVE)
def create(
    *,
    settings: Settings,
    client_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id; made up if left out.")
    ] = None,
    name: Annotated[str, typer.Option(help="What people call it.", metavar="NAME")] = "",
    grants: Annotated[
        list[GrantType] | None,
        typer.Option(
            "--grant", help="A grant type it may use; client_credentials if left out. Repeatable."
        ),
    ] = None,
    scope: Annotated[
        Scope | None,
        typer.Option(parser=read_scope, metavar="'A B'", help="The most it may ask for."),
    ] = None,
    default_scope: Annotated[
        Scope | None,
        typer.Option(parser=read_scope, metavar="'A B'", help="What it gets if it asks for none."),
    ] = None,
    audiences: Annotated[
        list[str] | None,
        typer.Option(
            "--audience", metavar="URI", help="A resource it may ask for by name. Repeatable."
        ),
    ] = None,
    default_audience: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Whom its tokens are for if nothing else says."),
    ] = None,
    serves: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URI", help="A resource it serves, whose tokens it may introspect. Repeatable."
        ),
    ] = None,
    introspect_any: Annotated[
        bool, typer.Option("--introspect-any", help="It may introspect every token.")
    ] = False,
    auth_methods: Annotated[
        list[AuthMethod] | None,
        typer.Option(
            "--auth-method",
            help="How it may prove who it is; both ways with a secret if left out. Repeatable.",
        ),
    ] = None,
    jwks_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its public keys for private_key_jwt, a JWK set."),
    ] = None,
    jwks_uri: Annotated[
        str | None, typer.Option(metavar="URL", help="Where it publishes them instead.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="It can keep no secret (RFC 6749 §2.1).")
    ] = False,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="The user who created it.")
    ] = None,
    subject: Annotated[
        Subject, typer.Option(help="Whose name its tokens bear as sub.")
    ] = Subject.CLIENT,
    issue_refresh_token: Annotated[
        bool,
        typer.Option(
            "--issue-refresh-token",
            help="Give it a refresh token too, which RFC 6749 §4.4.3 advises against.",
        ),
    ] = False,
    access_token_ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=read_duration, metavar="DURATION", help="How long its access tokens live."
        ),
    ] = None,
    refresh_token_ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=read_duration, metavar="DURATION", help="How long its refresh tokens live."
        ),
    ] = None,
    token_format: Annotated[
        TokenFormat | None, typer.Option(help="The form of its access tokens.")
    ] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Import its secret from a file; - is standard input."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a client. Its secret is shown this once."""
    imported = read_secret(secret_file) if secret_file is not None else None
    methods = frozenset(auth_methods or ({AuthMethod.NONE} if public else _WITH_A_SECRET))
    if public and methods != {AuthMethod.NONE}:
        raise Refused("a public client has no authentication method", ExitStatus.WRONG_USAGE)

    keys = read_client_keys(read_document(jwks_file)) if jwks_file is not None else None

    async def work(core: "Core") -> CreatedClient:
        administer = core.administer_clients
        draft = Client(
            client_id=ClientId(client_id) if client_id else administer.new_client_id(),
            epoch=administer.new_epoch(),
            created_at=core.clock.now(),
            name=name,
            auth_methods=methods,
            grant_types=frozenset(grants or (GrantType.CLIENT_CREDENTIALS,)),
            scope=scope or Scope(),
            default_scope=default_scope or Scope(),
            audiences=frozenset(ResourceId(one) for one in audiences or ()),
            default_audience=ResourceId(default_audience) if default_audience else None,
            serves=frozenset(ResourceId(one) for one in serves or ()),
            introspect_any=introspect_any,
            owner=Owner(owner) if owner is not None else None,
            subject=subject,
            issue_refresh_token=issue_refresh_token,
            token_format=token_format,
            jwks=keys.text if keys is not None else None,
            jwks_uri=read_jwks_uri(jwks_uri) if jwks_uri is not None else None,
            access_token_ttl=access_token_ttl,
            refresh_token_ttl=refresh_token_ttl,
        )
        return await administer.create(draft, imported_secret=imported)

    _present_created(with_core(settings, work), settings, as_json=as_json)


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List all clients."""

    async def work(core: "Core") -> list[Client]:
        administer = core.administer_clients
        found: list[Client] = []
        while page := await administer.page(
            after=found[-1].client_id if found else None, limit=_PAGE
        ):
            found.extend(page)
        return found

    clients = with_core(settings, work)
    if as_json:
        output.document([_document(client) for client in clients])
        return
    output.table(
        ("CLIENT ID", "NAME", "GRANTS", "SCOPE", "STATE"),
        (
            (
                client.client_id,
                client.name,
                sorted(client.grant_types),
                client.scope,
                _state(client),
            )
            for client in clients
        ),
        empty="There are no clients yet: grantd clients create --help",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def show(client_id: _ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Show one client, without its secrets."""
    client = with_core(settings, lambda core: core.administer_clients.show(ClientId(client_id)))
    shown = _document(client)
    if as_json:
        output.document(shown)
        return
    secrets = shown.pop("secrets")
    output.facts(shown)
    output.facts({f"secret {one['secret_id']}": f"made {one['created_at']}" for one in secrets})


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(client_id: _ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Remove a client; every token it holds ends with it."""
    with_core(settings, lambda core: core.administer_clients.delete(ClientId(client_id)))
    if as_json:
        output.document({"client_id": client_id, "deleted": True})
    else:
        output.note(f"Client {client_id} is deleted.")


def _present_created(created: CreatedClient, settings: Settings, *, as_json: bool) -> None:
    client = created.client
    # The one place that shows a secret, the one time that there is one (D5).
    secret = {"client_secret": created.secret.reveal()} if created.secret is not None else {}
    if as_json:
        output.document({"client_id": client.client_id, **secret, **_document(client)})
        return
    output.facts({"client_id": client.client_id, **secret})
    if secret:
        output.note("\nKeep the secret now: it is not shown again.")
    if settings.http is not None and client.may_ask_by_basic:
        output.note(
            "A token, once grantd serves:\n  " + token_command(settings.issuer, client.client_id)
        )


def token_command(issuer: str, client_id: ClientId) -> str:
    """Return the line to type for a token; curl asks for the secret."""
    endpoint = url_of(issuer, TOKEN_PATH)
    return f"curl -u {shlex.quote(client_id)} -d grant_type=client_credentials {endpoint}"


def _state(client: Client) -> str:
    return "disabled" if client.disabled else "enabled"


def _document(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "state": _state(client),
        "created_at": client.created_at.isoformat(),
        "grant_types": sorted(client.grant_types),
        "scope": str(client.scope),
        "default_scope": str(client.default_scope),
        "audiences": sorted(client.audiences),
        "default_audience": client.default_audience,
        "serves": sorted(client.serves),
        "introspect_any": client.introspect_any,
        "auth_methods": sorted(client.auth_methods),
        "jwks_key_ids": key_ids_of(client.jwks) if client.jwks is not None else (),
        "jwks_uri": client.jwks_uri,
        "token_endpoint_auth_signing_alg": client.assertion_algorithm,
        "accept_token_endpoint_audience": client.accept_token_endpoint_audience,
        "introspection_signed_response_alg": client.introspection_signed_response_alg,
        "owner": client.owner,
        "subject": client.subject,
        "issue_refresh_token": client.issue_refresh_token,
        "token_format": client.token_format,
        "signing_algorithm": client.signing_algorithm,
        "access_token_ttl": _written(client.access_token_ttl),
        "refresh_token_ttl": _written(client.refresh_token_ttl),
        "refresh_token_max_age": _written(client.refresh_token_max_age),
        "refresh_grace": _written(client.refresh_grace),
        "secrets": [
            {
                "secret_id": secret.secret_id,
                "label": secret.label,
                "created_at": secret.created_at.isoformat(),
                "expires_at": secret.expires_at.isoformat() if secret.expires_at else None,
                "imported": secret.imported,
                "recoverable": secret.sealed is not None,
            }
            for secret in client.secrets
        ],
    }


def _written(duration: timedelta | None) -> str | None:
    return format_duration(duration) if duration is not None else None
