"""HTTP byte by byte, where a client library would repair the request."""

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from support.grantd_process import GrantdProcess, RegisteredClient

FORM = "application/x-www-form-urlencoded"
TOKEN_PATH = "/access_token"


def compose(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Write a request as it is told to be, and ask for the connection's end after it."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def basic(client: RegisteredClient) -> dict[str, str]:
    pair = f"{client.client_id}:{client.secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def post_form(
    grantd: GrantdProcess,
    body: bytes,
    *,
    client: RegisteredClient | None = None,
    target: str = TOKEN_PATH,
    content_type: str | None = FORM,
    headers: Mapping[str, str] = {},
) -> httpx.Response:
    """POST *body* exactly as it is, by HTTP Basic if a client is given."""
    sent = {
        **(basic(client) if client is not None else {}),
        **({"Content-Type": content_type} if content_type is not None else {}),
        "Content-Length": str(len(body)),
        **headers,
    }
    return read_reply(grantd.send_raw(compose("POST", target, sent, body)))


def read_reply(received: bytes) -> httpx.Response:
    """Read the one reply of a connection that has been closed after it."""
    head, end_of_head, body = received.partition(b"\r\n\r\n")
    assert end_of_head, received
    status_line, *fields = head.decode("latin-1").split("\r\n")
    protocol, status = status_line.split(" ")[:2]
    assert protocol == "HTTP/1.1"
    headers = [(name, value.strip()) for name, _, value in (f.partition(":") for f in fields)]
    return httpx.Response(int(status), headers=headers, content=body)


def chunked(body: bytes, size: int) -> bytes:
    """Write *body* in the chunked transfer coding (RFC 9112 §7.1)."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Demand that the block takes no longer than that."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds
