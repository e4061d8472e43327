"""What every `ClientStore` has to hold to."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from domain.errors import ClientExists, ClientNotFound, Conflict
from domain.model.clients import Client
from domain.model.identifiers import ClientId
from support import domain_strategies
from support.domain_samples import DAY, LEDGER, PAYROLL, client
from support.stores import Stores


class TestFind:
    async def test_an_unknown_client_is_none(self, stores: Stores) -> None:
        """Nobody is there before anybody was added."""
        assert await stores.clients.find(LEDGER) is None

    async def test_an_added_client_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """What was acknowledged on one connection is read on every other."""
        await stores.clients.add(client())

        assert await stores.clients.find(LEDGER) == client()
        assert await another.clients.find(LEDGER) == client()

    async def test_a_replaced_client_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """No connection goes on with what it read before."""
        await stores.clients.add(client())
        assert await another.clients.find(LEDGER) == client()
        disabled = replace(client(), disabled=True, version=2)

        await stores.clients.replace(disabled, seen=1)

        assert await another.clients.find(LEDGER) == disabled

    async def test_a_removed_client_is_gone_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """No connection goes on with what it read before."""
        await stores.clients.add(client())
        assert await another.clients.find(LEDGER) == client()

        await stores.clients.remove(LEDGER)

        assert await another.clients.find(LEDGER) is None

    @pytest.mark.parametrize("name", ["", " ", "né", "a\0b", "{}:*?", "%s' OR 1=1 --", "x" * 5_000])
    async def test_a_name_of_any_characters_may_be_asked_for(
        self, stores: Stores, name: str
    ) -> None:
        """Whoever is not proved may name anything, and learns nothing by it."""
        await stores.clients.add(client())

        assert await stores.clients.find(ClientId(name)) is None

    @settings(
        max_examples=25,
        deadline=None,
        # One store serves all examples: each removes what it added.
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(drawn=domain_strategies.clients)
    async def test_a_client_comes_back_exactly(self, stores: Stores, drawn: Client) -> None:
        """Every attribute survives being written and read."""
        await stores.clients.add(drawn)
        try:
            assert await stores.clients.find(drawn.client_id) == drawn
        finally:
            await stores.clients.remove(drawn.client_id)


class TestAdd:
    async def test_an_id_that_is_a_clients_is_refused(self, stores: Stores) -> None:
        """The client that is there stays as it is."""
        await stores.clients.add(client())

        with pytest.raises(ClientExists):
            await stores.clients.add(replace(client(), name="another"))

        assert await stores.clients.find(LEDGER) == client()

    async def test_an_id_that_is_an_owners_is_refused(self, stores: Stores) -> None:
        """A client may not speak in the name of a user (RFC 9068 §5)."""
        await stores.clients.add(client("ledger", owner="alice"))

        with pytest.raises(ClientExists):
            await stores.clients.add(client("alice"))

        assert await stores.clients.find(ClientId("alice")) is None

    async def test_an_owner_that_is_a_clients_id_is_refused(self, stores: Stores) -> None:
        """Nor may a user speak in the name of a client."""
        await stores.clients.add(client("alice"))

        with pytest.raises(ClientExists):
            await stores.clients.add(client("ledger", owner="alice"))

        assert await stores.clients.find(LEDGER) is None

    async def test_several_clients_may_have_one_owner(self, stores: Stores) -> None:
        """A user creates as many as are needed."""
        await stores.clients.add(client("ledger", owner="alice"))
        await stores.clients.add(client("payroll", owner="alice"))

        assert await stores.clients.find(PAYROLL) == client("payroll", owner="alice")

    async def test_a_refused_client_takes_no_name(self, stores: Stores) -> None:
        """What is refused leaves no trace, its owner's name included."""
        await stores.clients.add(client("ledger"))
        with pytest.raises(ClientExists):
            await stores.clients.add(client("ledger", owner="alice"))

        await stores.clients.add(client("alice"))

    async def test_of_racing_callers_one_adds_an_id(self, stores: Stores, another: Stores) -> None:
        """However many add one id at once, one of them does and the rest are told."""
        drafts = [replace(client(), name=f"draft {n}") for n in range(20)]
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].clients.add(draft) for n, draft in enumerate(drafts)),
            return_exceptions=True,
        )

        [winner] = [draft for draft, told in zip(drafts, outcomes, strict=True) if told is None]
        assert [type(told) for told in outcomes].count(ClientExists) == 19
        assert await stores.clients.find(LEDGER) == winner

    async def test_of_a_racing_id_and_owner_one_gets_the_name(
        self, stores: Stores, another: Stores
    ) -> None:
        """The namespace is checked in the step that adds, not before it."""
        for n in range(10):
            outcomes = await asyncio.gather(
                stores.clients.add(client(f"name-{n}")),
                another.clients.add(client(f"ledger-{n}", owner=f"name-{n}")),
                return_exceptions=True,
            )

            assert {type(told) for told in outcomes} == {type(None), ClientExists}


