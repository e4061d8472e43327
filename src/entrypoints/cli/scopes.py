"""`grantd scopes`: what may be asked for."""

from typing import Annotated

import typer

from domain.model.identifiers import ResourceId
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What clients may ask for.")

_Name = Annotated[str, typer.Argument(metavar="NAME")]


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
    with_core(settings, lambda core: core.administer_catalogue.add_scope(definition))
    if as_json:
        output.document(_document(definition))
    else:
        output.note(f"Scope {name} is created.")


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List all scopes."""
    catalogue = with_core(settings, lambda core: core.administer_catalogue.read())
    scopes = sorted(catalogue.scopes.values(), key=lambda scope: scope.token)
    if as_json:
        output.document([_document(scope) for scope in scopes])
        return
    output.table(
        ("SCOPE", "DESCRIPTION", "RESOURCE"),
        ((scope.token, scope.description, scope.resource) for scope in scopes),
        empty="There are no scopes yet: grantd scopes create --help",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(name: _Name, *, settings: Settings, as_json: AsJson = False) -> None:
    """Make a scope unknown: no token is issued with it from now on."""
    token = _token(name)
    with_core(settings, lambda core: core.administer_catalogue.remove_scope(token))
    if as_json:
        output.document({"name": name, "deleted": True})
    else:
        output.note(f"Scope {name} is deleted.")


def _token(name: str) -> ScopeToken:
    return Scope.of((name,)).values[0]


def _document(scope: ScopeDefinition) -> dict[str, str | None]:
    return {"name": scope.token, "description": scope.description, "resource": scope.resource}
