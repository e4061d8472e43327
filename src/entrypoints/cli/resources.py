"""`grantd resources`: the services that tokens are meant for."""

from datetime import timedelta
from typing import Annotated

import typer

from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import format_duration
from domain.model.resources import Resource, parse_resource_id
from domain.model.tokens import TokenFormat
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.inputs import read_duration
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Services that tokens are for.")

_Uri = Annotated[str, typer.Argument(metavar="URI", help="Its identifier, as in aud.")]


@app.command()
@takes_settings(*ADMINISTRATIVE)
def create(
    uri: _Uri,
    *,
    settings: Settings,
    name: Annotated[str, typer.Option(metavar="NAME", help="What people call it.")] = "",
    token_format: Annotated[
        TokenFormat | None, typer.Option(help="The form its tokens have to have.")
    ] = None,
    signing_alg: Annotated[
        SigningAlgorithm | None, typer.Option(help="What its tokens have to be signed with.")
    ] = None,
    access_token_ttl: Annotated[
        timedelta | None,
        typer.Option(
            parser=read_duration, metavar="DURATION", help="The longest lifetime it accepts."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a resource known."""
    resource = Resource(
        resource_id=parse_resource_id(uri),
        name=name,
        token_format=token_format,
        signing_algorithm=signing_alg,
        access_token_ttl=access_token_ttl,
    )
    with_core(settings, lambda core: core.administer_catalogue.add_resource(resource))
    if as_json:
        output.document(_document(resource))
    else:
        output.note(f"Resource {uri} is created.")


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(*, settings: Settings, as_json: AsJson = False) -> None:
    """List all resources."""
    catalogue = with_core(settings, lambda core: core.administer_catalogue.read())
    documents = [
        _document(resource)
        for resource in sorted(catalogue.resources.values(), key=lambda one: one.resource_id)
    ]
    if as_json:
        output.document(documents)
        return
    output.table(
        ("RESOURCE", "NAME", "FORMAT", "ALGORITHM", "ACCESS TOKEN TTL"),
        (tuple(document.values()) for document in documents),
        empty="There are no resources yet: grantd resources create --help",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(uri: _Uri, *, settings: Settings, as_json: AsJson = False) -> None:
    """Make a resource unknown; it may own no scopes any more."""
    with_core(settings, lambda core: core.administer_catalogue.remove_resource(ResourceId(uri)))
    if as_json:
        output.document({"resource": uri, "deleted": True})
    else:
        output.note(f"Resource {uri} is deleted.")


def _document(resource: Resource) -> dict[str, str | None]:
    ttl = resource.access_token_ttl
    return {
        "resource": resource.resource_id,
        "name": resource.name,
        "token_format": resource.token_format,
        "signing_alg": resource.signing_algorithm,
        "access_token_ttl": format_duration(ttl) if ttl is not None else None,
    }
