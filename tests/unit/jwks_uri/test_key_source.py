import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from adapters.jwks_uri import key_source
from adapters.jwks_uri.copies import USUAL
from adapters.jwks_uri.key_source import BETWEEN_FETCHES, HttpxClientKeySource
from domain.errors import Unavailable
from domain.model.clients import Client
from domain.ports.assertions import AssertionRejected
from support.domain_samples import MOMENT, SECOND, client
from support.doubles import FixedClock
from support.streaming import streamed

URI = "https://client.example/jwks.json"


class Publisher(httpx.AsyncBaseTransport):
    """A client's server.

    Attributes:
        asked: The URLs that were asked for.

        answers_when: Holds answers back until it is set.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.body = ""
        self.cache_control = ""
        self.answers_when = asyncio.Event()
        self.answers_when.set()
        self.publish("a")

    def publish(self, *key_ids: str) -> str:
        self.body = json.dumps({"keys": [{"kid": key_id} for key_id in key_ids]})
        return self.body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        await self.answers_when.wait()
        headers = {"Cache-Control": self.cache_control} if self.cache_control else {}
        return httpx.Response(self.status, content=streamed(self.body.encode()), headers=headers)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def source(publisher: Publisher, clock: FixedClock) -> AsyncIterator[HttpxClientKeySource]:
    opened = HttpxClientKeySource(clock, transport=publisher)
    yield opened
    await opened.close()


def publishing(uri: str = URI) -> Client:
    return replace(client(), jwks_uri=uri)


async def test_inline_keys_are_given_as_they_are(
    source: HttpxClientKeySource, publisher: Publisher
) -> None:
    """Even if they are none; nothing is fetched."""
    inline = replace(client(), jwks="whatever was registered")

    assert await source.jwks(inline, key_id="k") == "whatever was registered"
    assert publisher.asked == []


async def test_a_client_without_keys_has_none(source: HttpxClientKeySource) -> None:
    with pytest.raises(AssertionRejected):
        await source.jwks(client(), key_id=None)


class TestCopies:
    async def test_a_good_copy_is_not_fetched_again(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        """For as long as the reply said."""
        first = publisher.body
        assert await source.jwks(publishing(), key_id="a") == first
        second = publisher.publish("a", "b")
        clock.advance(USUAL - MOMENT)
        assert await source.jwks(publishing(), key_id="a") == first
        assert await source.jwks(publishing(), key_id=None) == first
        clock.advance(MOMENT)

        assert await source.jwks(publishing(), key_id="a") == second
        assert publisher.asked == [URI, URI]

    async def test_each_place_has_a_copy_of_its_own(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        await source.jwks(publishing(), key_id="a")
        other = publisher.publish("b")

        assert await source.jwks(publishing("https://other.example/"), key_id="b") == other
        assert publisher.asked == [URI, "https://other.example/"]

    async def test_so_many_places_are_remembered(
        self,
        source: HttpxClientKeySource,
        publisher: Publisher,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The one used longest ago is forgotten."""
        monkeypatch.setattr(key_source, "_MOST_PLACES", 2)
        for place in ("1", "2", "1", "3", "1"):
            await source.jwks(publishing(f"https://client.example/{place}"), key_id="a")

        assert [uri[-1] for uri in publisher.asked] == ["1", "2", "3"]
        await source.jwks(publishing("https://client.example/2"), key_id="a")
        assert [uri[-1] for uri in publisher.asked] == ["1", "2", "3", "2"]


