"""A gRPC call frame by frame (RFC 9113), where a client library would not send it at all."""

import socket
from collections.abc import Sequence

from support.grpc_calls import Metadata

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS = 0x0, 0x1, 0x3, 0x4
_END_STREAM, _END_HEADERS = 0x1, 0x4
_HEAD = 9
_TIMEOUT = 10.0


def call(port: int, method: str, body: bytes, metadata: Metadata) -> bytes:
    """Make a unary call and return the frames of the server up to the end of the stream.

    In them field lines stand as gRPC writes them: each name and each value
    with its length before it.
    """
    fields = (
        *((":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "grantd")),
        *(("content-type", "application/grpc"), ("te", "trailers")),
        *metadata,
    )
    message = b"\x00" + len(body).to_bytes(4) + body
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as connection:
        connection.sendall(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, b"")
            + _frame(_HEADERS, _END_HEADERS, 1, _literal(fields))
            + _frame(_DATA, _END_STREAM, 1, message)
        )
        with connection.makefile("rb") as frames:
            received = b""
            while True:
                head = frames.read(_HEAD)
                assert len(head) == _HEAD, received
                received += head + (payload := frames.read(int.from_bytes(head[:3])))
                kind, flags = head[3], head[4]
                assert payload or kind != _RST_STREAM
                ended = kind in {_DATA, _HEADERS} and flags & _END_STREAM
                if ended or kind == _RST_STREAM:
                    return received


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _literal(fields: Sequence[tuple[str, str]]) -> bytes:
    """Write field lines as literals that nobody indexes (RFC 7541 §6.2.2)."""
    return b"".join(
        b"\x00" + b"".join(bytes([len(text)]) + text.encode("ascii") for text in field)
        for field in fields
    )
