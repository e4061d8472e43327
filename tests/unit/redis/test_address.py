import pytest

from adapters.redis.address import Endpoint, Kind, RedisAddress


def test_an_address_has_working_defaults() -> None:
    """A host is enough."""
    assert RedisAddress.parse("redis://cache") == RedisAddress(
        kind=Kind.STANDALONE,
        places=(Endpoint("cache", 6379),),
        database=0,
        tls=False,
        username=None,
    )


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "rediss://gr%61ntd@cache.example:6380/3",
            RedisAddress(
                places=(Endpoint("cache.example", 6380),), database=3, tls=True, username="grantd"
            ),
        ),
        (
            "redis+sentinel://grantd@one,two:5000/main/2",
            RedisAddress(
                kind=Kind.SENTINEL,
                places=(Endpoint("one", 26379), Endpoint("two", 5000)),
                service="main",
                database=2,
                username="grantd",
            ),
        ),
        (
            "rediss+sentinel://one/main",
            RedisAddress(
                kind=Kind.SENTINEL, places=(Endpoint("one", 26379),), service="main", tls=True
            ),
        ),
        (
            "rediss+cluster://[::1]:7000,[fd00::2]",
            RedisAddress(
                kind=Kind.CLUSTER, places=(Endpoint("::1", 7000), Endpoint("fd00::2")), tls=True
            ),
        ),
        ("redis+cluster://one/0", RedisAddress(kind=Kind.CLUSTER, places=(Endpoint("one"),))),
    ],
)
def test_an_address_takes_all_that_a_url_may_say(url: str, address: RedisAddress) -> None:
    """TLS, user name, servers, service and database stand in the URL, passwords in files."""
    assert RedisAddress.parse(url) == address


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("redis://grantd:sesame@cache", "without a password"),
        ("redis://:sesame@cache", "without a password"),
        ("redis+cluster://:sesame@one,two", "without a password"),
        ("redis://cache?password=sesame", "nothing behind"),
        ("redis://cache#sesame", "nothing behind"),
        ("redis://cache/0?password=sesame", "nothing behind"),
        ("redis+sentinel://one/main/0?password=sesame", "nothing behind"),
        ("redis+sentinel://sesame", "SERVICE"),
        ("redis+sentinel://sesame/", "SERVICE"),
        ("redis+sentinel://one/main/sesame", "SERVICE"),
        ("redis+sentinel://one/main/0/sesame", "SERVICE"),
        ("redis+cluster://one,,sesame", "HOST:PORT,HOST:PORT"),
        ("redis+cluster://sesame/1", "one database"),
        ("redis+cluster://sesame:70000", "HOST:PORT"),
        ("redis://one,sesame", "HOST:PORT/DB"),
        ("https://sesame", "begins with redis://"),
        ("redis:sesame", "begins with redis://|HOST:PORT"),
        ("redis:///0", "HOST:PORT/DB"),
        ("redis://cache/sesame", "HOST:PORT/DB"),
        ("redis://cache:sesame", "HOST:PORT/DB"),
        ("redis://[sesame", "HOST:PORT/DB"),
    ],
)
def test_an_address_is_refused_without_repeating_it(url: str, complaint: str) -> None:
    """A refused URL may hold a password anywhere, so the refusal shows nothing of it."""
    with pytest.raises(ValueError, match=complaint) as refusal:
        RedisAddress.parse(url)

    assert "sesame" not in str(refusal.value)
    assert refusal.value.__cause__ is None
