"""Hashes that other servers wrote, checked against implementations that are not ours."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.system.foreign_hashes import KnownForeignHashes
from adapters.system.secret_hashing import PepperedSecretHasher
from domain.errors import Unavailable
from domain.model.credentials import ClientSecret, SecretHash
from domain.ports.foreign_hashes import ForeignHashUnusable
from domain.ports.secret_hashing import SecretMismatch

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "imports" / "hashes.json").read_text()
)
KNOWN = KnownForeignHashes()

OF_80_BY_PHP = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.D7RDOYXakZhsFmh/LdqQNx0kQ424AFS"
SALT_AND_OUTPUT = "dBQJW7IoMuSQxluJm9F9pw$O5VKcftdjdFN0qiOQ8HSJ3+FuWj6yzIi/IvldaqlEq0"


@pytest.fixture
def hasher() -> Iterator[PepperedSecretHasher]:
    hasher = PepperedSecretHasher()
    yield hasher
    hasher.close()


async def matches(hasher: PepperedSecretHasher, secret: str, against: str) -> bool:
    try:
        await hasher.verify(ClientSecret(secret), against=SecretHash(against), peppers=())
    except SecretMismatch:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['by']}")
async def test_a_hash_of_another_server_matches_its_secret_and_no_other(
    hasher: PepperedSecretHasher, vector: dict[str, str]
) -> None:
    """Each was made by an implementation that is not the one under test."""
    assert KNOWN.read(vector["hash"]) == vector["hash"]
    assert hasher.pepper_of(SecretHash(vector["hash"])) is None
    assert await matches(hasher, vector["secret"], vector["hash"])
    for wrong in ("", "y" + vector["secret"], vector["secret"] + "\0"):
        assert not await matches(hasher, wrong, vector["hash"])


async def test_beyond_72_octets_php_cuts_off_and_go_refuses(hasher: PepperedSecretHasher) -> None:
    """Each hash is treated as who wrote it does; the letter says who."""
    by_go = OF_80_BY_PHP.replace("$2y$", "$2a$")

    assert await matches(hasher, "x" * 80, OF_80_BY_PHP)
    assert not await matches(hasher, "x" * 80, by_go)
    assert await matches(hasher, "x" * 72, by_go)


@pytest.mark.parametrize(
    "text",
    ["", "secret", "$ecret", "$", "$$", "$UPPER$x", "a$2y$10$", "gds_0a1b2c3d_x", "$2y", "100$"],
)
def test_what_is_no_hash_is_a_secret(text: str) -> None:
    assert KNOWN.read(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (OF_80_BY_PHP.replace("$05$", "$31$"), "cost of its bcrypt hash is 31"),
        (OF_80_BY_PHP.replace("$05$", "$15$"), "cost of its bcrypt hash is 15"),
        (OF_80_BY_PHP.replace("$05$", "$03$"), "cost of its bcrypt hash is 3"),
        (OF_80_BY_PHP.replace("$2y$", "$2x$"), "begins like a bcrypt hash"),
        (OF_80_BY_PHP[:-1], "begins like a bcrypt hash"),
        (f"$pbkdf2-sha256$i=1000000000,l=32${SALT_AND_OUTPUT}", "1000000000 iterations"),
        (f"$pbkdf2-sha256$i=0,l=32${SALT_AND_OUTPUT}", "0 iterations"),
        (f"$pbkdf2-sha256$i=25000,l=31${SALT_AND_OUTPUT}", "begins like a PBKDF2 hash"),
        (f"$pbkdf2-sha384$i=25000,l=32${SALT_AND_OUTPUT}", "begins like a PBKDF2 hash"),
        ("$pbkdf2-sha256$i=1,l=1$c2FsdA$YQ", "begins like a PBKDF2 hash"),
        ("$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA", "m=9999999"),
        ("$argon2id$v=19$m=262144,t=99,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA", "t=99"),
        ("$argon2id$v=19$m=64,t=1,p=99$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA", "p=99"),
        ("$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA", "begins like an Argon2"),
        ("$6$salt$hash", "of a kind that is not verified"),
        ("$y$j9T$salt$hash", "of a kind that is not verified"),
    ],
)
def test_a_hash_that_is_not_verified_here_is_refused_by_its_flaw(text: str, reason: str) -> None:
    """Not one of them is taken for a secret in the clear, or costs a stranger's guess too much."""
    with pytest.raises(ForeignHashUnusable, match=reason) as refusal:
        KNOWN.read(text)

    assert text not in str(refusal.value)


@given(st.text() | st.from_regex(r"\$(2[aby]|argon2id|pbkdf2-sha256)\$.{0,80}"))
def test_any_text_is_a_hash_a_secret_or_refused(text: str) -> None:
    try:
        found = KNOWN.read(text)
    except ForeignHashUnusable:
        return
    assert found in (None, text)


async def test_foreign_hashes_wait_in_the_same_bounded_pool(hasher: PepperedSecretHasher) -> None:
    """A flood of guesses is turned away before it costs the time of a hash each."""
    hasher._queued = 64

    with pytest.raises(Unavailable):
        await matches(hasher, "guess", OF_80_BY_PHP)
