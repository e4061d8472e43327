"""A file from elsewhere is read or refused, and never an exception of another kind."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.imports import bshaffer, hydra, keycloak, league
from domain.errors import UnreadableExport
from domain.model.imported_clients import ForeignClient
from support.imports import export

Read = Callable[[bytes], tuple[ForeignClient, ...]]

READERS: Final[Mapping[str, tuple[Read, bytes]]] = {
    "bshaffer.sql": (bshaffer.read, export("bshaffer.sql")),
    "yii2.csv": (bshaffer.read, export("yii2.csv")),
    "batch": (bshaffer.read, b"client_id\tclient_secret\tscope\nnightly\ta\\tb\\\\c\tNULL\n"),
    "league.sql": (league.read, export("league.sql")),
    "passport.csv": (league.read, export("passport.csv")),
    "hydra.json": (hydra.read, export("hydra.json")),
    "keycloak-realm.json": (keycloak.read, export("keycloak-realm.json")),
}

_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def read_or_refused(read: Read, content: bytes) -> None:
    try:
        clients = read(content)
    except UnreadableExport:
        return
    for client in clients:
        json.dumps([client.place, client.client_id, client.name, client.flaw]).encode()


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_bytes_near_an_export_are_read_or_refused(name: str, data: st.DataObject) -> None:
    read, content = READERS[name]
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    piece = data.draw(st.binary(max_size=40))

    read_or_refused(read, content[:start] + piece + content[end:])


@pytest.mark.parametrize("name", READERS)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, content: bytes) -> None:
    read, _ = READERS[name]

    read_or_refused(read, content)


@pytest.mark.parametrize("name", ["hydra.json", "keycloak-realm.json"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_odd_members_are_read_or_refused(name: str, data: st.DataObject) -> None:
    """Every member of a client in turn, and every attribute."""
    read, content = READERS[name]
    document: Any = json.loads(content)
    client = document.get("items", document.get("clients"))[data.draw(st.integers(0, 3))]
    holder = data.draw(st.sampled_from([one for one in (client, client.get("attributes")) if one]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(_odd)

    read_or_refused(read, json.dumps(document).encode())
