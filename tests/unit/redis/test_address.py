from pathlib import Path

import pytest

from adapters.redis.address import RedisAddress


def test_an_address_has_working_defaults() -> None:
    """A host is enough."""
    assert RedisAddress.parse("redis://cache") == RedisAddress(
        host="cache", port=6379, database=0, tls=False, username=None, password=None
    )


def test_an_address_takes_all_that_a_url_may_say(tmp_path: Path) -> None:
    """TLS, user name, port and database stand in the URL, the password in a file."""
    password = tmp_path / "password"
    password.write_text("open sesame\n")

    address = RedisAddress.parse("rediss://gr%61ntd@cache.example:6380/3", password_file=password)

    assert address == RedisAddress(
        host="cache.example",
        port=6380,
        database=3,
        tls=True,
        username="grantd",
        password="open sesame",
    )


def test_an_address_does_not_show_its_password(tmp_path: Path) -> None:
    """What is logged by accident holds no secret."""
    password = tmp_path / "password"
    password.write_text("sesame")

    assert "sesame" not in repr(RedisAddress.parse("redis://cache", password_file=password))


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://grantd:sesame@cache", "holds a password"),
        ("redis://:sesame@cache", "holds a password"),
        ("redis://cache?password=sesame", "neither a query nor a fragment"),
        ("redis://cache#sesame", "neither a query nor a fragment"),
        ("redis+sentinel://sesame/main", "not supported yet"),
        ("redis+cluster://sesame", "not supported yet"),
        ("https://sesame", "begins with redis:// or rediss://"),
        ("redis:///0", "names no host"),
        ("redis://cache/sesame", "number of a database"),
        ("redis://cache:sesame", "malformed"),
        ("redis://[sesame", "malformed"),
    ],
)
def test_an_address_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    """A refused URL may hold a password anywhere, so the refusal shows nothing of it."""
    with pytest.raises(ValueError, match=complaint) as refusal:
        RedisAddress.parse(url)

    assert "sesame" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    """Whoever mistyped the path reads it again."""
    with pytest.raises(ValueError, match=r"cannot be read: .*nowhere"):
        RedisAddress.parse("redis://cache", password_file=tmp_path / "nowhere")


def test_an_empty_password_file_is_refused(tmp_path: Path) -> None:
    """An empty password would mean none."""
    empty = tmp_path / "password"
    empty.write_text("\n")

    with pytest.raises(ValueError, match="is empty"):
        RedisAddress.parse("redis://cache", password_file=empty)
