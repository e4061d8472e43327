"""The tables of bshaffer/oauth2-server-php, which Filsh/yii2-oauth2-server keeps as they are.

That server compares secrets as they stand, splits `grant_types` at spaces,
takes NULL there for every grant, and an empty `scope` for every scope. A
request without a scope gets the client's, else the default ones.
"""

from adapters.imports.tables import Row, read_tables, words
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.imported_clients import ForeignClient

_BY_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})
_READ = frozenset({"client_id", "client_secret", "grant_types", "scope", "user_id"})


def read(content: bytes) -> tuple[ForeignClient, ...]:
    """Read an SQLite database, or its table `oauth_clients` as CSV or as `mysql --batch` prints it.

    Raises:
        UnreadableExport: If it is neither or is broken.
    """
    tables = read_tables(
        content, clients=("oauth_clients",), known_by=("client_id",), scopes="oauth_scopes"
    )
    default_scope = tuple(
        token
        for row in tables.scopes
        if row.is_set("is_default")
        for token in words(row.first("scope") or "")
    )
    return tuple(_client(row, default_scope) for row in tables.clients)


def _client(row: Row, default_scope: tuple[str, ...]) -> ForeignClient:
    secret = row.first("client_secret")
    grant_types = row.first("grant_types")
    scope = words(row.first("scope") or "")
    return ForeignClient(
        place=row.place,
        client_id=row.first("client_id") or "",
        flaw="" if secret else "it has no secret: a public client cannot use client_credentials",
        auth_methods=_BY_SECRET,
        secret=ClientSecret(secret) if secret else None,
        secret_is_sent_raw=True,
        grant_types=words(grant_types) if grant_types is not None else None,
        scope=scope or None,
        default_scope=scope or default_scope,
        owner=row.first("user_id") or "",
        not_taken=tuple(name for name, value in row.values.items() if value and name not in _READ),
    )
