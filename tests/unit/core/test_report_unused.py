from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.model.clients import GrantType
from domain.model.identifiers import ClientId
from domain.model.scopes import Scope
from domain.model.usage import ClientUsage, LastUse, Use, UseKind
from domain.usecases.report_unused import Disuse, Presence, judge_disuse
from support.core import HandWiredCore, build_core, draft, refreshing
from support.domain_samples import DAY, LEDGER, MOMENT, NOW, client

SINCE = NOW - 90 * DAY
OLD = replace(client(), created_at=NOW - 300 * DAY)


def used(kind: UseKind, name: str = "", *, at: datetime = NOW) -> LastUse:
    return LastUse(kind=kind, name=name, first_at=OLD.created_at, at=at, source="192.0.2.1")


def judge(*uses: LastUse, made: datetime = OLD.created_at) -> Disuse:
    return judge_disuse(replace(OLD, created_at=made), ClientUsage(uses), since=SINCE)


class TestRule:
    def test_what_is_used_is_no_find(self) -> None:
        """Every scope token and every grant that the client is registered for."""
        found = judge(
            used(UseKind.CLIENT),
            *(used(UseKind.SCOPE, token) for token in OLD.scope),
            *(used(UseKind.GRANT, grant) for grant in OLD.grant_types),
        )

        assert found.presence is Presence.CAME
        assert not found.is_found

    def test_scopes_and_grants_that_were_never_used_are_found(self) -> None:
        """Used ones are not among them, nor what the client may not have any more."""
        found = judge(
            used(UseKind.CLIENT),
            used(UseKind.SCOPE, "invoices.read"),
            used(UseKind.SCOPE, "salaries.read"),
            used(UseKind.GRANT, "client_credentials"),
        )

        assert found.is_found
        assert found.scope == Scope.parse("invoices.write")
        assert found.grant_types == {GrantType.REFRESH_TOKEN}

    def test_the_time_looked_at_has_a_first_moment(self) -> None:
        """What was used in it is used, a moment earlier it is not."""
        found = judge(
            used(UseKind.CLIENT),
            used(UseKind.SCOPE, "invoices.read", at=SINCE),
            used(UseKind.SCOPE, "invoices.write", at=SINCE - MOMENT),
        )

        assert found.scope == Scope.parse("invoices.write")

    def test_who_stayed_away_is_found_as_a_whole(self) -> None:
        """Its scopes and grants need no mention."""
        last = SINCE - MOMENT

        found = judge(used(UseKind.CLIENT, at=last))

        assert (found.presence, found.last_came_at) == (Presence.STAYED_AWAY, last)
        assert found.is_found
        assert not found.scope
        assert not found.grant_types
        assert judge(used(UseKind.CLIENT, at=SINCE)).presence is Presence.CAME

    def test_who_never_came_is_found(self) -> None:
        """Nothing is known of it at all."""
        found = judge()

        assert (found.presence, found.last_came_at) == (Presence.NEVER_SEEN, None)
        assert found.is_found

    @pytest.mark.parametrize("uses", [(), (used(UseKind.CLIENT),)])
    def test_nothing_is_told_of_the_young(self, uses: tuple[LastUse, ...]) -> None:
        """Whoever was registered since has not had the time."""
        young = judge(*uses, made=SINCE + MOMENT)

        assert young.presence is Presence.TOO_YOUNG
        assert not young.is_found
        assert judge(*uses, made=SINCE).is_found


class TestReport:
    @pytest.fixture
    async def core(self) -> HandWiredCore:
        return await build_core()

    async def test_it_tells_of_what_requests_used(self, core: HandWiredCore) -> None:
        """From the first token to the report."""
        ledger = await core.register(refreshing())
        await core.register(draft("sleeper"))
        core.clock.advance(100 * DAY)
        await core.register(draft("young", created_at=core.clock.now()))
        await core.issue(ledger, scope="invoices.write")

        report = await core.report_unused(90 * DAY)

        assert (report.since, report.known_since) == (NOW + 10 * DAY, NOW + 100 * DAY)
        assert [found.client.client_id for found in report.clients] == [LEDGER, "sleeper", "young"]
        found, sleeper, young = report.clients
        assert found.scope == Scope.parse("invoices.read")
        assert found.grant_types == {GrantType.REFRESH_TOKEN}
        assert sleeper.presence is Presence.NEVER_SEEN
        assert young.presence is Presence.TOO_YOUNG

    async def test_it_says_whether_all_of_the_time_is_known(self, core: HandWiredCore) -> None:
        """Uses are noted since the first of all clients that were."""
        assert not (await core.report_unused(90 * DAY)).is_whole
        ledger, other = await core.register(draft()), await core.register(draft("other"))
        await core.issue(ledger)
        core.clock.advance(90 * DAY)
        await core.issue(other)

        assert (await core.report_unused(90 * DAY)).is_whole
        assert not (await core.report_unused(90 * DAY + MOMENT)).is_whole

    async def test_it_tells_of_every_client(self, core: HandWiredCore) -> None:
        """However many pages that takes, each with its own uses."""
        for number in range(1_001):
            await core.stores.clients.add(client(f"client-{number:04}"))
        core.stores.usage.note(
            [
                Use(client_id=ClientId(f"client-{number:04}"), kind=UseKind.CLIENT, at=NOW)
                for number in range(0, 1_001, 2)
            ]
        )

        report = await core.report_unused(timedelta())

        assert [found.last_came_at is not None for found in report.clients] == [
            number % 2 == 0 for number in range(1_001)
        ]
