"""Tables of clients for thephpleague/oauth2-server.

That library leaves the table to the application. What its examples, Laravel
Passport, the Symfony bundle and the seeds call the columns is understood
here; several names for one thing are tried in turn.
"""

import json

from adapters.imports.tables import Row, read_tables, words
from domain.errors import UnreadableExport
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.imported_clients import ForeignClient

_BY_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})

_ID = ("client_id", "identifier", "id")
_SECRET = ("client_secret", "secret")
_NAME = ("name", "client_name")
_GRANT_TYPES = ("grant_types", "grants")
_SCOPE = ("scope", "scopes")
_CONFIDENTIAL = ("is_confidential", "confidential")
_OWNER = ("user_id", "owner_id")
_STATES = ("revoked", "active", "is_active")
_READ = frozenset(
    {*_ID, *_SECRET, *_NAME, *_GRANT_TYPES, *_SCOPE, *_CONFIDENTIAL, *_OWNER, *_STATES}
)
_OF_NO_MEANING = frozenset({"created_at", "updated_at"})


def read(content: bytes) -> tuple[ForeignClient, ...]:
    """Read an SQLite database, or its table of clients as CSV or as `mysql --batch` prints it.

    Raises:
        UnreadableExport: If it is neither or is broken.
    """
    tables = read_tables(content, clients=("oauth_clients", "oauth2_client"), known_by=_ID)
    return tuple(_client(row) for row in tables.clients)


def _client(row: Row) -> ForeignClient:
    secret = row.first(*_SECRET)
    grant_types = row.first(*_GRANT_TYPES)
    scope = _listed(row, row.first(*_SCOPE) or "")
    return ForeignClient(
        place=row.place,
        client_id=row.first(*_ID) or "",
        flaw=_flaw(row, secret),
        name=row.first(*_NAME) or "",
        disabled=row.is_set("revoked")
        or any(row.has(active) and not row.is_set(active) for active in ("active", "is_active")),
        auth_methods=_BY_SECRET,
        secret=ClientSecret(secret) if secret else None,
        secret_is_sent_raw=True,
        grant_types=_listed(row, grant_types) if grant_types is not None else None,
        scope=scope or None,
        default_scope=scope,
        owner=row.first(*_OWNER) or "",
        not_taken=tuple(
            name
            for name, value in row.values.items()
            if value and value != "0" and name not in _READ | _OF_NO_MEANING
        ),
    )


def _flaw(row: Row, secret: str | None) -> str:
    confidential = not row.has(*_CONFIDENTIAL) or any(row.is_set(one) for one in _CONFIDENTIAL)
    if secret and confidential:
        return ""
    return "it is public: such a client cannot use client_credentials"


def _listed(row: Row, text: str) -> tuple[str, ...]:
    """Split a list, which some applications write as JSON."""
    if not text.startswith("["):
        return words(text)
    try:
        several = json.loads(text)
    except (ValueError, RecursionError):
        several = None
    if not isinstance(several, list) or not all(isinstance(one, str) for one in several):
        raise UnreadableExport(hint=f"{row.place}: a list in JSON holds more than texts")
    return tuple(several)
