"""How clients and their secrets are shown. A secret itself is shown by who had it made."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.model.client_keys import key_ids_of
from domain.model.clients import Client
from domain.model.credentials import RegisteredSecret
from domain.model.lifetimes import format_duration
from domain.usecases.administer_secrets import SecretStanding
from entrypoints.cli import output


def client_document(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "state": client_state(client),
        "version": client.version,
        "created_at": client.created_at.isoformat(),
        "grant_types": sorted(client.grant_types),
        "scope": str(client.scope),
        "default_scope": str(client.default_scope),
        "audiences": sorted(client.audiences),
        "default_audience": client.default_audience,
        "serves": sorted(client.serves),
        "introspect_any": client.introspect_any,
        "auth_methods": sorted(client.auth_methods),
        "jwks_key_ids": key_ids_of(client.jwks) if client.jwks is not None else (),
        "jwks_uri": client.jwks_uri,
        "token_endpoint_auth_signing_alg": client.assertion_algorithm,
        "accept_token_endpoint_audience": client.accept_token_endpoint_audience,
        "introspection_signed_response_alg": client.introspection_signed_response_alg,
        "accept_raw_basic_credentials": client.accept_raw_basic_credentials,
        "owner": client.owner,
        "subject": client.subject,
        "issue_refresh_token": client.issue_refresh_token,
        "token_format": client.token_format,
        "signing_algorithm": client.signing_algorithm,
        "access_token_ttl": _written(client.access_token_ttl),
        "refresh_token_ttl": _written(client.refresh_token_ttl),
        "refresh_token_max_age": _written(client.refresh_token_max_age),
        "refresh_grace": _written(client.refresh_grace),
        "secrets": [_secret_document(secret) for secret in client.secrets],
    }


def standing_documents(
    standings: Sequence[SecretStanding], *, now: datetime
) -> list[dict[str, Any]]:
    """Describe secrets, each with whether it works, when it was used, and whether it is needed."""
    return [
        {
            **_secret_document(standing.secret),
            "state": "expired" if standing.secret.is_expired(now) else "working",
            "last_used_at": standing.last_use.at.isoformat() if standing.last_use else None,
            "last_used_from": standing.last_use.source if standing.last_use else None,
            "safe_to_delete": standing.deletion.is_safe,
            "reason": standing.deletion.reason,
        }
        for standing in standings
    ]


def client_state(client: Client) -> str:
    return "disabled" if client.disabled else "enabled"


def present_changed(client: Client, sentence: str, *, as_json: bool) -> None:
    """Show a client that was changed to a program, and say to a person what was done."""
    output.done(client_document(client), sentence, as_json=as_json)


def _secret_document(secret: RegisteredSecret) -> dict[str, Any]:
    return {
        "secret_id": secret.secret_id,
        "label": secret.label,
        "created_at": secret.created_at.isoformat(),
        "expires_at": secret.expires_at.isoformat() if secret.expires_at else None,
        "imported": secret.imported,
        "recoverable": secret.sealed is not None,
    }


def _written(duration: timedelta | None) -> str | None:
    return format_duration(duration) if duration is not None else None
