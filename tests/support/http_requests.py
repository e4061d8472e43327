"""Requests as endpoints get them, without an application around."""

from adapters.http.request import Peer, Request

PEER = Peer("192.0.2.7")


def http_request(
    *headers: tuple[str, str],
    method: str = "POST",
    path: str = "/access_token",
    query: bytes = b"",
    body: bytes = b"",
    peer: Peer = PEER,
    request_id: str = "r-1",
) -> Request:
    return Request(
        request_id,
        method,
        path,
        query,
        [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        peer,
        body,
    )
