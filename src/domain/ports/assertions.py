from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.model.assertions import AssertionAlgorithm, AssertionClaims, AssertionId
from domain.model.clients import Client
from domain.model.credentials import ClientSecret
from domain.model.identifiers import ClientId


class AssertionRejected(Exception):
    """A text is not a client assertion that a given key signed. Never rendered."""


@dataclass(frozen=True, slots=True)
class ForeseenAssertion:
    """What an assertion says of itself, unproved.

    Attributes:
        key_id: `kid`, if it names one.
    """

    client_id: ClientId
    algorithm: AssertionAlgorithm
    key_id: str | None


class AssertionVerifier(Protocol):
    """Reads and proves client assertions (RFC 7523 §3, RFC 7515 §5.2).

    A key's type decides which algorithms it may verify; the header may only
    agree (RFC 8725 §3.1). No key and no URL is ever taken from the header.
    """

    def peek(self, assertion: str, /) -> ForeseenAssertion | None:
        """Read whose it claims to be, good for foreseeing reads and for nothing else."""
        ...

    async def verify_by_keys(self, assertion: str, /, *, jwks: str) -> AssertionClaims:
        """Return the claims of an assertion that a key of *jwks* signed.

        A `kid` selects the key; without one the set has to hold exactly one
        that could have signed.

        Raises:
            AssertionRejected: If it does not hold.
        """
        ...

    async def verify_by_secret(self, assertion: str, /, *, secret: ClientSecret) -> AssertionClaims:
        """Return the claims of an assertion under the HMAC of a client secret.

        Raises:
            AssertionRejected: If it does not hold.
        """
        ...


class ClientKeySource(Protocol):
    """Where the public keys of clients come from."""

    async def jwks(self, client: Client, /, *, key_id: str | None) -> str:
        """Return a client's JWK set in JSON, inline or from its `jwks_uri`.

        A copy is good as long as its reply said; one without *key_id* is
        fetched anew, once.

        Raises:
            Unavailable: If the client's keys cannot be fetched and no good
                copy is at hand.
            AssertionRejected: If what is there is not a JWK set.
        """
        ...


class AssertionReplays(Protocol):
    """Which assertions were spent, over all workers, nodes and endpoints."""

    async def spend(self, assertion_id: AssertionId, /, *, until: datetime, now: datetime) -> bool:
        """Spend an assertion until *until*, and tell whether it was unspent.

        Of any number of callers at once exactly one MUST get True.
        """
        ...
