"""Exports of other servers, as files of theirs hold them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from domain.model.imported_clients import ForeignClient

FOLDER = Path(__file__).parents[1] / "vectors" / "imports"


def export(name: str) -> bytes:
    """Return an export; one in SQL becomes the database that it makes."""
    path = FOLDER / name
    return database(path.read_text()) if path.suffix == ".sql" else path.read_bytes()


def database(statements: str) -> bytes:
    """Return the SQLite file that *statements* make."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(statements)
        return made.serialize()


def by_id(clients: tuple[ForeignClient, ...]) -> dict[str, ForeignClient]:
    return {client.client_id: client for client in clients}


def secret_of(client: ForeignClient) -> str | None:
    return client.secret.reveal() if client.secret is not None else None
