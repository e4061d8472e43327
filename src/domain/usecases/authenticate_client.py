"""Who is calling (RFC 6749 §2.3). Every failed proof is one answer."""

from collections.abc import Awaitable
from contextlib import suppress
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
    Balance,
    FailureLimits,
    Ledger,
    Ledgers,
    is_threatened,
    retry_after,
)
from domain.model.values import value
from domain.ports.assertions import ForeseenAssertion
from domain.ports.clients import ClientStore
from domain.ports.rate_limiter import RateLimiter
from domain.ports.reading import Reading
from domain.ports.witness import Witness
from domain.usecases.authenticate_by_assertion import AuthenticateByAssertion
from domain.usecases.authenticate_by_secret import AuthenticateBySecret
from domain.usecases.note_use import NoteUse
from domain.usecases.proved_client import ProvedClient


@value
class PendingAuthentication:
    """A proof to be judged; what it reads has begun already."""

    presented: Proof
    origin: Origin
    now: datetime
    foreseen: ForeseenAssertion | None
    ledger: Ledger
    found: Reading[Client | None]
    balance: Reading[Balance]


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
        self._ledgers = Ledgers(limits)
        self._note_use = note_use
        self._witness = witness

    def begin(
        self, presented: Presented, origin: Origin, *, now: datetime
    ) -> PendingAuthentication:
        """Begin the reads that the proof needs.

        Raises:
            InvalidClient: If what is presented cannot prove anything.
            InvalidRequest: If several things are presented at once.
        """
        if isinstance(presented, UnreadableCredentials):
            raise presented.refusal
        claimed, foreseen = self._read(presented)
        self._witness.claimed(claimed)
        ledger = self._ledgers.of(claimed, origin.address)
        return PendingAuthentication(
            presented,
            origin,
            now,
            foreseen,
            ledger,
            self._clients.find(claimed),
            self._limiter.peek(ledger.keys, ledger.voucher, now=now),
        )

    async def prove(self, pending: PendingAuthentication, keyring: Keyring) -> Client:
        """Return the client, proved to be the caller.

        Raises:
            InvalidClient: If it is not proved, whatever the reason.
            InvalidRequest: If the request names two clients.
            TooManyRequests: If it was not looked at, after too many failures.
        """
        accounts, now = pending.ledger.accounts, pending.now
        balance = await pending.balance
        unspent = balance.is_unspent
        if not unspent and (wait := retry_after(accounts, balance, now=now)) is not None:
            raise TooManyRequests("a budget of failures is exhausted", retry_after=wait)
        try:
            proved = await self._judge(pending, await pending.found, keyring)
        except InvalidClient:
            for account in accounts:
                await self._limiter.spend(account.key, window=account.budget.window, now=now)
            raise
        client = proved.client
        if not client.is_public:
            self._witness.proved(client.client_id)
        if accounts and not (balance.vouched and (unspent or not is_threatened(accounts, balance))):
            await self._vouch(pending)
        await self._note_use.authenticated(proved, pending.origin, now=now)
        return client

    def _judge(
        self, pending: PendingAuthentication, found: Client | None, keyring: Keyring
    ) -> Awaitable[ProvedClient]:
        foreseen, now = pending.foreseen, pending.now
        match pending.presented:
            case PresentedCredentials() as presented:
                return self._by_secret(presented, found, keyring=keyring, now=now)
            case PresentedAssertion(client_id=named) as presented:
                if foreseen is None:
                    raise InvalidClient("not a client assertion")
                if named not in (None, foreseen.client_id):
                    raise InvalidRequest("two clients", hint="client_id is not the assertion's sub")
                return self._by_assertion(presented, foreseen, found, now=now)
            case _ as unreachable:
                assert_never(unreachable)

    async def _vouch(self, pending: PendingAuthentication) -> None:
        """Vouch for the client here. That decides nothing yet, so it may wait for the next time."""
        with suppress(Unavailable):
            await self._limiter.vouch(
                pending.ledger.voucher, until=pending.now + VOUCHED_FOR, now=pending.now
            )

    def claimed(self, presented: Presented) -> ClientId:
        """Return whose a request claims to be; empty if nobody's."""
        if isinstance(presented, UnreadableCredentials):
            return ClientId("")
        claimed, _ = self._read(presented)
        return claimed

    def _read(self, presented: Proof) -> tuple[ClientId, ForeseenAssertion | None]:
        """Return whose the request claims to be, nobody's if it names no client."""
        if isinstance(presented, PresentedCredentials):
            return presented.client_id, None
        foreseen = self._by_assertion.foresee(presented)
        return foreseen.client_id if foreseen is not None else ClientId(""), foreseen
