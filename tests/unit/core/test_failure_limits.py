"""Limits on failed authentication (RFC 6749 §10.10; LIM-001, LIM-002)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from adapters.memory.rate_limiter import MemoryRateLimiter
from domain.errors import GrantdError, InvalidClient, TooManyRequests
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.events import Origin
from domain.model.identifiers import ClientId
from domain.model.limits import Budget, FailureLimits, Ledgers, accounts, network_of
from support.authentication import plain_assertion
from support.core import HandWiredCore, build_core, draft
from support.domain_samples import HOUR, LEDGER, NOW, PAYROLL, SECOND

MINUTE = timedelta(minutes=1)
WINDOW = 5 * MINUTE
HOME, AWAY = "192.0.2.1", "198.51.100.7"

PAIR = FailureLimits(per_client_and_source=Budget(3, WINDOW), per_client=None, per_source=None)
CLIENT = FailureLimits(per_client_and_source=None, per_client=Budget(3, WINDOW), per_source=None)
SOURCE = FailureLimits(per_client_and_source=None, per_client=None, per_source=Budget(3, WINDOW))
OFF = FailureLimits(per_client_and_source=None, per_client=None, per_source=None)


async def attempt(
    core: HandWiredCore, presented: PresentedCredentials, source: str = HOME, *, now: datetime = NOW
) -> GrantdError | None:
    """Authenticate once, and return the refusal if there was one."""
    authentication = core.authenticate_client.begin(presented, Origin(address=source), now=now)
    keyring = (await core.catalogue.read()).keyring
    try:
        await core.authenticate_client.prove(authentication, keyring)
    except (InvalidClient, TooManyRequests) as refusal:
        return refusal
    return None


async def fail(
    core: HandWiredCore, times: int = 3, *, client_id: ClientId = LEDGER, source: str = HOME
) -> None:
    wrong = PresentedCredentials(
        client_id, AuthMethod.CLIENT_SECRET_BASIC, ClientSecret("a wrong one")
    )
    for _ in range(times):
        assert type(await attempt(core, wrong, source)) is InvalidClient


@dataclass(frozen=True)
class Ledger:
    """A client, registered with a core that has limits."""

    core: HandWiredCore
    good: PresentedCredentials


async def with_ledger(limits: FailureLimits) -> Ledger:
    core = await build_core(limits=limits)
    return Ledger(core, await core.register(draft()))


class TestClientAndSource:
    async def test_LIM_001_who_fails_too_often_is_refused_unheard(self) -> None:
        """The right secret too, until the window ends; nothing is compared."""
        ledger = await with_ledger(PAIR)
        await fail(ledger.core)
        compared = len(ledger.core.hasher.compared)

        refusal = await attempt(ledger.core, ledger.good, now=NOW + MINUTE)

        assert isinstance(refusal, TooManyRequests)
        assert refusal.retry_after == WINDOW - MINUTE
        assert len(ledger.core.hasher.compared) == compared
        assert await attempt(ledger.core, ledger.good, now=NOW + WINDOW) is None

    async def test_being_refused_unheard_spends_nothing(self) -> None:
        """Else a client that goes on trying would never come back."""
        ledger = await with_ledger(PAIR)
        await fail(ledger.core)

        for minute in range(5):
            assert await attempt(ledger.core, ledger.good, now=NOW + minute * MINUTE) is not None

        assert await attempt(ledger.core, ledger.good, now=NOW + WINDOW) is None

    async def test_LIM_002_nobody_is_locked_out_from_elsewhere(self) -> None:
        ledger = await with_ledger(PAIR)
        await fail(ledger.core, source=AWAY)

        assert await attempt(ledger.core, ledger.good, HOME) is None

    async def test_LIM_002_another_client_of_the_same_source_is_served(self) -> None:
        ledger = await with_ledger(PAIR)
        await fail(ledger.core, client_id=PAYROLL)

        assert await attempt(ledger.core, ledger.good) is None

    async def test_it_holds_for_who_is_vouched_for_too(self) -> None:
        """A source that succeeded once can guess no longer than others."""
        ledger = await with_ledger(PAIR)
        assert await attempt(ledger.core, ledger.good) is None
        await fail(ledger.core)

        assert isinstance(await attempt(ledger.core, ledger.good), TooManyRequests)

    async def test_a_success_in_between_forgives_nothing(self) -> None:
        """Else one right guess in four would let three more pass."""
        ledger = await with_ledger(PAIR)
        await fail(ledger.core, 2)
        assert await attempt(ledger.core, ledger.good) is None
        await fail(ledger.core, 1)

        assert isinstance(await attempt(ledger.core, ledger.good), TooManyRequests)


class TestClient:
    async def test_LIM_001_many_sources_together_are_limited(self) -> None:
        ledger = await with_ledger(CLIENT)
        for number in range(3):
            await fail(ledger.core, 1, source=f"198.51.100.{number}")

        assert isinstance(await attempt(ledger.core, ledger.good), TooManyRequests)

    async def test_LIM_002_a_client_at_its_usual_source_is_spared(self) -> None:
        """So nobody can lock it out; elsewhere it has to wait."""
        ledger = await with_ledger(CLIENT)
        assert await attempt(ledger.core, ledger.good, HOME) is None
        await fail(ledger.core, source=AWAY)

        assert await attempt(ledger.core, ledger.good, HOME) is None
        assert isinstance(await attempt(ledger.core, ledger.good, AWAY), TooManyRequests)

    async def test_being_vouched_for_ends(self) -> None:
        ledger = await with_ledger(CLIENT)
        before = NOW - timedelta(days=30)
        assert await attempt(ledger.core, ledger.good, HOME, now=before) is None
        await fail(ledger.core, source=AWAY)

        assert isinstance(await attempt(ledger.core, ledger.good, HOME), TooManyRequests)

    async def test_being_vouched_for_is_renewed_while_it_is_needed(self) -> None:
        """A busy client is not locked out on its thirtieth day."""
        ledger = await with_ledger(CLIENT)
        before = NOW - timedelta(days=30) + MINUTE
        assert await attempt(ledger.core, ledger.good, HOME, now=before) is None
        await fail(ledger.core, source=AWAY)

        assert await attempt(ledger.core, ledger.good, HOME) is None
        assert await attempt(ledger.core, ledger.good, HOME, now=NOW + 2 * MINUTE) is None


class TestSource:
    async def test_LIM_001_who_tries_many_clients_is_refused(self) -> None:
        ledger = await with_ledger(SOURCE)
        for number in range(3):
            await fail(ledger.core, 1, client_id=ClientId(f"client-{number}"))

        assert isinstance(await attempt(ledger.core, ledger.good, HOME), TooManyRequests)
        assert await attempt(ledger.core, ledger.good, AWAY) is None

    async def test_without_an_address_nobody_is_counted(self) -> None:
        """A Unix socket, say: it would be one source for all."""
        ledger = await with_ledger(SOURCE)
        await fail(ledger.core, 5, source="")

        assert await attempt(ledger.core, ledger.good, "") is None

    async def test_ipv6_is_counted_by_its_64(self) -> None:
        """A host has that many addresses for itself."""
        ledger = await with_ledger(SOURCE)
        for number in range(3):
            await fail(ledger.core, 1, source=f"2001:db8:1:2::{number}")

        refusal = await attempt(ledger.core, ledger.good, "2001:db8:1:2:ffff::1")

        assert isinstance(refusal, TooManyRequests)
        assert await attempt(ledger.core, ledger.good, "2001:db8:1:3::1") is None


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was written to the limiter, by the name of the method."""
    calls: list[str] = []

    def counted(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def call(*args: object, **kwargs: object) -> None:
            calls.append(method.__name__)
            await method(*args, **kwargs)

        return call

    for method in (MemoryRateLimiter.vouch, MemoryRateLimiter.spend):
        monkeypatch.setattr(MemoryRateLimiter, method.__name__, counted(method))
    return calls


class TestWriting:
    async def test_a_success_vouches_once_and_writes_nothing_afterwards(
        self, written: list[str]
    ) -> None:
        """The hot path only reads."""
        ledger = await with_ledger(FailureLimits())

        for _ in range(3):
            assert await attempt(ledger.core, ledger.good) is None
        assert written == ["vouch"]

        assert await attempt(ledger.core, ledger.good, AWAY) is None
        assert written == ["vouch", "vouch"]

    async def test_with_every_limit_off_nothing_is_written(self, written: list[str]) -> None:
        ledger = await with_ledger(OFF)

        assert await attempt(ledger.core, ledger.good) is None
        await fail(ledger.core, 20)

        assert written == []

    @pytest.mark.parametrize("limits", [PAIR, CLIENT, SOURCE])
    async def test_an_unknown_client_spends_the_same(self, limits: FailureLimits) -> None:
        """Else 429 would tell who exists."""
        core = await build_core(limits=limits)
        await fail(core)
        wrong = PresentedCredentials(
            LEDGER, AuthMethod.CLIENT_SECRET_BASIC, ClientSecret("a wrong one")
        )

        assert isinstance(await attempt(core, wrong), TooManyRequests)

    async def test_a_failed_assertion_spends_the_same(self) -> None:
        """And the budget that it spends is that of whom it claims to be."""
        ledger = await with_ledger(PAIR)
        keyring = (await ledger.core.catalogue.read()).keyring
        for _ in range(3):
            authentication = ledger.core.authenticate_client.begin(
                plain_assertion(signer="a forger"), Origin(address=HOME), now=NOW
            )
            with pytest.raises(InvalidClient):
                await ledger.core.authenticate_client.prove(authentication, keyring)

        assert isinstance(await attempt(ledger.core, ledger.good), TooManyRequests)

    async def test_a_window_begins_with_its_first_failure(self) -> None:
        ledger = await with_ledger(PAIR)
        wrong = replace(ledger.good, secret=ClientSecret("a wrong one"))
        for minute in (0, 2, 4):
            await attempt(ledger.core, wrong, now=NOW + minute * MINUTE)

        refusal = await attempt(ledger.core, wrong, now=NOW + WINDOW - SECOND)

        assert isinstance(refusal, TooManyRequests)
        assert refusal.retry_after == SECOND
        assert await attempt(ledger.core, ledger.good, now=NOW + HOUR) is None


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::c000:201", "192.0.2.1"),
        ("unix:", "unix:"),
        ("", ""),
    ],
)
def test_an_address_is_counted_by_its_network(source: str, network: str) -> None:
    """However it is written, and an IPv4 address is one also inside IPv6."""
    assert network_of(source) == network


def test_no_account_shows_whose_it_is() -> None:
    """Keys hold digests, and start with a bucket."""
    keys = [
        account.key for account in accounts(FailureLimits(), client_id=LEDGER, source="192.0.2.1")
    ]

    assert len(set(keys)) == 3
    assert not any(LEDGER in key or "192" in key for key in keys)


def test_ids_too_long_to_be_anybodys_are_told_apart_by_their_beginnings() -> None:
    """What is remembered of strangers is bounded; ids that can be somebody's are never mixed."""

    def booked(client_id: str) -> object:
        return Ledgers(CLIENT).of(ClientId(client_id), HOME)

    assert booked("x" * 256 + "a") == booked("x" * 256 + "b")
    assert booked("x" * 254 + "a") != booked("x" * 254 + "b")
    assert booked("x" * 255) != booked("x" * 256)
