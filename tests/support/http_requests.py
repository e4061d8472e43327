"""Requests as the endpoints of the HTTP edge get them."""

from adapters.http.request import Request
from adapters.request_record import RequestRecord
from domain.model.events import Origin


def http_request(*headers: tuple[str, str], query: bytes = b"", body: bytes = b"") -> Request:
    return Request(
        [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        query=query,
        body=body,
        origin=Origin(request_id="r-1", protocol="http", address="192.0.2.7"),
        record=RequestRecord("r-1", "http", "POST", "192.0.2.7"),
    )
