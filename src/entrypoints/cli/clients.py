"""`grantd clients`: registering clients, changing them and ending them."""

from pathlib import Path
from typing import Annotated

import typer

from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId, Owner, ResourceId
from domain.model.scopes import Scope
from domain.usecases.administer_clients import CreatedClient
from entrypoints.cli import output, secrets
from entrypoints.cli.administration import Administration
from entrypoints.cli.client_documents import client_document, client_state, present_changed
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
from entrypoints.cli.client_update import update
from entrypoints.cli.core import with_administration
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.inputs import read_secret
from entrypoints.cli.next_command import token_command
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.paging import After, Limit, gather
from entrypoints.cli.registration import read_document, register
from entrypoints.cli.unused import unused
from entrypoints.settings import Settings

_WITH_A_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})

app = typer.Typer(no_args_is_help=True, help="Programs that get tokens.")
app.command()(register)
app.command()(update)
app.command()(unused)
app.command("rotate-secret")(secrets.rotate)
app.add_typer(secrets.app, name="secrets")


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
    scope: MaxScope = None,
    default_scope: DefaultScope = None,
    audiences: Audiences = None,
    default_audience: DefaultAudience = None,
    serves: Serves = None,
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
    jwks_file: JwksFile = None,
    jwks_uri: JwksUri = None,
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
    access_token_ttl: AccessTokenTtl = None,
    refresh_token_ttl: RefreshTokenTtl = None,
    token_format: ClientTokenFormat = None,
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

    async def work(core: Administration) -> CreatedClient:
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

    _present_created(with_administration(settings, work), settings, as_json=as_json)


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(
    *, settings: Settings, limit: Limit = None, after: After = None, as_json: AsJson = False
) -> None:
    """List clients in the order of their ids."""

    async def work(core: Administration) -> list[Client]:
        return await gather(
            lambda behind, wanted: core.administer_clients.page(
                after=ClientId(behind) if behind is not None else None, limit=wanted
            ),
            lambda client: client.client_id,
            after=after,
            limit=limit,
        )

    clients = with_administration(settings, work)
    if as_json:
        output.document([client_document(client) for client in clients])
        return
    output.table(
        ("CLIENT ID", "NAME", "GRANTS", "SCOPE", "STATE"),
        (
            (
                client.client_id,
                client.name,
                sorted(client.grant_types),
                client.scope,
                client_state(client),
            )
            for client in clients
        ),
        empty="There are no clients behind that one."
        if after is not None
        else "There are no clients yet: grantd clients create --help",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def show(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Show one client, without its secrets."""
    client = with_administration(
        settings, lambda core: core.administer_clients.show(ClientId(client_id))
    )
    shown = client_document(client)
    if as_json:
        output.document(shown)
        return
    kept = shown.pop("secrets")
    output.facts(shown)
    output.facts({f"secret {one['secret_id']}": f"made {one['created_at']}" for one in kept})


@app.command()
@takes_settings(*ADMINISTRATIVE)
def disable(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Refuse a client from now on; every token it holds ends.

    Enabling it does not bring them back.
    """
    client = with_administration(
        settings, lambda core: core.administer_clients.disable(ClientId(client_id))
    )
    present_changed(
        client, f"Client {client_id} is disabled, and all it held has ended.", as_json=as_json
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def enable(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Let a disabled client in again; what it held before stays ended."""
    client = with_administration(
        settings, lambda core: core.administer_clients.enable(ClientId(client_id))
    )
    present_changed(client, f"Client {client_id} is enabled.", as_json=as_json)


@app.command("revoke-all")
@takes_settings(*ADMINISTRATIVE)
def revoke_all(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """End every token that a client holds; it may ask for new ones at once."""
    client = with_administration(
        settings, lambda core: core.administer_clients.revoke_all(ClientId(client_id))
    )
    present_changed(client, f"All that client {client_id} held has ended.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(client_id: ClientIdArgument, *, settings: Settings, as_json: AsJson = False) -> None:
    """Remove a client; every token it holds ends with it."""
    with_administration(settings, lambda core: core.administer_clients.delete(ClientId(client_id)))
    deleted = {"client_id": client_id, "deleted": True}
    output.done(deleted, f"Client {client_id} is deleted.", as_json=as_json)


def _present_created(created: CreatedClient, settings: Settings, *, as_json: bool) -> None:
    client = created.client
    # The one place that shows a secret, the one time that there is one (D5).
    secret = {"client_secret": created.secret.reveal()} if created.secret is not None else {}
    if as_json:
        output.document({"client_id": client.client_id, **secret, **client_document(client)})
        return
    output.facts({"client_id": client.client_id, **secret})
    if secret:
        output.note("\nKeep the secret now: it is not shown again.")
    if settings.http is not None and client.may_ask_by_basic:
        output.note(
            "A token, once grantd serves:\n  " + token_command(settings.issuer, client.client_id)
        )