class TestReplace:
    async def test_the_version_seen_is_replaced(self, stores: Stores) -> None:
        """Whoever read the current version may change it."""
        await stores.clients.add(client())
        changed = replace(client(), name="Ledger", version=2)

        await stores.clients.replace(changed, seen=1)

        assert await stores.clients.find(LEDGER) == changed

    async def test_a_stale_version_is_a_conflict(self, stores: Stores) -> None:
        """Whoever read before somebody else wrote changes nothing."""
        await stores.clients.add(client())
        first = replace(client(), name="first", version=2)
        await stores.clients.replace(first, seen=1)

        with pytest.raises(Conflict):
            await stores.clients.replace(replace(client(), name="second", version=2), seen=1)

        assert await stores.clients.find(LEDGER) == first

    async def test_a_version_that_never_was_is_a_conflict(self, stores: Stores) -> None:
        """A version beyond the current one was not read from here."""
        await stores.clients.add(client())

        with pytest.raises(Conflict):
            await stores.clients.replace(replace(client(), version=3), seen=2)

    async def test_an_unknown_client_is_not_found(self, stores: Stores) -> None:
        """Replacing never adds."""
        with pytest.raises(ClientNotFound):
            await stores.clients.replace(replace(client(), version=2), seen=1)

        assert await stores.clients.find(LEDGER) is None

    async def test_the_names_stay_taken(self, stores: Stores) -> None:
        """A replaced client still holds its id and its owner's name."""
        await stores.clients.add(client("ledger", owner="alice"))

        await stores.clients.replace(replace(client("ledger", owner="alice"), version=2), seen=1)

        for taken in ("ledger", "alice"):
            with pytest.raises(ClientExists):
                await stores.clients.add(client(taken))

    async def test_of_racing_callers_one_replaces(self, stores: Stores, another: Stores) -> None:
        """However many read one version, one of them replaces it."""
        await stores.clients.add(client())
        drafts = [replace(client(), name=f"draft {n}", version=2) for n in range(20)]
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].clients.replace(draft, seen=1) for n, draft in enumerate(drafts)),
            return_exceptions=True,
        )

        [winner] = [draft for draft, told in zip(drafts, outcomes, strict=True) if told is None]
        assert [type(told) for told in outcomes].count(Conflict) == 19
        assert await stores.clients.find(LEDGER) == winner

    @pytest.mark.parametrize("removes_first", [True, False])
    async def test_a_replaced_client_does_not_return_from_removal(
        self, stores: Stores, another: Stores, *, removes_first: bool
    ) -> None:
        """Replacing and removing at once leave no client, in whichever order they came."""
        for n in range(10):
            kept = client(f"ledger-{n}")
            await stores.clients.add(kept)
            removing = another.clients.remove(kept.client_id)
            replacing = stores.clients.replace(replace(kept, version=2), seen=1)

            outcomes = await asyncio.gather(
                *((removing, replacing) if removes_first else (replacing, removing)),
                return_exceptions=True,
            )

            assert True in outcomes
            assert None in outcomes or ClientNotFound in map(type, outcomes)
            assert await stores.clients.find(kept.client_id) is None