class TestUnknownKeyIds:
    async def test_a_new_key_is_found_by_fetching_once_more(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        """So that clients can rotate their keys without waiting for our copy to age."""
        await source.jwks(publishing(), key_id="a")
        rotated = publisher.publish("b")
        clock.advance(BETWEEN_FETCHES)

        assert await source.jwks(publishing(), key_id="b") == rotated
        assert len(publisher.asked) == 2

    async def test_JWA_017_they_cannot_be_used_to_hammer_the_clients_server(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        """One fetch in ten seconds; until then the copy is what there is."""
        copy = await source.jwks(publishing(), key_id="a")
        for second in range(60):
            assert await source.jwks(publishing(), key_id=f"made up {second}") == copy
            clock.advance(SECOND)

        assert len(publisher.asked) == 6

    async def test_a_fetch_that_fails_leaves_a_good_copy_good(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        """An attacker's key id takes nothing away from the client."""
        copy = await source.jwks(publishing(), key_id="a")
        for status, body in ((503, ""), (200, "rubbish")):
            publisher.status, publisher.body = status, body
            clock.advance(BETWEEN_FETCHES)

            assert await source.jwks(publishing(), key_id="b") == copy
            assert await source.jwks(publishing(), key_id="a") == copy
        assert len(publisher.asked) == 3


class TestFailures:
    async def test_without_a_good_copy_the_keys_are_unavailable(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        """D8: neither a guess nor a copy past its time."""
        await source.jwks(publishing(), key_id="a")
        publisher.status = 503
        clock.advance(USUAL)

        with pytest.raises(Unavailable) as refusal:
            await source.jwks(publishing(), key_id="a")

        assert refusal.value.retry_after == BETWEEN_FETCHES

    async def test_a_server_that_fails_is_left_alone_for_a_while(
        self, source: HttpxClientKeySource, publisher: Publisher, clock: FixedClock
    ) -> None:
        publisher.status = 503
        for _ in range(3):
            with pytest.raises(Unavailable):
                await source.jwks(publishing(), key_id="a")
        clock.advance(timedelta(seconds=7))
        with pytest.raises(Unavailable) as refusal:
            await source.jwks(publishing(), key_id="a")
        assert refusal.value.retry_after == timedelta(seconds=3)
        assert len(publisher.asked) == 1

        publisher.status = 200
        clock.advance(timedelta(seconds=3))
        assert await source.jwks(publishing(), key_id="a") == publisher.body

    async def test_what_is_no_key_set_is_the_clients_own_fault(
        self, source: HttpxClientKeySource, publisher: Publisher, caplog: pytest.LogCaptureFixture
    ) -> None:
        """So it is refused, and the operator reads where it was."""
        publisher.body = "<html>"
        for _ in range(2):
            with pytest.raises(AssertionRejected):
                await source.jwks(publishing(), key_id="a")

        assert len(publisher.asked) == 1
        assert [URI in record.getMessage() for record in caplog.records] == [True]

    async def test_a_place_that_may_not_be_asked_is_unavailable(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        with pytest.raises(Unavailable):
            await source.jwks(publishing("http://client.example/jwks.json"), key_id="a")

        assert publisher.asked == []


class TestManyAtOnce:
    async def test_all_wait_for_one_fetch(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        """Whatever key they look for."""
        publisher.answers_when.clear()
        waiting = [
            asyncio.create_task(source.jwks(publishing(), key_id=key_id))
            for key_id in ("a", "b", None) * 10
        ]
        await asyncio.sleep(0.01)
        publisher.answers_when.set()

        assert set(await asyncio.gather(*waiting)) == {publisher.body}
        assert publisher.asked == [URI]

    async def test_one_who_gives_up_takes_nothing_from_the_others(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        """Not even the one who began it."""
        publisher.answers_when.clear()
        first, second = (
            asyncio.create_task(source.jwks(publishing(), key_id="a")) for _ in range(2)
        )
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        publisher.answers_when.set()

        assert await second == publisher.body
        assert first.cancelled()
        assert publisher.asked == [URI]

    async def test_places_do_not_wait_for_each_other(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        publisher.answers_when.clear()
        slow = asyncio.create_task(source.jwks(publishing(), key_id="a"))
        await asyncio.sleep(0.01)
        publisher.answers_when.set()

        assert await source.jwks(publishing("https://other.example/"), key_id="a")
        await slow

    async def test_closing_ends_what_is_under_way(
        self, source: HttpxClientKeySource, publisher: Publisher
    ) -> None:
        publisher.answers_when.clear()
        waiting = asyncio.create_task(source.jwks(publishing(), key_id="a"))
        await asyncio.sleep(0.01)

        await source.close()

        with pytest.raises(asyncio.CancelledError):
            await waiting
