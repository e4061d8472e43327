"""Flags that say what a client is, for the commands that make and change one."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from entrypoints.cli.inputs import read_duration, read_scope

ClientIdArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID")]
MaxScope = Annotated[
    Scope | None,
    typer.Option("--scope", parser=read_scope, metavar="'A B'", help="The most it may ask for."),
]
DefaultScope = Annotated[
    Scope | None,
    typer.Option(parser=read_scope, metavar="'A B'", help="What it gets if it asks for none."),
]
Audiences = Annotated[
    list[str] | None,
    typer.Option(
        "--audience", metavar="URI", help="A resource it may ask for by name. Repeatable."
    ),
]
DefaultAudience = Annotated[
    str | None,
    typer.Option(metavar="URI", help="Whom its tokens are for if nothing else says."),
]
Serves = Annotated[
    list[str] | None,
    typer.Option(
        metavar="URI", help="A resource it serves, whose tokens it may introspect. Repeatable."
    ),
]
JwksFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Its public keys for private_key_jwt, a JWK set."),
]
JwksUri = Annotated[
    str | None, typer.Option(metavar="URL", help="Where it publishes them instead.")
]
AccessTokenTtl = Annotated[
    timedelta | None,
    typer.Option(parser=read_duration, metavar="DURATION", help="How long its access tokens live."),
]
RefreshTokenTtl = Annotated[
    timedelta | None,
    typer.Option(
        parser=read_duration, metavar="DURATION", help="How long its refresh tokens live."
    ),
]
ClientTokenFormat = Annotated[
    TokenFormat | None, typer.Option(help="The form of its access tokens.")
]
