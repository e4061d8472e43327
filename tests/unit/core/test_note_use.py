from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.memory.audit_trail import MemoryAuditTrail
from domain.errors import InvalidClient, InvalidScope, Unavailable
from domain.model.clients import Client, GrantType
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedCredentials,
    RegisteredSecret,
    SecretId,
)
from domain.model.events import AuditEvent, EventKind, Origin
from domain.model.identifiers import ClientId, Epoch
from domain.model.scopes import Scope
from domain.model.usage import NOTED_EVERY, LastUse, Use, UseKind
from domain.ports.reading import Reading, Ready
from domain.ports.usage import UsageStore
from domain.usecases import note_use
from domain.usecases.note_use import NoteUse
from domain.usecases.proved_client import ProvedClient
from support.core import ORIGIN, HandWiredCore, build_core, draft, public, refreshing
from support.domain_samples import DAY, HOUR, LEDGER, MOMENT, NOW, PAYROLL, SECOND, client

SCOPE = Scope.parse("invoices.read invoices.write")


class RecordedUses:
    """Keeps every batch that it is told."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Use]] = []

    def note(self, uses: Sequence[Use], /) -> None:
        self.batches.append(uses)

    def of(self, client_id: ClientId, /, *, now: datetime) -> Reading[Sequence[LastUse]]:
        return Ready(())

    def told(self) -> list[tuple[UseKind, str]]:
        """Return what was noted since the last look."""
        found = [(use.kind, use.name) for batch in self.batches for use in batch]
        self.batches.clear()
        return found


_: type[UsageStore] = RecordedUses


class World:
    def __init__(self) -> None:
        self.usage, self.audit = RecordedUses(), MemoryAuditTrail()
        self.note_use = NoteUse(self.usage, audit=self.audit)

    async def came(
        self,
        by: RegisteredSecret | None = None,
        *,
        of: Client | None = None,
        now: datetime = NOW,
        origin: Origin = ORIGIN,
    ) -> None:
        came = of or replace(client(), secrets=(by,) if by is not None else ())
        await self.note_use.authenticated(ProvedClient(came, by), origin, now=now)

    def issued(
        self, *, of: Client | None = None, scope: Scope = SCOPE, now: datetime = NOW
    ) -> None:
        grant = GrantType.CLIENT_CREDENTIALS
        self.note_use.issued(of or client(), grant, scope, ORIGIN, now=now)


@pytest.fixture
def world() -> World:
    return World()


def secret(number: int, **changes: datetime) -> RegisteredSecret:
    (made,) = client().secrets
    return replace(made, secret_id=SecretId(f"{number:08d}"), **changes)  # type: ignore[arg-type]  # of a dictionary it knows one type


class TestNoting:
    async def test_who_came_is_noted_with_its_secret(self, world: World) -> None:
        """At the time of the request, from where it came."""
        await world.came(secret(1))

        ((came, used),) = world.usage.batches
        assert came == Use(client_id=LEDGER, kind=UseKind.CLIENT, at=NOW, source="192.0.2.1")
        assert used == replace(came, kind=UseKind.SECRET, name="00000001")

    async def test_who_has_no_secret_came_too(self, world: World) -> None:
        """It proved itself by a key."""
        await world.came()

        assert world.usage.told() == [(UseKind.CLIENT, "")]

    async def test_the_name_of_a_public_client_proves_nothing(self, world: World) -> None:
        """Anybody can send it, so it counts only once it is given a token."""
        await world.came(of=public())
        assert world.usage.told() == []

        world.issued(of=public(), scope=Scope())

        assert world.usage.told() == [(UseKind.CLIENT, ""), (UseKind.GRANT, "client_credentials")]

    async def test_each_scope_token_that_is_granted_is_noted(self, world: World) -> None:
        """And the grant; that the client came is known by then."""
        await world.came()
        world.usage.told()

        world.issued()

        assert world.usage.told() == [
            (UseKind.GRANT, "client_credentials"),
            (UseKind.SCOPE, "invoices.read"),
            (UseKind.SCOPE, "invoices.write"),
        ]


class TestOnceAMinute:
    async def test_the_same_again_is_not_passed_on(self, world: World) -> None:
        """Ten thousand requests of a minute are one note."""
        for number in range(10_000):
            now = NOW + number * (NOTED_EVERY - MOMENT) / 10_000
            await world.came(secret(1), now=now)
            world.issued(now=now)

        assert len(world.usage.told()) == 5

    async def test_what_is_used_on_is_noted_every_minute(self, world: World) -> None:
        """A minute after the note before, and no earlier."""
        noted = []
        for at in (0, 59, 60, 119, 120, 121, 240):
            await world.came(secret(1), now=NOW + at * SECOND)
            noted += [at] if world.usage.told() else []

        assert noted == [0, 60, 120, 240]

    async def test_something_new_is_noted_at_once(self, world: World) -> None:
        """Without what is known already."""
        world.issued(scope=Scope.parse("invoices.read"))
        world.usage.told()

        world.issued(now=NOW + SECOND)

        assert world.usage.told() == [(UseKind.SCOPE, "invoices.write")]

    async def test_what_came_together_is_due_with_its_first(self, world: World) -> None:
        """A part that was noted before the rest is noted a minute after it was, and not later."""
        world.issued(scope=Scope.parse("invoices.read"))
        world.issued(now=NOW + 40 * SECOND)
        world.usage.told()

        world.issued(now=NOW + 59 * SECOND)
        assert world.usage.told() == []
        world.issued(now=NOW + NOTED_EVERY)
        assert (UseKind.SCOPE, "invoices.read") in world.usage.told()
        world.issued(now=NOW + 100 * SECOND)

        assert world.usage.told() == [(UseKind.SCOPE, "invoices.write")]

    async def test_a_client_made_anew_is_another(self, world: World) -> None:
        """It has an epoch of its own, so its first use is noted within the same minute."""
        await world.came()
        world.usage.told()

        await world.came(of=replace(client(), epoch=Epoch("another")))

        assert world.usage.told() == [(UseKind.CLIENT, "")]

    async def test_each_client_is_remembered_by_itself(self, world: World) -> None:
        """Though their grants are called the same."""
        for client_id in (LEDGER, PAYROLL, LEDGER):
            world.issued(of=client(client_id))

        assert [use.client_id for batch in world.usage.batches for use in batch] == [
            *(4 * [LEDGER]),
            *(4 * [PAYROLL]),
        ]

    async def test_memory_is_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Beyond it the oldest is noted again, which the store takes for what it is."""
        monkeypatch.setattr(note_use, "_MOST_REMEMBERED", 100)
        for number in range(1_000):
            await world.came(of=client(f"client-{number}"))
            world.issued(of=client(f"client-{number}"))
            for remembered in (
                world.note_use._noted,
                world.note_use._came,
                world.note_use._was_given,
            ):
                assert len(remembered._at) <= 100
        world.usage.told()

        await world.came(of=client("client-999"))
        assert world.usage.told() == []
        await world.came(of=client("client-0"))
        assert world.usage.told() == [(UseKind.CLIENT, "")]

    async def test_what_is_due_again_takes_no_room(self, world: World) -> None:
        """However many clients came before."""
        for number in range(1_000):
            await world.came(of=client(f"client-{number}"))

        await world.came(now=NOW + NOTED_EVERY)

        assert len(world.note_use._noted._at) == 1


