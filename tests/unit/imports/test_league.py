import pytest

from adapters.imports import league
from domain.errors import UnreadableExport
from support.imports import by_id, export, secret_of


def test_the_table_of_the_symfony_bundle_is_read() -> None:
    clients = by_id(league.read(export("league.sql")))

    stock = clients["stock"]
    assert stock.name == "Stock keeping"
    assert stock.grant_types == ("client_credentials",)
    assert stock.scope == stock.default_scope == ("stock.read", "stock.write")
    assert not stock.disabled
    assert clients["argon"].grant_types == ("client_credentials", "refresh_token")
    assert clients["retired"].disabled
    assert "public" in clients["spa"].flaw


def test_the_table_of_passport_is_read() -> None:
    """It has numbers for ids, and neither grants nor scopes."""
    clients = by_id(league.read(export("passport.csv")))

    assert clients["3"].owner == "12"
    assert clients["3"].grant_types is clients["3"].scope is None
    assert secret_of(clients["4"]) == "in the clear"
    assert [client.disabled for client in clients.values()] == [False, True, False]
    assert clients["3"].not_taken == ()


def test_lists_may_be_json() -> None:
    """As an application writes them that keeps them so."""
    [client] = league.read(
        b'identifier,secret,grant_types\nledger,x,"[""client_credentials"",""password""]"\n'
    )

    assert client.grant_types == ("client_credentials", "password")


@pytest.mark.parametrize("text", ['"["', '"[1]"', '"[{}]"', '"' + "[" * 9_999 + '"'])
def test_a_list_that_is_none_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UnreadableExport) as refusal:
        league.read(f"id,secret,grants\n1,x,{text}\n".encode())

    assert refusal.value.hint.startswith("line 2")


def test_a_client_that_is_not_confidential_has_no_use_here() -> None:
    """Whatever stands in the column of its secret."""
    [client] = league.read(b"id,secret,is_confidential\n1,x,0\n")

    assert "public" in client.flaw
