"""Where the public keys of clients come from."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from adapters.jwks_uri.copies import KeySetCopy, NotAKeySet
from adapters.jwks_uri.replies import NotFetched
from domain.errors import Unavailable
from domain.model.clients import Client
from domain.ports.assertions import AssertionRejected, ClientKeySource
from domain.ports.clock import Clock

BETWEEN_FETCHES: Final = timedelta(seconds=10)

_MOST_PLACES = 1_024

if TYPE_CHECKING:
    import httpx

    from adapters.jwks_uri.fetching import Fetcher

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """A `jwks_uri` and what is known of it.

    Attributes:
        failure: What the last fetch ended with, if it brought no copy.
    """

    uri: str
    copy: KeySetCopy | None = None
    asked_at: datetime | None = None
    failure: NotFetched | NotAKeySet | None = None
    under_way: asyncio.Task[None] | None = None


class HttpxClientKeySource:
    """Takes inline keys as they are and fetches the others, as seldom as it can.

    A copy is good for as long as its reply said, between ten seconds and an
    hour. A place is asked by one fetch at a time, which all who need it await,
    and not again for ten seconds, however it ended: who sends assertions with
    unknown key ids cannot make us hammer a client's server. A copy past its
    time is not used (D8), and one within it is, whatever became of a fetch for
    a key that it lacks.

    Args:
        transport: Stands in for the network in tests.
    """

    def __init__(
        self, clock: Clock, *, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._fetches: set[asyncio.Task[None]] = set()

    @cached_property
    def _fetcher(self) -> "Fetcher":
        # Here and not above, because no command needs it, and few servers do.
        from adapters.jwks_uri.fetching import Fetcher  # noqa: PLC0415

        return Fetcher(self._transport)

    async def jwks(self, client: Client, /, *, key_id: str | None) -> str:
        if client.jwks is not None:
            return client.jwks
        if client.jwks_uri is None:
            raise AssertionRejected("the client has no keys")
        place = self._place(client.jwks_uri)
        if not self._serves(place, key_id):
            await self._refresh(place)
        return self._text(place)

    async def close(self) -> None:
        """End the fetches that are under way; who awaits one is cancelled."""
        fetches = tuple(self._fetches)
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)

    def _place(self, uri: str) -> _Place:
        place = self._places.setdefault(uri, _Place(uri))
        self._places.move_to_end(uri)
        if len(self._places) > _MOST_PLACES:
            self._places.popitem(last=False)
        return place

    def _serves(self, place: _Place, key_id: str | None) -> bool:
        copy = place.copy
        return copy is not None and copy.is_good(self._clock.now()) and copy.has(key_id)

    def _text(self, place: _Place) -> str:
        now = self._clock.now()
        if place.copy is not None and place.copy.is_good(now):
            return place.copy.text
        if isinstance(place.failure, NotAKeySet):
            raise AssertionRejected("what is at jwks_uri is not a JWK set")
        raise Unavailable(
            "the client's keys cannot be fetched", retry_after=self._until_next(place, now)
        )

    async def _refresh(self, place: _Place) -> None:
        """Fetch anew, or join the fetch under way, or leave it: it was asked just now."""
        now = self._clock.now()
        if place.under_way is None:
            if self._until_next(place, now) > timedelta():
                return
            place.asked_at = now
            place.under_way = asyncio.create_task(self._fetch(place))
            self._fetches.add(place.under_way)
            place.under_way.add_done_callback(self._fetches.discard)
        # Who gives up waiting does not end the fetch for the others.
        await asyncio.shield(place.under_way)

    async def _fetch(self, place: _Place) -> None:
        try:
            reply = await self._fetcher.fetch(place.uri)
            place.copy = KeySetCopy.read(reply, now=self._clock.now())
            place.failure = None
        except (NotFetched, NotAKeySet) as failure:
            place.failure = failure
            _log.warning("no key set at %s: %s %s", place.uri, type(failure).__name__, failure)
        finally:
            place.under_way = None

    def _until_next(self, place: _Place, now: datetime) -> timedelta:
        if place.asked_at is None:
            return timedelta()
        return max(place.asked_at + BETWEEN_FETCHES - now, timedelta())


_: type[ClientKeySource] = HttpxClientKeySource