class TestOldSecret:
    def having(self, *secrets: RegisteredSecret) -> Client:
        return replace(client(), secrets=secrets)

    async def test_a_secret_with_a_newer_one_beside_it_is_told(self, world: World) -> None:
        """By its id, with since when there is a newer one."""
        old, newer = secret(1), secret(2, created_at=NOW - HOUR)

        await world.came(old, of=self.having(old, newer, secret(3)))

        since = (NOW - HOUR).isoformat()
        assert world.audit.events == [
            AuditEvent(
                kind=EventKind.SECRET_USED,
                at=NOW,
                origin=ORIGIN,
                client_id=LEDGER,
                subject="00000001",
                change=f"there is a newer one since {since}",
            )
        ]

    async def test_the_newest_is_not_told(self, world: World) -> None:
        """Nor one whose successors have expired."""
        newest, expired = secret(2), secret(3, expires_at=NOW)

        await world.came(newest, of=self.having(secret(1), newest, expired))

        assert world.audit.events == []
        assert (UseKind.SECRET, "00000002") in world.usage.told()

    async def test_it_is_told_once_a_minute(self, world: World) -> None:
        """As it is noted."""
        old = secret(1)
        for at in range(0, 180, 20):
            await world.came(old, of=self.having(old, secret(2)), now=NOW + at * SECOND)

        assert [event.at - NOW for event in world.audit.events] == [
            timedelta(minutes=minute) for minute in range(3)
        ]

    async def test_a_secret_that_becomes_old_is_told_at_once(self, world: World) -> None:
        """Though it was noted a moment before, when there was no newer one."""
        old = secret(1)
        await world.came(old, of=self.having(old))

        await world.came(old, of=self.having(old, secret(2)), now=NOW + SECOND)

        assert [event.subject for event in world.audit.events] == ["00000001"]

    async def test_what_could_not_be_told_is_told_by_the_next_request(self, world: World) -> None:
        """A required trail refuses the one in hand."""
        old = secret(1)
        world.audit.is_down = True
        with pytest.raises(Unavailable):
            await world.came(old, of=self.having(old, secret(2)))
        world.audit.is_down = False

        await world.came(old, of=self.having(old, secret(2)), now=NOW + SECOND)

        assert [event.kind for event in world.audit.events] == [EventKind.SECRET_USED]


