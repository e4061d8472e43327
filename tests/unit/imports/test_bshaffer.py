import pytest

from adapters.imports import bshaffer
from domain.errors import UnreadableExport
from domain.model.credentials import AuthMethod
from support.imports import by_id, database, export, secret_of

TABLE = """CREATE TABLE {name} (client_id TEXT, client_secret TEXT, grant_types TEXT, scope TEXT);
INSERT INTO {name} VALUES ('billing', 'secret', 'client_credentials', NULL);"""


def test_a_database_has_its_clients_and_its_default_scopes() -> None:
    """NULL grants and an empty scope are everything there; no scope asked for is the client's."""
    clients = by_id(bshaffer.read(export("bshaffer.sql")))

    billing, reports = clients["billing"], clients["reports"]
    assert billing.place == "row 1"
    assert secret_of(billing) == "a secret, with & = : in it"
    assert billing.grant_types == ("client_credentials", "refresh_token")
    assert billing.scope == billing.default_scope == ("orders.read", "orders.write")
    assert billing.owner == "alice"
    assert billing.auth_methods == {AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST}
    assert reports.grant_types is reports.scope is None
    assert reports.default_scope == ("basic",)
    assert clients["hashed"].not_taken == ("redirect_uri",)
    assert "public" in clients["mobile"].flaw


def test_csv_has_the_same_clients_as_the_database() -> None:
    """Either may be at hand; MySQL's ways to write NULL are read as such."""
    nightly, twice, sample, sample_hash = bshaffer.read(export("yii2.csv"))

    assert nightly.place == "line 2"
    assert secret_of(nightly) == "quoted, with a comma"
    assert (nightly.owner, twice.owner, sample_hash.owner) == ("7", "", "")
    assert sample.scope is sample_hash.scope is None
    assert secret_of(sample) == "testpass"


def test_what_mysql_prints_has_the_same_clients_as_csv() -> None:
    """Its backslashes hide what would divide; quotes mean nothing."""
    printed = (
        "client_id\tclient_secret\tgrant_types\tscope\tuser_id\n"
        'nightly\t"a\\tb\\\\c\u2028\tclient_credentials\tNULL\tNULL\n'
    )

    [client] = bshaffer.read(printed.encode())

    assert (client.place, client.client_id, client.owner) == ("line 2", "nightly", "")
    assert secret_of(client) == '"a\tb\\c\u2028'
    assert client.scope is None


def test_columns_may_stand_in_any_order_and_case() -> None:
    """A spreadsheet or a query may have sorted them."""
    [client] = bshaffer.read(b"\xef\xbb\xbfGRANT_TYPES,client_secret,Client_ID\r\na b,x,ledger\r\n")

    assert (client.client_id, client.grant_types) == ("ledger", ("a", "b"))


def test_grant_types_may_be_delimited_by_commas() -> None:
    [client] = bshaffer.read(b'client_id,grant_types\nledger,"client_credentials, password"\n')

    assert client.grant_types == ("client_credentials", "password")


def test_a_table_may_have_a_prefix() -> None:
    """Yii puts one before every table of an application."""
    clients = TABLE.format(name="app_oauth_clients")
    scopes = "CREATE TABLE app_oauth_scopes AS SELECT 'basic' AS scope, 1 AS is_default;"

    [client] = bshaffer.read(database(clients + scopes))

    assert client.default_scope == ("basic",)


def test_a_number_is_read_as_its_digits() -> None:
    statements = (
        "CREATE TABLE oauth_clients (client_id INTEGER, client_secret TEXT, user_id INTEGER);"
        "INSERT INTO oauth_clients VALUES (42, 'secret', 7);"
    )

    [client] = bshaffer.read(database(statements))

    assert (client.client_id, client.owner) == ("42", "7")


WRITE_AHEAD = bytearray(database(TABLE.format(name="oauth_clients")))
WRITE_AHEAD[18:20] = b"\x02\x02"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "line 1"),
        (b"id,secret\n1,x\n", "line 1"),
        (b"client_id,client_id\na,b\n", "line 1: a column"),
        (b"client_id,client_secret\na,b\nc\n", "line 3: 1 fields instead of 2"),
        (b'client_id,client_secret\na,"b\n', "line 2"),
        (b'client_id,client_secret\na,"b"c\n', "line 2"),
        (b"client_id\tscope\na\n", "line 2: 1 fields instead of 2"),
        (b"client_id\na\0b\n", "neither an SQLite database nor a table"),
        (b"client_id\n\xff\xfe\n", "neither an SQLite database nor a table"),
        (b"client_id\n" + b"a\n" * 10_001, "line 10002: more than 10000 clients"),
        (b"SQLite format 3\0", "broken"),
        (b"SQLite format 3\0" + bytes(4_096), "broken"),
        (database("CREATE TABLE users (name TEXT)"), "no table oauth_clients"),
        (database("CREATE TABLE oauth_clients (name TEXT)"), "no column client_id"),
        (database("CREATE VIEW oauth_clients AS SELECT 1 AS client_id"), "no table oauth_clients"),
        (
            database(TABLE.format(name="a_oauth_clients") + TABLE.format(name="b_oauth_clients")),
            "which table is it: a_oauth_clients, b_oauth_clients",
        ),
        (
            database(
                "CREATE TABLE oauth_clients (client_id, client_secret);"
                "INSERT INTO oauth_clients VALUES ('a', x'ff')"
            ),
            "row 1: client_secret is no text",
        ),
        (bytes(WRITE_AHEAD), "VACUUM INTO"),
    ],
)
def test_what_is_broken_is_refused_whole_with_its_place(content: bytes, place: str) -> None:
    """Nothing of such a file is worth trusting."""
    with pytest.raises(UnreadableExport) as refusal:
        bshaffer.read(content)

    assert place in refusal.value.hint
