"""Clients and their secrets as messages."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

from adapters.admin_messages import fields
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    RegisteredSecret,
    SecretHash,
    SecretId,
)
from domain.model.identifiers import ClientId, Epoch
from domain.model.keys import SigningAlgorithm
from domain.model.secret_lives import Deletion
from domain.model.tokens import TokenFormat
from domain.model.usage import LastUse, UseKind
from domain.usecases.administer_clients import ClientChanges, NewClient
from domain.usecases.administer_secrets import SecretStanding
from grantd.admin.v1 import client_service_pb2 as pb

_LONGEST_ETAG = 18  # digits


def _read_jwks(value: str) -> str:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        raise fields.refused("jwks", "a JWK set in JSON is needed") from None
    return read_client_keys(document).text


SETTLED: Final = (fields.optional("owner"),)
"""What is said of a client when it is registered, and never changes."""

CHANGEABLE: Final = (
    fields.text("name"),
    fields.any_of("auth_methods", AuthMethod),
    fields.any_of("grant_types", GrantType),
    fields.scope("scopes", "scope"),
    fields.scope("default_scopes", "default_scope"),
    fields.texts("audiences"),
    fields.optional("default_audience"),
    fields.texts("serves"),
    fields.switch("introspect_any"),
    fields.one_of("subject", Subject, usual=Subject.CLIENT),
    fields.switch("issue_refresh_token"),
    fields.choice("token_format", TokenFormat),
    fields.choice("signing_algorithm", SigningAlgorithm),
    fields.optional("jwks", reader=_read_jwks),
    fields.optional("jwks_uri", reader=read_jwks_uri),
    fields.choice("token_endpoint_auth_signing_alg", AssertionAlgorithm, "assertion_algorithm"),
    fields.switch("accept_token_endpoint_audience"),
    fields.one_of(
        "introspection_signed_response_alg", SigningAlgorithm, usual=SigningAlgorithm.RS256
    ),
    fields.switch("accept_raw_basic_credentials"),
    fields.duration("access_token_ttl"),
    fields.duration("refresh_token_ttl"),
    fields.duration("refresh_token_max_age"),
    fields.duration("refresh_grace"),
)

_BY_NAME: Final[Mapping[str, fields.Field]] = {field.name: field for field in CHANGEABLE}


def write_client(client: Client) -> pb.Client:
    """Write a client as it is shown: no secret, no hash of one, no epoch."""
    return pb.Client(
        client_id=client.client_id,
        etag=write_etag(client.version),
        create_time=client.created_at,
        disabled=client.disabled,
        secrets=[write_secret(secret) for secret in client.secrets],
        **fields.written((*SETTLED, *CHANGEABLE), client),
    )


def write_new_client(wanted: NewClient) -> pb.CreateClientRequest:
    draft = wanted.draft
    return pb.CreateClientRequest(
        client=pb.Client(
            client_id=draft.client_id, **fields.written((*SETTLED, *CHANGEABLE), draft)
        ),
        client_secret=wanted.secret.reveal() if wanted.secret is not None else None,
        client_secret_expire_time=wanted.secret_expires_at,
    )


def read_new_client(
    message: pb.CreateClientRequest, *, client_id: ClientId, epoch: Epoch, created_at: datetime
) -> NewClient:
    """Read what a client is to be.

    Args:
        client_id: For a client that names none.
    """
    wanted = message.client
    draft = Client(
        client_id=ClientId(wanted.client_id) if wanted.client_id else client_id,
        epoch=epoch,
        created_at=created_at,
        **fields.read((*SETTLED, *CHANGEABLE), wanted),
    )
    return NewClient(
        draft=draft,
        secret=ClientSecret(message.client_secret) if message.client_secret else None,
        secret_expires_at=fields.optional_moment("client_secret_expire_time", message),
    )


def read_client(message: pb.Client) -> Client:
    """Read a client that a server shows.

    Its epoch and the hashes of its secrets stay there and are empty here; a
    secret that is kept sealed is so, emptily.
    """
    return Client(
        client_id=ClientId(message.client_id),
        epoch=Epoch(""),
        version=read_etag(message.etag),
        created_at=fields.read_moment("create_time", message.create_time),
        disabled=message.disabled,
        secrets=tuple(read_secret(secret) for secret in message.secrets),
        **fields.read((*SETTLED, *CHANGEABLE), message),
    )


def write_changes(client_id: ClientId, changes: ClientChanges) -> pb.UpdateClientRequest:
    values = fields.changed(CHANGEABLE, cast("Mapping[str, Any]", changes))
    request = pb.UpdateClientRequest(client=pb.Client(client_id=client_id, **values))
    request.update_mask.paths.extend(values)
    return request


def read_changes(message: pb.UpdateClientRequest) -> ClientChanges:
    changes = fields.read_changes(_BY_NAME, message.client, message.update_mask.paths)
    if not message.new_secret:
        fields.require_changes(changes)
    return cast("ClientChanges", changes)


def write_secret(secret: RegisteredSecret) -> pb.ClientSecret:
    return pb.ClientSecret(
        secret_id=secret.secret_id,
        label=secret.label,
        create_time=secret.created_at,
        expire_time=secret.expires_at,
        imported=secret.imported,
        recoverable=secret.sealed is not None,
    )


def read_secret(message: pb.ClientSecret) -> RegisteredSecret:
    return RegisteredSecret(
        secret_id=SecretId(message.secret_id),
        hash=SecretHash(""),
        label=message.label,
        created_at=fields.read_moment("create_time", message.create_time),
        expires_at=fields.optional_moment("expire_time", message),
        imported=message.imported,
        sealed=b"" if message.recoverable else None,
    )


def write_standing(standing: SecretStanding) -> pb.SecretStanding:
    return pb.SecretStanding(
        secret=write_secret(standing.secret),
        last_use=_write_last_use(standing.last_use),
        safe_to_delete=standing.deletion.is_safe,
        reason=standing.deletion.reason,
    )


def read_standing(message: pb.SecretStanding) -> SecretStanding:
    secret = read_secret(message.secret)
    last_use = message.last_use if message.HasField("last_use") else None
    return SecretStanding(
        secret=secret,
        last_use=_read_last_use(last_use, secret.secret_id) if last_use is not None else None,
        deletion=Deletion(is_safe=message.safe_to_delete, reason=message.reason),
    )


def _write_last_use(use: LastUse | None) -> pb.LastUse | None:
    if use is None:
        return None
    return pb.LastUse(first_time=use.first_at, last_time=use.at, source=use.source)


def _read_last_use(message: pb.LastUse, secret_id: SecretId) -> LastUse:
    return LastUse(
        kind=UseKind.SECRET,
        name=secret_id,
        first_at=fields.read_moment("first_time", message.first_time),
        at=fields.read_moment("last_time", message.last_time),
        source=message.source,
    )


def write_etag(version: int) -> str:
    return str(version)


def read_etag(etag: str) -> int:
    """Read the version that an etag stands for.

    Raises:
        InvalidRequest: If this server has never written it.
    """
    if not (etag.isascii() and etag.isdigit() and len(etag) <= _LONGEST_ETAG):
        raise fields.refused("etag", "it has to be given as it came")
    return int(etag)
