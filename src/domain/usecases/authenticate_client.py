"""Who is calling (RFC 6749 §2.3). Every failed proof is one answer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from domain.errors import InvalidClient, InvalidRequest, TooManyRequests, Unavailable
from domain.model.clients import Client
from domain.model.credentials import (
    Presented,
    PresentedAssertion,
    PresentedCredentials,
    Proof,
    UnreadableCredentials,
)
from domain.model.events import Origin
from domain.model.identifiers import ClientId
from domain.model.keys import Keyring
from domain.model.limits import (
    VOUCHED_FOR,
    Account,
    FailureLimits,
    LimitKey,
    Spent,
    accounts,
    is_threatened,
    retry_after,
    vouching_key,
)
from domain.ports.assertions import ForeseenAssertion
from domain.ports.clients import ClientStore
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading
from domain.ports.witness import Witness
from domain.usecases.authenticate_by_assertion import AuthenticateByAssertion
from domain.usecases.authenticate_by_secret import AuthenticateBySecret
from domain.usecases.note_use import NoteUse
from domain.usecases.proved_client import ProvedClient


class AuthenticateClient:
    """Tells whether what a request presents proves that a client sent it.

    Who fails too often is refused unheard for a while (RFC 6749 §10.10). The
    hot path only reads: failures write, and so does the first success of a
    client from a source, which vouches for it there. A voucher is renewed
    while budgets that it spares its client are running out.
    """

    def __init__(
        self,
        clients: ClientStore,
        *,
        by_secret: AuthenticateBySecret,
        by_assertion: AuthenticateByAssertion,
        limiter: RateLimiter,
        limits: FailureLimits,
        note_use: NoteUse,
        witness: Witness,
    ) -> None:
        self._clients = clients
        self._by_secret = by_secret
        self._by_assertion = by_assertion
        self._limiter = limiter
        self._limits = limits
        self._note_use = note_use
        self._witness = witness

    def begin(
        self, presented: Presented, origin: Origin, *, now: datetime
    ) -> "PendingAuthentication":
        """Begin the reads that the proof needs.

        Raises:
            InvalidClient: If what is presented cannot prove anything.
            InvalidRequest: If several things are presented at once.
        """
        if isinstance(presented, UnreadableCredentials):
            raise presented.refusal
        foreseen = self._foresee(presented)
        claimed = _claimed_id(presented, foreseen)
        self._witness.claimed(claimed)
        booked = accounts(self._limits, client_id=claimed, source=origin.address)
        voucher = vouching_key(client_id=claimed, source=origin.address)
        return PendingAuthentication(
            presented=presented,
            origin=origin,
            foreseen=foreseen,
            found=self._clients.find(claimed),
            booked=booked,
            voucher=voucher,
            spent=self._limiter.peek([account.key for account in booked], now=now),
            vouched=self._limiter.is_vouched(voucher, now=now),
            now=now,
            by_secret=self._by_secret,
            by_assertion=self._by_assertion,
            limiter=self._limiter,
            note_use=self._note_use,
            witness=self._witness,
        )

    def claimed(self, presented: Presented) -> ClientId:
        """Return whose a request claims to be; empty if nobody's."""
        if isinstance(presented, UnreadableCredentials):
            return ClientId("")
        return _claimed_id(presented, self._foresee(presented))

    def _foresee(self, presented: Proof) -> ForeseenAssertion | None:
        if isinstance(presented, PresentedAssertion):
            return self._by_assertion.foresee(presented)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAuthentication:
    """A proof at work; what it reads has begun already."""

    presented: Proof
    origin: Origin
    foreseen: ForeseenAssertion | None
    found: Reading[Client | None]
    booked: tuple[Account, ...]
    voucher: LimitKey
    spent: Reading[Sequence[Spent]]
    vouched: Reading[bool]
    now: datetime
    by_secret: AuthenticateBySecret
    by_assertion: AuthenticateByAssertion
    limiter: RateLimiter
    note_use: NoteUse
    witness: Witness

    async def prove(self, keyring: Keyring) -> Client:
        """Return the client, proved to be the caller.

        Raises:
            InvalidClient: If it is not proved, whatever the reason.
            InvalidRequest: If the request names two clients.
            TooManyRequests: If it was not looked at, after too many failures.
        """
        vouched, spent = await self.vouched, await self.spent
        wait = retry_after(self.booked, spent, vouched=vouched, now=self.now)
        if wait is not None:
            raise TooManyRequests("a budget of failures is exhausted", retry_after=wait)
        try:
            proved = await self._proved(keyring)
        except InvalidClient:
            for account in self.booked:
                await self.limiter.spend(account.key, window=account.budget.window, now=self.now)
            raise
        if not proved.client.is_public:
            self.witness.proved(proved.client.client_id)
        if self.booked and (not vouched or is_threatened(self.booked, spent)):
            await self._vouch()
        await self.note_use.authenticated(proved, self.origin, now=self.now)
        return proved.client

    async def _vouch(self) -> None:
        """Vouch for the client here. That decides nothing yet, so it may wait for the next time."""
        with suppress(Unavailable):
            await self.limiter.vouch(self.voucher, until=self.now + VOUCHED_FOR, now=self.now)

    async def _proved(self, keyring: Keyring) -> ProvedClient:
        found = await self.found
        match self.presented:
            case PresentedCredentials():
                return await self.by_secret(self.presented, found, keyring=keyring, now=self.now)
            case PresentedAssertion(client_id=named):
                if self.foreseen is None:
                    raise InvalidClient("not a client assertion")
                if named not in (None, self.foreseen.client_id):
                    raise InvalidRequest("two clients", hint="client_id is not the assertion's sub")
                return await self.by_assertion(self.presented, self.foreseen, found, now=self.now)
            case _ as unreachable:
                assert_never(unreachable)


def _claimed_id(presented: Proof, foreseen: ForeseenAssertion | None) -> ClientId:
    """Return whose the request claims to be; nobody's if it names no client."""
    if isinstance(presented, PresentedCredentials):
        return presented.client_id
    return foreseen.client_id if foreseen is not None else ClientId("")
