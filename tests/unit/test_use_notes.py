import asyncio
from collections.abc import Sequence

import pytest

from adapters import use_notes
from adapters.use_notes import UseNotes
from domain.errors import Unavailable
from domain.model.identifiers import ClientId
from domain.model.usage import Use, UseKind
from support.domain_samples import NOW, SECOND


def uses(*numbers: int) -> list[Use]:
    return [
        Use(client_id=ClientId(f"client-{number}"), kind=UseKind.CLIENT, at=NOW)
        for number in numbers
    ]


class Store:
    """Writes nothing, and remembers what it was given."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Use]] = []
        self.is_away = False
        self.is_slow = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def write(self, batch: Sequence[Use]) -> None:
        self.batches.append(batch)
        self.is_slow.set()
        await self.goes_on.wait()
        if self.is_away:
            raise Unavailable("away")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def notes(store: Store) -> UseNotes:
    return UseNotes(store.write)


async def test_what_is_noted_within_a_moment_is_one_batch(store: Store, notes: UseNotes) -> None:
    """Whoever notes does not wait, and nobody else does."""
    for number in range(100):
        notes.add(uses(number))
        await asyncio.sleep(0)
    assert store.batches == []

    async with asyncio.timeout(5):
        await store.is_slow.wait()

    assert store.batches == [uses(*range(100))]


async def test_what_waits_is_written_at_the_end(store: Store, notes: UseNotes) -> None:
    """Closing waits for that and not for the moment."""
    notes.add(uses(1, 2))

    async with asyncio.timeout(0.2):
        await notes.close()

    assert store.batches == [uses(1, 2)]


async def test_nothing_noted_is_nothing_written(store: Store, notes: UseNotes) -> None:
    """Not even an empty batch."""
    notes.add([])
    await notes.close()

    assert store.batches == []


async def test_the_latest_use_of_a_thing_is_what_waits(store: Store, notes: UseNotes) -> None:
    """A batch names a thing once."""
    (first,) = uses(1)
    later = Use(client_id=first.client_id, kind=first.kind, at=NOW + SECOND)

    notes.add([first, later])
    await notes.close()

    assert store.batches == [[later]]


async def test_what_is_noted_during_a_write_is_the_next_one(store: Store, notes: UseNotes) -> None:
    """Batches go one after the other."""
    store.goes_on.clear()
    notes.add(uses(1))
    async with asyncio.timeout(5):
        await store.is_slow.wait()

    notes.add(uses(2))
    notes.add(uses(3))
    assert len(store.batches) == 1
    store.goes_on.set()
    await notes.close()

    assert store.batches == [uses(1), uses(2, 3)]


async def test_what_an_absent_store_cannot_take_is_lost(store: Store, notes: UseNotes) -> None:
    """Nobody hears of it, and what comes later is written."""
    store.is_away = True
    notes.add(uses(1))
    await notes.close()
    store.is_away = False

    notes.add(uses(2))
    await notes.close()

    assert store.batches == [uses(1), uses(2)]


async def test_what_waits_for_a_slow_store_is_bounded(
    store: Store, notes: UseNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it nothing is taken but for what waits already."""
    monkeypatch.setattr(use_notes, "_MOST_WAITING", 100)
    (known,) = uses(7)
    later = Use(client_id=known.client_id, kind=known.kind, at=NOW + SECOND)

    notes.add([*uses(*range(1_000)), later])
    await notes.close()

    (batch,) = store.batches
    assert len(batch) == 100
    assert later in batch


async def test_closing_does_not_wait_for_ever(
    store: Store, notes: UseNotes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that hangs does not hold up a drain."""
    monkeypatch.setattr(use_notes, "_PATIENCE_SECONDS", 0.05)
    store.goes_on.clear()
    notes.add(uses(1))

    async with asyncio.timeout(2):
        await notes.close()

    assert len(store.batches) == 1