class TestConfirm:
    async def test_a_client_as_it_is_is_confirmed(self, stores: Stores, another: Stores) -> None:
        """Whoever found it, and it stays as it is."""
        await stores.clients.add(client())

        await another.clients.confirm(client())

        assert await stores.clients.find(LEDGER) == client()

    async def test_what_was_changed_or_removed_meanwhile_is_not(self, stores: Stores) -> None:
        """Nor is a client made anew under the same id."""
        await stores.clients.add(client())
        await stores.clients.replace(replace(client(), disabled=True, version=2), seen=1)

        with pytest.raises(Conflict):
            await stores.clients.confirm(client())
        await stores.clients.remove(LEDGER)
        with pytest.raises(Conflict):
            await stores.clients.confirm(client())
        await stores.clients.add(replace(client(), name="another"))
        with pytest.raises(Conflict):
            await stores.clients.confirm(client())


class TestRemove:
    async def test_it_tells_whether_there_was_one(self, stores: Stores) -> None:
        """The first removal finds a client, the second does not."""
        await stores.clients.add(client())

        assert await stores.clients.remove(LEDGER) is True
        assert await stores.clients.remove(LEDGER) is False

    async def test_of_racing_callers_one_removes(self, stores: Stores, another: Stores) -> None:
        """However many remove one client, one of them is told that there was one."""
        await stores.clients.add(client())
        turns = (stores, another)

        outcomes = await asyncio.gather(*(turns[n % 2].clients.remove(LEDGER) for n in range(20)))

        assert outcomes.count(True) == 1

    async def test_the_id_is_free_again(self, stores: Stores) -> None:
        """A client of the same id may be made anew, or a user of that name."""
        await stores.clients.add(client())
        await stores.clients.remove(LEDGER)

        await stores.clients.add(client("payroll", owner="ledger"))

        assert await stores.clients.find(PAYROLL) == client("payroll", owner="ledger")

    async def test_the_owners_name_is_free_with_the_last_client(self, stores: Stores) -> None:
        """A name is an owner's as long as one client of theirs is there."""
        await stores.clients.add(client("ledger", owner="alice"))
        await stores.clients.add(client("payroll", owner="alice"))

        await stores.clients.remove(LEDGER)
        with pytest.raises(ClientExists):
            await stores.clients.add(client("alice"))

        await stores.clients.remove(PAYROLL)
        await stores.clients.add(client("alice"))


class TestPage:
    async def test_an_empty_store_has_an_empty_page(self, stores: Stores) -> None:
        """Nothing to show is not an error."""
        assert list(await stores.clients.page(after=None, limit=10)) == []

    async def test_pages_follow_each_other_in_the_order_of_ids(self, stores: Stores) -> None:
        """Ids are compared character by character; no client is shown twice or left out."""
        names = ["~", "a", "B", "a b", "ab", "a-b", "a_b", "A", "9", "10", "a.b"]
        for name in names:
            await stores.clients.add(client(name))

        seen: list[str] = []
        while page := await stores.clients.page(
            after=ClientId(seen[-1]) if seen else None, limit=3
        ):
            assert len(page) <= 3
            seen += [shown.client_id for shown in page]

        assert seen == sorted(names)

    async def test_a_page_shows_whole_clients(self, stores: Stores) -> None:
        """A page shows what `find` would."""
        kept = replace(client(owner="alice"), access_token_ttl=DAY)
        await stores.clients.add(kept)

        assert list(await stores.clients.page(after=None, limit=1)) == [kept]

    async def test_a_page_goes_on_behind_a_client_that_is_gone(self, stores: Stores) -> None:
        """The place is an id, not a client."""
        for name in ("a", "b", "c"):
            await stores.clients.add(client(name))
        await stores.clients.remove(ClientId("b"))

        page = await stores.clients.page(after=ClientId("b"), limit=10)

        assert [shown.client_id for shown in page] == ["c"]
