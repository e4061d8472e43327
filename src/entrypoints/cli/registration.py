"""`grantd clients register`: clients from standard metadata (RFC 7591 §2)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.strict_json import refuse_constant, require_unique
from domain.model.clients import Client, Subject
from domain.model.credentials import AuthMethod
from domain.model.lifetimes import format_duration
from domain.usecases.administer_clients import CreatedClient, telling_place
from domain.usecases.register_clients import Registration, read_metadata
from entrypoints.cli import output
from entrypoints.cli.administration import Administration
from entrypoints.cli.core import with_administration
from entrypoints.cli.exits import Refused
from entrypoints.cli.inputs import called, read_at_most
from entrypoints.cli.options import ADMINISTRATIVE, takes_settings
from entrypoints.settings import Settings

_LARGEST_DOCUMENT = 16 * 1_048_576


@takes_settings(*ADMINISTRATIVE)
def register(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Client metadata in JSON, one object or an array; - is standard input.",
        ),
    ],
    *,
    settings: Settings,
    _as_json: Annotated[
        bool, typer.Option("--json", help="What is printed is JSON in any case.")
    ] = False,
) -> None:
    """Register clients from their standard metadata (RFC 7591 §2).

    All are judged before the first is registered. What is printed is the
    metadata as registered, and a secret that was made is in it this once.
    """
    document = read_document(file)
    documents = document if isinstance(document, list) else [document]
    if not documents:
        raise Refused(f"there is no client in {called(file)}")
    registered: list[CreatedClient] = []

    async def work(core: Administration) -> None:
        registrations = _read_all(core, documents)
        for one in registrations:
            for member in one.not_taken:
                output.note(f"not taken of {one.wanted.draft.client_id}: {member}")
        wanted = [one.wanted for one in registrations]
        async for created in core.administer_clients.create_all(wanted):
            registered.append(created)  # noqa: PERF401  (one by one: what fails comes later)

    try:
        with_administration(settings, work)
    finally:
        # Whatever ends the work early, the secrets made before are nowhere else.
        if registered:
            shown = [metadata_of(created) for created in registered]
            output.document(shown if isinstance(document, list) else shown[0])
        if 0 < len(registered) < len(documents):
            output.note(f"Registered {len(registered)} of {len(documents)} clients, then:")


def read_document(path: Path) -> object:
    """Read the JSON in a file or on standard input.

    Raises:
        Refused: If there is none, if it is too large, or if it names a member twice.
    """
    source = called(path)
    try:
        text = read_at_most(path, _LARGEST_DOCUMENT + 1)
        if len(text) > _LARGEST_DOCUMENT:
            raise Refused(f"{source} is larger than {_LARGEST_DOCUMENT} bytes")
        return json.loads(text, object_pairs_hook=require_unique, parse_constant=refuse_constant)
    except OSError as error:
        raise Refused(f"{source} cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise Refused(f"{source} is not JSON: line {error.lineno}: {error.msg}") from None
    except UnicodeDecodeError:
        raise Refused(f"{source} is not a text in UTF-8") from None
    except RecursionError:
        raise Refused(f"{source} is nested too deeply") from None
    except ValueError as error:
        raise Refused(f"{source} is not JSON: {error}") from None


def _read_all(core: Administration, documents: Sequence[object]) -> list[Registration]:
    registrations = []
    for place, document in enumerate(documents, 1):
        with telling_place(place, of=len(documents)):
            registrations.append(
                read_metadata(
                    document,
                    client_id=core.administer_clients.new_client_id(),
                    epoch=core.administer_clients.new_epoch(),
                    created_at=core.clock.now(),
                )
            )
    return registrations


def metadata_of(created: CreatedClient) -> dict[str, Any]:
    """Write a client as RFC 7591 §3.2.1 has it, without what was left unset."""
    client = created.client
    ours = _extensions(client)
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        **_secret(created),
        **({"client_name": client.name} if client.name else {}),
        **_authentication(client),
        "grant_types": sorted(client.grant_types),
        "scope": str(client.scope),
        "introspection_signed_response_alg": client.introspection_signed_response_alg,
        **{name: value for name, value in ours.items() if value},
    }


def _secret(created: CreatedClient) -> dict[str, Any]:
    if not created.client.secrets:
        return {}
    [kept] = created.client.secrets
    return {
        **({"client_secret": created.secret.reveal()} if created.secret is not None else {}),
        "client_secret_expires_at": int(kept.expires_at.timestamp()) if kept.expires_at else 0,
    }


def _authentication(client: Client) -> dict[str, Any]:
    methods = [method for method in AuthMethod if method in client.auth_methods]
    written: dict[str, Any] = {"token_endpoint_auth_method": methods[0]}
    if len(methods) > 1:
        written["auth_methods"] = methods
    if client.assertion_algorithm is not None:
        written["token_endpoint_auth_signing_alg"] = client.assertion_algorithm
    if client.jwks is not None:
        written["jwks"] = json.loads(client.jwks)
    if client.jwks_uri is not None:
        written["jwks_uri"] = client.jwks_uri
    return written


def _extensions(client: Client) -> dict[str, Any]:
    durations = {
        "access_token_ttl": client.access_token_ttl,
        "refresh_token_ttl": client.refresh_token_ttl,
        "refresh_token_max_age": client.refresh_token_max_age,
        "refresh_grace": client.refresh_grace,
    }
    return {
        "default_scope": str(client.default_scope),
        "audiences": sorted(client.audiences),
        "default_audience": client.default_audience,
        "serves": sorted(client.serves),
        "introspect_any": client.introspect_any,
        "owner": client.owner,
        "subject": client.subject if client.subject is not Subject.CLIENT else None,
        "issue_refresh_token": client.issue_refresh_token,
        "token_format": client.token_format,
        "signing_algorithm": client.signing_algorithm,
        "accept_token_endpoint_audience": client.accept_token_endpoint_audience,
        "accept_raw_basic_credentials": client.accept_raw_basic_credentials,
        **{
            name: format_duration(duration)
            for name, duration in durations.items()
            if duration is not None
        },
    }
