"""Hashes of secrets as other servers write them, verified until their first use (D5).

Their costs stand in them, and so are bounded when they are taken: whoever
knows the name of a client can have one computed for each guess.
"""

import hashlib
import hmac
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import Final

import bcrypt

from domain.model.credentials import SecretHash
from domain.ports.foreign_hashes import ForeignHashes, ForeignHashUnusable

_FEWEST_BCRYPT_ROUNDS: Final = 4  # 2 to that power, as its authors bound it
_MOST_BCRYPT_ROUNDS: Final = 14  # about a second
_MOST_ITERATIONS: Final = 2_000_000
_MOST_ARGON2_MEMORY: Final = 256 * 1_024  # in KiB
_MOST_ARGON2_WORK: Final = 1_024 * 1_024  # KiB times passes
_MOST_ARGON2_LANES: Final = 16
_SHORTEST_OUTPUT: Final = 16
_LONGEST_OUTPUT: Final = 64
_LONGEST_SALT: Final = 64

# bcrypt looks at no more than that.
_BCRYPT_OCTETS: Final = 72

# What crypt(3) and its heirs write; no secret of a server begins like this by chance.
_A_HASH = re.compile(r"\$[a-z0-9-]{1,24}\$")
_BCRYPT = re.compile(r"\$2(?P<variant>[aby])\$(?P<rounds>\d\d)\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i)\$v=19\$m=(?P<memory>\d{1,10}),t=(?P<passes>\d{1,10}),p=(?P<lanes>\d{1,10})"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<output>[A-Za-z0-9+/]{16,86})"
)
_PBKDF2 = re.compile(
    r"\$pbkdf2-(?P<digest>sha256|sha512)\$i=(?P<iterations>\d{1,10}),l=(?P<length>\d{1,4})"
    r"\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<output>[A-Za-z0-9+/]+)"
)


@dataclass(frozen=True, slots=True)
class _Pbkdf2:
    digest: str
    iterations: int
    salt: bytes
    output: bytes


class KnownForeignHashes:
    """bcrypt as PHP and Go write it, Argon2 in its reference encoding, PBKDF2 as Hydra does."""

    def read(self, text: str, /) -> SecretHash | None:
        begins = _A_HASH.match(text)
        if begins is None:
            return None
        kind = begins[0].strip("$")
        if kind.startswith("2"):
            _judge_bcrypt(text)
        elif kind.startswith("argon2"):
            _judge_argon2(text)
        elif kind.startswith("pbkdf2-"):
            _judge_pbkdf2(text)
        else:
            raise ForeignHashUnusable(
                "its secret is a hash of a kind that is not verified here:"
                " bcrypt, Argon2 and PBKDF2 are"
            )
        return SecretHash(text)


def is_foreign(stored: SecretHash) -> bool:
    """Tell whether `matches` is to be asked about a hash that is kept."""
    return stored.startswith(("$2", "$pbkdf2-"))


def matches(secret: bytes, stored: SecretHash) -> bool:
    """Compare at the cost that the hash names; to be called off the event loop.

    A secret with NUL matches nothing: bcrypt in C ends there, and HMAC takes
    those at the end for its own padding.
    """
    if b"\0" in secret:
        return False
    if bcrypted := _BCRYPT.fullmatch(stored):
        return _matches_bcrypt(secret, stored, by_php=bcrypted["variant"] == "y")
    derived = _read_pbkdf2(stored)
    if derived is None:
        return False
    computed = hashlib.pbkdf2_hmac(
        derived.digest, secret, derived.salt, derived.iterations, len(derived.output)
    )
    return hmac.compare_digest(computed, derived.output)


def _matches_bcrypt(secret: bytes, stored: SecretHash, *, by_php: bool) -> bool:
    """Treat a long secret as who wrote the hash does: PHP cuts it off, Go refuses it."""
    if len(secret) > _BCRYPT_OCTETS and not by_php:
        return False
    return bcrypt.checkpw(secret[:_BCRYPT_OCTETS], stored.encode())


def _judge_bcrypt(text: str) -> None:
    parts = _BCRYPT.fullmatch(text)
    if parts is None:
        raise ForeignHashUnusable("its secret begins like a bcrypt hash and is none")
    if not _FEWEST_BCRYPT_ROUNDS <= int(parts["rounds"]) <= _MOST_BCRYPT_ROUNDS:
        raise ForeignHashUnusable(
            f"the cost of its bcrypt hash is {int(parts['rounds'])}:"
            f" {_FEWEST_BCRYPT_ROUNDS} to {_MOST_BCRYPT_ROUNDS} are taken"
        )
    try:
        bcrypt.checkpw(b"", f"$2b$04${text[7:]}".encode())  # its salt, at the least cost
    except ValueError:
        raise ForeignHashUnusable("its bcrypt hash is broken") from None


def _judge_argon2(text: str) -> None:
    parts = _ARGON2.fullmatch(text)
    if parts is None:
        raise ForeignHashUnusable(
            "its secret begins like an Argon2 hash and is none of Argon2id or Argon2i, version 19"
        )
    memory, passes, lanes = (int(parts[name]) for name in ("memory", "passes", "lanes"))
    if (
        not 1 <= lanes <= _MOST_ARGON2_LANES
        or not 8 * lanes <= memory <= _MOST_ARGON2_MEMORY
        or passes < 1
        or memory * passes > _MOST_ARGON2_WORK
    ):
        raise ForeignHashUnusable(
            f"its Argon2 hash has m={memory}, t={passes}, p={lanes}: up to"
            f" m={_MOST_ARGON2_MEMORY}, p={_MOST_ARGON2_LANES} and m times t of"
            f" {_MOST_ARGON2_WORK} are taken"
        )
    if _decoded(parts["salt"]) is None or _decoded(parts["output"]) is None:
        raise ForeignHashUnusable("its Argon2 hash is broken")


def _judge_pbkdf2(text: str) -> None:
    derived = _read_pbkdf2(text)
    if derived is None:
        raise ForeignHashUnusable(
            "its secret begins like a PBKDF2 hash and is none of sha256 or sha512 as Hydra writes"
        )
    if not 1 <= derived.iterations <= _MOST_ITERATIONS:
        raise ForeignHashUnusable(
            f"its PBKDF2 hash has {derived.iterations} iterations:"
            f" 1 to {_MOST_ITERATIONS} are taken"
        )


def _read_pbkdf2(text: str) -> _Pbkdf2 | None:
    parts = _PBKDF2.fullmatch(text)
    if parts is None:
        return None
    salt, output = _decoded(parts["salt"]), _decoded(parts["output"])
    if salt is None or output is None or len(output) != int(parts["length"]):
        return None
    if len(salt) > _LONGEST_SALT or not _SHORTEST_OUTPUT <= len(output) <= _LONGEST_OUTPUT:
        return None
    return _Pbkdf2(parts["digest"], int(parts["iterations"]), salt, output)


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


_: type[ForeignHashes] = KnownForeignHashes
