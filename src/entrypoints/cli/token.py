"""`grantd token`: a client of a running server. Secrets and tokens come from files."""

from pathlib import Path
from typing import Annotated, Any

import jwt
import typer

from adapters.endpoints import INTROSPECTION_PATH, JWKS_PATH, REVOCATION_PATH, TOKEN_PATH
from domain.model.keys import SigningAlgorithm
from entrypoints.cli import output
from entrypoints.cli.exits import ExitStatus, Refused
from entrypoints.cli.http_client import Caller, HttpClient
from entrypoints.cli.inputs import STANDARD_INPUT, SecretFile, read_line, read_secret
from entrypoints.cli.options import AsJson, takes_settings
from entrypoints.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Tokens of a running server.")

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  (a media type, RFC 9068 §2.1)

_WHERE = (
    "http",
    "issuer",
    "target_ca_file",
    "target_certificate_file",
    "target_certificate_key_file",
)

_Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The server to ask; the issuer if left out."),
]
_ClientId = Annotated[str, typer.Option("--client-id", metavar="ID", help="The client that asks.")]
_TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="The file with the token; - or nothing for standard input.",
    ),
]


@app.command()
@takes_settings(*_WHERE)
def issue(
    *,
    settings: Settings,
    client_id: _ClientId,
    secret_file: SecretFile = None,
    server: _Server = None,
    scope: Annotated[
        str | None, typer.Option(metavar="'A B'", help="What to ask for; the default if left out.")
    ] = None,
    resources: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="URI", help="Whom it is for (RFC 8707). Repeatable."),
    ] = None,
    refresh_token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Refresh with the token in this file instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Get an access token by client credentials, or by refreshing."""
    _refuse_sharing_standard_input(secret_file, refresh_token_file or Path())
    form = [("grant_type", "client_credentials")]
    if refresh_token_file is not None:
        refresh_token = read_line(refresh_token_file, "refresh token")
        form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
    if scope is not None:
        form.append(("scope", scope))
    form += [("resource", resource) for resource in resources or ()]
    reply = HttpClient(server or settings.issuer, settings).post(
        TOKEN_PATH, form, caller=Caller(client_id, read_secret(secret_file))
    )
    _present(reply, as_json=as_json)


@app.command()
@takes_settings(*_WHERE)
def introspect(
    *,
    settings: Settings,
    client_id: _ClientId,
    secret_file: SecretFile = None,
    token_file: _TokenFile = None,
    server: _Server = None,
    as_json: AsJson = False,
) -> None:
    """Ask whether a token is good (RFC 7662)."""
    form = _about_a_token(secret_file, token_file)
    reply = HttpClient(server or settings.issuer, settings).post(
        INTROSPECTION_PATH, form, caller=Caller(client_id, read_secret(secret_file))
    )
    _present({**reply, "active": reply.get("active", False)}, as_json=as_json)


@app.command()
@takes_settings(*_WHERE)
def revoke(
    *,
    settings: Settings,
    client_id: _ClientId,
    secret_file: SecretFile = None,
    token_file: _TokenFile = None,
    server: _Server = None,
    as_json: AsJson = False,
) -> None:
    """End a token (RFC 7009). A server says the same of a token it does not know."""
    form = _about_a_token(secret_file, token_file)
    HttpClient(server or settings.issuer, settings).post(
        REVOCATION_PATH, form, caller=Caller(client_id, read_secret(secret_file))
    )
    output.done(
        {"revoked": True}, "If the token was this client's, it is revoked.", as_json=as_json
    )


@app.command()
@takes_settings(*_WHERE)
def decode(
    token: Annotated[
        str | None, typer.Argument(metavar="TOKEN", help="A JWT; from the file if left out.")
    ] = None,
    *,
    settings: Settings,
    token_file: _TokenFile = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove it with the server's published keys.")
    ] = False,
    server: _Server = None,
    as_json: AsJson = False,
) -> None:
    """Read a JWT access token. Without --verify nothing about it is proved."""
    text = token or read_line(token_file, "token")
    try:
        header = jwt.get_unverified_header(text)
        claims = (
            _proved(text, header, HttpClient(server or settings.issuer, settings))
            if verify
            else jwt.decode(text, options={"verify_signature": False})
        )
    except jwt.PyJWTError as error:
        raise Refused(f"not a good JWT: {error}") from error
    if as_json:
        output.document({"header": header, "claims": claims, "verified": verify})
        return
    output.facts({f"{name} (header)": value for name, value in header.items()})
    output.facts(claims)
    output.note("Verified." if verify else "Not verified: anybody can write this.")


def _proved(token: str, header: dict[str, Any], server: HttpClient) -> dict[str, Any]:
    """Return the claims if a published key signed them and they have not expired.

    For whom it is meant is left to whoever reads the claims.
    """
    if header.get("typ") != ACCESS_TOKEN_TYPE:
        raise jwt.InvalidTokenError(f"typ is not {ACCESS_TOKEN_TYPE}")
    keys = jwt.PyJWKSet.from_dict(server.get(JWKS_PATH))
    key = next((key for key in keys.keys if key.key_id == header.get("kid")), None)
    if key is None:
        raise jwt.InvalidTokenError("the server publishes no key of that kid")
    return jwt.decode(token, key, algorithms=list(SigningAlgorithm), options={"verify_aud": False})


def _about_a_token(secret_file: Path | None, token_file: Path | None) -> list[tuple[str, str]]:
    _refuse_sharing_standard_input(secret_file, token_file)
    return [("token", read_line(token_file, "token"))]


def _refuse_sharing_standard_input(*files: Path | None) -> None:
    if all(file is None or file == STANDARD_INPUT for file in files):
        raise Refused(
            "only one of secret and token can come from standard input: name a file for the other",
            ExitStatus.WRONG_USAGE,
        )


def _present(reply: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.document(reply)
    else:
        output.facts({**reply, **({"active": "no"} if reply.get("active") is False else {})})
