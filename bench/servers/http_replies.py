"""Replies over HTTP with all their fields, for comparing them."""

import http.client
from dataclasses import dataclass, field
from typing import Final

from bench.load.loads import Target

_TIMEOUT: Final = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; `fields` keeps the order in which they came."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        return dict(self.fields).get("content-type", "").partition(";")[0]

    @property
    def length(self) -> int:
        """Return how many bytes its fields and its body take."""
        return sum(len(name) + len(value) for name, value in self.fields) + len(self.body)


def ask(target: Target, body: bytes) -> Reply:
    return exchange(target.port, "POST", target.path, body=body, headers=dict(target.headers))


def get(port: int, path: str) -> Reply:
    return exchange(port, "GET", path, body=b"", headers={})


def exchange(port: int, method: str, path: str, *, body: bytes, headers: dict[str, str]) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        fields = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Reply(answer.status, fields, answer.read())
    finally:
        connection.close()


def answers(port: int, path: str) -> bool:
    try:
        return get(port, path).status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
