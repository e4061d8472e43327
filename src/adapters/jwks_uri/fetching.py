"""One GET of a key set, within limits: the far end may be anybody."""

import asyncio
import ssl
from functools import cached_property
from typing import Final

import httpx

from adapters.jwks_uri.replies import NotFetched, Reply
from domain.model.uris import is_loopback

LARGEST: Final = 64 * 1_024
PATIENCE: Final = 3.0  # seconds, from the look-up of the name to the last byte

_LAST_PORT = 65_535

_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    # What arrives is counted as it arrives, so it has to arrive uncompressed.
    "Accept-Encoding": "identity",
    "User-Agent": "grantd",
}


class Fetcher:
    """Fetches over https, or over http from this machine, and follows no redirect.

    It trusts the certificate authorities that the system trusts, and takes
    neither a proxy nor a password from the environment.

    Args:
        transport: Stands in for the network in tests.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def fetch(self, uri: str) -> Reply:
        """Get what is at *uri*.

        Raises:
            NotFetched: If it may not be asked, or does not answer with 200,
                in time, and within the limit.
        """
        _require_fetchable(uri)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._get(uri)
        except TimeoutError:
            raise NotFetched("no answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NotFetched(type(error).__name__) from error

    async def _get(self, uri: str) -> Reply:
        # A client for each fetch: no cookie and no idle connection outlives it.
        async with (
            httpx.AsyncClient(
                verify=self._tls,
                trust_env=False,
                follow_redirects=False,
                timeout=PATIENCE,
                transport=self._transport,
            ) as http,
            http.stream("GET", uri, headers=_HEADERS) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                raise NotFetched(f"status {reply.status_code}")
            if reply.headers.get("content-encoding", "identity") != "identity":
                raise NotFetched("a content coding")
            body = bytearray()
            async for chunk in reply.aiter_raw():
                body += chunk
                if len(body) > LARGEST:
                    raise NotFetched("too large")
            return Reply(bytes(body), reply.headers.get("cache-control", ""))


def _require_fetchable(uri: str) -> None:
    try:
        url = httpx.URL(uri)
        host, port = url.host, url.port
    except (httpx.InvalidURL, UnicodeError) as error:
        raise NotFetched("not a URL") from error
    if not host or not (port is None or 0 < port <= _LAST_PORT):
        raise NotFetched("a URL without a host, or with a port that there is not")
    if url.userinfo:
        raise NotFetched("a URL with a password in it")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise NotFetched("neither https nor on this machine")
