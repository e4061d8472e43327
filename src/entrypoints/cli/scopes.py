"""`grantd scopes`: what may be asked for."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from domain.model.administration import RESERVED
from domain.model.etags import etag_of
from domain.model.identifiers import ResourceId
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.usecases.administer_catalogue import ScopeChanges
from entrypoints.cli import output
from entrypoints.cli.administration import Administration
from entrypoints.cli.core import with_administration
from entrypoints.cli.entries import IfEtag, etag, refuse_both, require_some
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.paging import After, Limit, gather
from entrypoints.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What clients may ask for.")

_Name = Annotated[str, typer.Argument(metavar="NAME")]


class _Unset(StrEnum):
    """What may be taken from a scope without anything in its place."""

    RESOURCE = "resource"


@app.command()
@takes_settings(*ADMINISTRATIVE)
def create(
    name: _Name,
    *,
    settings: Settings,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it allows.")] = "",
    resource: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The resource that owns it: whom its tokens are for."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a scope known."""
    definition = ScopeDefinition(
        token=_token(name),
        description=description,
        resource=ResourceId(resource) if resource is not None else None,
    )
    with_administration(settings, lambda core: core.administer_catalogue.add_scope(definition))
    output.done(_document(definition), f"Scope {name} is created.", as_json=as_json)


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(
    *, settings: Settings, limit: Limit = None, after: After = None, as_json: AsJson = False
) -> None:
    """List scopes in the order of their names, those that are built in too."""

    async def work(core: Administration) -> list[ScopeDefinition]:
        return await gather(
            lambda behind, wanted: core.administer_catalogue.page_scopes(
                after=ScopeToken(behind) if behind is not None else None, limit=wanted
            ),
            lambda scope: scope.token,
            after=after,
            limit=limit,
        )

    scopes = with_administration(settings, work)
    if as_json:
        output.document([_document(scope) for scope in scopes])
        return
    output.table(
        ("SCOPE", "DESCRIPTION", "RESOURCE", "STATE"),
        ((scope.token, scope.description, scope.resource, _state(scope)) for scope in scopes),
        empty="There are no scopes behind that one.",
    )
    if all(scope.token in RESERVED for scope in scopes) and after is None and limit is None:
        output.note("There are no scopes of your own yet: grantd scopes create --help")


@app.command()
@takes_settings(*ADMINISTRATIVE)
def show(name: _Name, *, settings: Settings, as_json: AsJson = False) -> None:
    """Show one scope."""
    scope = with_administration(
        settings, lambda core: core.administer_catalogue.show_scope(_token(name))
    )
    if as_json:
        output.document(_document(scope))
    else:
        output.facts(_document(scope))


@app.command()
@takes_settings(*ADMINISTRATIVE)
def update(
    name: _Name,
    *,
    settings: Settings,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it allows.")] = None,
    resource: Annotated[
        str | None,
        typer.Option(metavar="URI", help="The resource that owns it: whom its tokens are for."),
    ] = None,
    unset: Annotated[
        list[_Unset] | None,
        typer.Option(help="Take this from it, as if it had never been given. Repeatable."),
    ] = None,
    if_etag: IfEtag = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a scope, and leave the rest as it is. Its name never changes."""
    changes: ScopeChanges = {}
    if description is not None:
        changes["description"] = description
    if resource is not None:
        changes["resource"] = ResourceId(resource)
    for one in unset or ():
        refuse_both(one, is_given=resource is not None)
        changes["resource"] = None
    require_some(changes)
    scope = with_administration(
        settings,
        lambda core: core.administer_catalogue.update_scope(
            _token(name), changes, if_etag=etag(if_etag)
        ),
    )
    output.done(_document(scope), f"Scope {name} is changed.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def disable(
    name: _Name, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Issue no token with a scope from now on.

    Those that have it live on to their end.
    """
    scope = with_administration(
        settings,
        lambda core: core.administer_catalogue.disable_scope(_token(name), if_etag=etag(if_etag)),
    )
    output.done(_document(scope), f"Scope {name} is disabled.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def enable(
    name: _Name, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Issue tokens with a disabled scope again."""
    scope = with_administration(
        settings,
        lambda core: core.administer_catalogue.enable_scope(_token(name), if_etag=etag(if_etag)),
    )
    output.done(_document(scope), f"Scope {name} is enabled.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(
    name: _Name, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Make a scope unknown: no token is issued with it from now on."""
    with_administration(
        settings,
        lambda core: core.administer_catalogue.remove_scope(_token(name), if_etag=etag(if_etag)),
    )
    output.done({"name": name, "deleted": True}, f"Scope {name} is deleted.", as_json=as_json)


def _token(name: str) -> ScopeToken:
    return Scope.of((name,)).values[0]


def _document(scope: ScopeDefinition) -> dict[str, Any]:
    return {
        "name": scope.token,
        "description": scope.description,
        "resource": scope.resource,
        "state": _state(scope),
        "etag": etag_of(scope),
    }


def _state(scope: ScopeDefinition) -> str:
    if scope.token in RESERVED:
        return "built in"
    return "disabled" if scope.disabled else "enabled"
