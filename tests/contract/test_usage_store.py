"""What every `UsageStore` has to hold to."""

import asyncio
from datetime import datetime, timedelta

import pytest

from domain.model.identifiers import ClientId
from domain.model.usage import KEPT_FOR, NOTED_EVERY, LastUse, Use, UseKind
from support.domain_samples import DAY, LEDGER, MOMENT, NOW, PAYROLL, SECOND, client
from support.polling import until
from support.stores import Stores


def use(
    kind: UseKind = UseKind.SECRET,
    name: str = "0badcafe",
    *,
    client_id: ClientId = LEDGER,
    at: datetime = NOW,
    source: str = "192.0.2.1",
) -> Use:
    return Use(client_id=client_id, kind=kind, name=name, at=at, source=source)


def kept(*uses: Use, first_at: datetime | None = None) -> set[LastUse]:
    """Return what a store shows of uses that it has kept."""
    return {
        LastUse(
            kind=one.kind, name=one.name, first_at=first_at or one.at, at=one.at, source=one.source
        )
        for one in uses
    }


async def note(stores: Stores, *uses: Use) -> None:
    stores.usage.note(uses)
    await stores.settle_usage()


async def known(
    stores: Stores, client_id: ClientId = LEDGER, *, now: datetime = NOW
) -> set[LastUse]:
    return set(await stores.usage.of(client_id, now=now))


@pytest.fixture(autouse=True)
async def clients(stores: Stores) -> None:
    """Two clients that may be used."""
    for client_id in (LEDGER, PAYROLL):
        await stores.clients.add(client(client_id))


class TestNote:
    async def test_nothing_is_known_at_first(self, stores: Stores) -> None:
        """Neither of a client that is there nor of one that is not."""
        assert await known(stores) == set()
        assert await known(stores, ClientId("nobody")) == set()

    async def test_a_use_is_written_without_being_waited_for(
        self, stores: Stores, another: Stores
    ) -> None:
        """Shortly after, whoever asks sees it."""
        stores.usage.note([use()])

        async def comes() -> bool:
            return await known(another) == kept(use())

        await until(comes)

    async def test_all_kinds_of_use_are_kept_apart(self, stores: Stores) -> None:
        """Things of one name are different things, and so are those of two clients."""
        uses = [
            use(UseKind.CLIENT, ""),
            *(use(kind, "read") for kind in (UseKind.SECRET, UseKind.GRANT, UseKind.SCOPE)),
            use(UseKind.SCOPE, "write", source="2001:db8::1"),
        ]
        others = [use(UseKind.SCOPE, "read", client_id=PAYROLL, at=NOW + SECOND)]

        await note(stores, *uses, *others)

        assert await known(stores) == kept(*uses)
        assert await known(stores, PAYROLL) == kept(*others)

    @pytest.mark.parametrize(
        "text", ["", "!#[]^_`{|}~%25+&;,", "a%0Ab%20c", "https://api.example/orders:read|all"]
    )
    async def test_names_come_back_as_they_were(self, stores: Stores, text: str) -> None:
        """Whatever RFC 6749 allows in a scope token."""
        noted = use(UseKind.SCOPE, text, source="fe80::1%eth0 and\nmore é")

        await note(stores, noted)

        assert await known(stores) == kept(noted)

    async def test_a_later_use_takes_its_place(self, stores: Stores) -> None:
        """With its time and source; when it was first noted stays."""
        await note(stores, use())
        later = use(at=NOW + NOTED_EVERY, source="192.0.2.2")

        await note(stores, later)

        assert await known(stores) == kept(later, first_at=NOW)

    @pytest.mark.parametrize("by", [-DAY, timedelta(), NOTED_EVERY - MOMENT])
    async def test_a_use_within_the_minute_is_not_written(
        self, stores: Stores, another: Stores, by: timedelta
    ) -> None:
        """Nor an earlier one, whichever worker notes it."""
        await note(stores, use())

        await note(another, use(at=NOW + by, source="192.0.2.2"))

        assert await known(stores) == kept(use())

    async def test_racing_workers_keep_one_of_their_uses(
        self, stores: Stores, another: Stores
    ) -> None:
        """Its time and its source belong together."""
        noted = [use(at=NOW + n * SECOND, source=f"192.0.2.{n}") for n in range(20)]

        await asyncio.gather(*(note((stores, another)[n % 2], one) for n, one in enumerate(noted)))

        found = await known(stores)
        assert len(found) == 1
        assert found < kept(*noted)

    async def test_a_thousand_uses_at_once_are_kept(self, stores: Stores) -> None:
        """However many batches that takes."""
        noted = [use(UseKind.SCOPE, f"scope-{number}") for number in range(1_000)]

        await note(stores, *noted)

        assert await known(stores) == kept(*noted)

    async def test_no_use_is_no_note(self, stores: Stores) -> None:
        """An empty batch writes nothing."""
        await note(stores)

        assert await known(stores) == set()


class TestEnd:
    async def test_a_use_is_kept_for_its_time(self, stores: Stores) -> None:
        """Its last moment is the one before."""
        await note(stores, use())

        assert await known(stores, now=NOW + KEPT_FOR - MOMENT) == kept(use())
        assert await known(stores, now=NOW + KEPT_FOR) == set()

    async def test_each_use_ends_by_itself(self, stores: Stores) -> None:
        """Though other things of the client are used all the time."""
        later = use(UseKind.CLIENT, "", at=NOW + KEPT_FOR)
        await note(stores, use())

        await note(stores, later)

        assert await known(stores, now=NOW + KEPT_FOR) == kept(later)

    async def test_what_is_known_of_a_client_goes_with_it(
        self, stores: Stores, another: Stores
    ) -> None:
        """And a client made anew starts clean, while others stay what they are."""
        await note(stores, use(), use(client_id=PAYROLL))

        assert await another.clients.remove(LEDGER)

        assert await known(stores) == set()
        await stores.clients.add(client())
        assert await known(stores) == set()
        assert await known(stores, PAYROLL) == kept(use(client_id=PAYROLL))

    async def test_a_note_that_is_late_leaves_nothing(
        self, stores: Stores, another: Stores
    ) -> None:
        """A client that was removed meanwhile does not come back by it."""
        assert await stores.clients.remove(LEDGER)

        await note(another, use(), use(client_id=PAYROLL))

        assert await known(stores) == set()
        assert await known(stores, PAYROLL) == kept(use(client_id=PAYROLL))