class TestInTheWay:
    """Where requests go by, in the core wired whole."""

    @pytest.fixture
    async def core(self) -> HandWiredCore:
        return await build_core()

    async def known(self, core: HandWiredCore) -> set[tuple[UseKind, str]]:
        uses = await core.stores.usage.of(LEDGER, now=core.clock.now())
        return {(use.kind, use.name) for use in uses}

    async def test_a_token_request_notes_all_four(self, core: HandWiredCore) -> None:
        """Client, secret, grant, and the scope that was granted, asked for or not."""
        ledger = await core.register(draft())
        assert ledger.secret is not None

        await core.issue(ledger)

        assert await self.known(core) == {
            (UseKind.CLIENT, ""),
            (UseKind.SECRET, ledger.secret.secret_id),
            (UseKind.GRANT, "client_credentials"),
            (UseKind.SCOPE, "invoices.read"),
        }

    async def test_a_refresh_notes_its_grant(self, core: HandWiredCore) -> None:
        """And the scope of the narrower token."""
        ledger = await core.register(refreshing())
        issued = await core.issue(ledger, scope="invoices.read invoices.write")
        core.clock.advance(DAY)

        await core.refresh(ledger, issued.refresh_token, scope="invoices.write")

        uses = await core.stores.usage.of(LEDGER, now=core.clock.now())
        today = {(use.kind, use.name) for use in uses if use.at == core.clock.now()}
        assert (UseKind.GRANT, "refresh_token") in today
        assert (UseKind.SCOPE, "invoices.write") in today
        assert (UseKind.SCOPE, "invoices.read") not in today
        assert (UseKind.GRANT, "client_credentials") not in today

    async def test_introspecting_and_revoking_is_coming(self, core: HandWiredCore) -> None:
        """A resource service asks for no token of its own."""
        ledger = await core.register(draft())
        assert ledger.secret is not None

        await core.introspect(ledger, "a token")
        by_introspection = await self.known(core)
        core.clock.advance(DAY)
        await core.revoke(ledger, "a token")

        assert by_introspection == {
            (UseKind.CLIENT, ""),
            (UseKind.SECRET, ledger.secret.secret_id),
        }
        uses = await core.stores.usage.of(LEDGER, now=core.clock.now())
        assert {use.at for use in uses} == {core.clock.now()}

    async def test_a_refused_scope_was_not_granted(self, core: HandWiredCore) -> None:
        """Though the client came."""
        ledger = await core.register(draft())

        with pytest.raises(InvalidScope):
            await core.issue(ledger, scope="salaries.read")

        kinds = {kind for kind, _ in await self.known(core)}
        assert kinds == {UseKind.CLIENT, UseKind.SECRET}

    async def test_a_failed_proof_notes_nothing(self, core: HandWiredCore) -> None:
        """Somebody else came in its name."""
        await core.register(draft())
        wrong = PresentedCredentials(
            LEDGER, AuthMethod.CLIENT_SECRET_BASIC, ClientSecret("a wrong one")
        )

        with pytest.raises(InvalidClient):
            await core.issue(wrong)

        assert await self.known(core) == set()
