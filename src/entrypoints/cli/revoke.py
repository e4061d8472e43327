"""`grantd revoke`: ending what was issued, by an operator."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.usecases.end_token import EndedToken
from entrypoints.cli import output
from entrypoints.cli.core import with_core
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.inputs import read_line
from entrypoints.cli.options import ADMINISTRATIVE, AsJson, takes_settings
from entrypoints.settings import Settings

if TYPE_CHECKING:
    from entrypoints.container import Core


@takes_settings(*ADMINISTRATIVE)
def revoke(
    *,
    settings: Settings,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file with a token, access or refresh; - is standard input.",
        ),
    ] = None,
    jti: Annotated[
        str | None, typer.Option(metavar="ID", help="The id of an access token (RFC 7519 §4.1.7).")
    ] = None,
    client: Annotated[
        str | None, typer.Option(metavar="ID", help="A client: everything it holds.")
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A refresh family, with every access token of it."),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--everything", help="All that any client holds, as after a restore."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End a token, a family or all that a client holds, without the client's secret.

    Give exactly one of the five. A refresh token takes its family along.
    """
    given = [it for it in (token_file, jti, client, family, everything or None) if it is not None]
    if len(given) != 1:
        raise Refused(
            "one of --token-file, --jti, --client, --family and --everything is needed",
            ExitStatus.WRONG_USAGE,
        )
    if everything:
        count = with_core(settings, lambda core: core.revoke_by_operator.everything())
        output.done(
            {"clients": count}, f"All that {count} clients held has ended.", as_json=as_json
        )
        return
    token = read_line(token_file, "token") if token_file is not None else None

    async def work(core: "Core") -> EndedToken:
        if token is not None:
            return await core.revoke_by_operator.token(token)
        if jti is not None:
            return await core.revoke_by_operator.token_id(TokenId(jti))
        if family is not None:
            return await core.revoke_by_operator.family(FamilyId(family))
        changed = await core.administer_clients.revoke_all(ClientId(client or ""))
        return EndedToken(owner=changed.client_id)

    ended = with_core(settings, work)
    told = {"client_id": ended.owner, "jti": ended.token_id, "family_id": ended.family_id}
    output.done(told, _sentence(ended), as_json=as_json)


def _sentence(ended: EndedToken) -> str:
    of = f" of {ended.owner}" if ended.owner is not None else ""
    if ended.family_id is not None:
        return f"The refresh family {ended.family_id}{of} has ended, and its access tokens too."
    if ended.token_id is not None:
        return f"The access token {ended.token_id}{of} has ended."
    return f"All that client {ended.owner} held has ended."
