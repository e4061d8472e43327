"""`grantd resources`: the services that tokens are meant for."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, cast

import typer

from domain.model.etags import etag_of
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import format_duration
from domain.model.resources import Resource, parse_resource_id
from domain.model.tokens import TokenFormat
from domain.usecases.administer_catalogue import ResourceChanges
from entrypoints.cli import output
from entrypoints.cli.administration import Administration
from entrypoints.cli.core import with_administration
from entrypoints.cli.entries import IfEtag, etag, refuse_both, require_some
from entrypoints.cli.inputs import read_duration
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.cli.paging import After, Limit, gather
from entrypoints.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Services that tokens are for.")

_Uri = Annotated[str, typer.Argument(metavar="URI", help="Its identifier, as in aud.")]
_TokenFormat = Annotated[TokenFormat | None, typer.Option(help="The form its tokens have to have.")]
_SigningAlg = Annotated[
    SigningAlgorithm | None, typer.Option(help="What its tokens have to be signed with.")
]
_AccessTokenTtl = Annotated[
    timedelta | None,
    typer.Option(parser=read_duration, metavar="DURATION", help="The longest lifetime it accepts."),
]


class _Unset(StrEnum):
    """What may be taken from a resource without anything in its place."""

    TOKEN_FORMAT = "token-format"  # noqa: S105  (the name of a flag)
    SIGNING_ALG = "signing-alg"
    ACCESS_TOKEN_TTL = "access-token-ttl"  # noqa: S105  (likewise)


_ATTRIBUTES: Final = {
    _Unset.TOKEN_FORMAT: "token_format",
    _Unset.SIGNING_ALG: "signing_algorithm",
    _Unset.ACCESS_TOKEN_TTL: "access_token_ttl",
}

_COLUMNS: Final = {
    "RESOURCE": "resource",
    "NAME": "name",
    "FORMAT": "token_format",
    "ALGORITHM": "signing_alg",
    "ACCESS TOKEN TTL": "access_token_ttl",
    "STATE": "state",
}


@app.command()
@takes_settings(*ADMINISTRATIVE)
def create(
    uri: _Uri,
    *,
    settings: Settings,
    name: Annotated[str, typer.Option(metavar="NAME", help="What people call it.")] = "",
    token_format: _TokenFormat = None,
    signing_alg: _SigningAlg = None,
    access_token_ttl: _AccessTokenTtl = None,
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
    with_administration(settings, lambda core: core.administer_catalogue.add_resource(resource))
    output.done(_document(resource), f"Resource {uri} is created.", as_json=as_json)


@app.command("list")
@takes_settings(*ADMINISTRATIVE)
def list_(
    *, settings: Settings, limit: Limit = None, after: After = None, as_json: AsJson = False
) -> None:
    """List resources in the order of their identifiers."""

    async def work(core: Administration) -> list[Resource]:
        return await gather(
            lambda behind, wanted: core.administer_catalogue.page_resources(
                after=ResourceId(behind) if behind is not None else None, limit=wanted
            ),
            lambda resource: resource.resource_id,
            after=after,
            limit=limit,
        )

    documents = [_document(resource) for resource in with_administration(settings, work)]
    if as_json:
        output.document(documents)
        return
    output.table(
        tuple(_COLUMNS),
        ([document[member] for member in _COLUMNS.values()] for document in documents),
        empty="There are no resources behind that one."
        if after is not None
        else "There are no resources yet: grantd resources create --help",
    )


@app.command()
@takes_settings(*ADMINISTRATIVE)
def show(uri: _Uri, *, settings: Settings, as_json: AsJson = False) -> None:
    """Show one resource."""
    resource = with_administration(
        settings, lambda core: core.administer_catalogue.show_resource(ResourceId(uri))
    )
    if as_json:
        output.document(_document(resource))
    else:
        output.facts(_document(resource))


@app.command()
@takes_settings(*ADMINISTRATIVE)
def update(
    uri: _Uri,
    *,
    settings: Settings,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What people call it.")] = None,
    token_format: _TokenFormat = None,
    signing_alg: _SigningAlg = None,
    access_token_ttl: _AccessTokenTtl = None,
    unset: Annotated[
        list[_Unset] | None,
        typer.Option(help="Take this from it, as if it had never been given. Repeatable."),
    ] = None,
    if_etag: IfEtag = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a resource, and leave the rest as it is.

    Its identifier never changes.
    """
    given = {
        "name": name,
        "token_format": token_format,
        "signing_algorithm": signing_alg,
        "access_token_ttl": access_token_ttl,
    }
    named = {attribute: value for attribute, value in given.items() if value is not None}
    emptied = {_ATTRIBUTES[one]: None for one in unset or ()}
    for one in unset or ():
        refuse_both(one, is_given=_ATTRIBUTES[one] in named)
    changes = cast("ResourceChanges", named | emptied)
    require_some(changes)
    resource = with_administration(
        settings,
        lambda core: core.administer_catalogue.update_resource(
            ResourceId(uri), changes, if_etag=etag(if_etag)
        ),
    )
    output.done(_document(resource), f"Resource {uri} is changed.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def disable(
    uri: _Uri, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Issue no token for a resource from now on, nor with a scope of it.

    Those that were issued live on to their end.
    """
    resource = with_administration(
        settings,
        lambda core: core.administer_catalogue.disable_resource(
            ResourceId(uri), if_etag=etag(if_etag)
        ),
    )
    output.done(_document(resource), f"Resource {uri} is disabled.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def enable(
    uri: _Uri, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Issue tokens for a disabled resource again."""
    resource = with_administration(
        settings,
        lambda core: core.administer_catalogue.enable_resource(
            ResourceId(uri), if_etag=etag(if_etag)
        ),
    )
    output.done(_document(resource), f"Resource {uri} is enabled.", as_json=as_json)


@app.command()
@takes_settings(*ADMINISTRATIVE)
def delete(
    uri: _Uri, *, settings: Settings, if_etag: IfEtag = None, as_json: AsJson = False
) -> None:
    """Make a resource unknown; it may own no scopes any more."""
    with_administration(
        settings,
        lambda core: core.administer_catalogue.remove_resource(
            ResourceId(uri), if_etag=etag(if_etag)
        ),
    )
    output.done({"resource": uri, "deleted": True}, f"Resource {uri} is deleted.", as_json=as_json)


def _document(resource: Resource) -> dict[str, Any]:
    ttl = resource.access_token_ttl
    return {
        "resource": resource.resource_id,
        "name": resource.name,
        "token_format": resource.token_format,
        "signing_alg": resource.signing_algorithm,
        "access_token_ttl": format_duration(ttl) if ttl is not None else None,
        "state": "disabled" if resource.disabled else "enabled",
        "etag": etag_of(resource),
    }
