"""As much of HTTP/2 (RFC 9113) as calls of gRPC take, made for little work at each call.

The header block of a request is made once, without the dynamic table of HPACK
(RFC 7541), and the server is asked to do without it too: that is how a status
can be read from a reply by looking for its bytes.
"""

from collections.abc import Mapping
from typing import Final

from bench.load.h2load import framed

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _AWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_TABLE_SIZE, _STREAM_WINDOW = 1, 4
_LARGE: Final = (1 << 31) - 1
_USUAL_WINDOW: Final = 65_535
_HEAD: Final = 9
_ONE_OCTET: Final = 126
_OK: Final = b"\x0bgrpc-status\x010"
_MOST_CALLS: Final = 64


class GrpcWire:
    """Unary calls of one method, each with the same message."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str], message: bytes) -> None:
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": path,
            ":authority": f"127.0.0.1:{port}",
            **headers,
        }
        self._block = b"".join(_literal(name, value) for name, value in fields.items())
        self._data = framed(message)
        self._stream = -1
        self._numbers: dict[int, int] = {}
        self._window = _USUAL_WINDOW
        self._received = b""

    def greeting(self) -> bytes:
        settings = _setting(_TABLE_SIZE, 0) + _setting(_STREAM_WINDOW, _LARGE)
        more = (_LARGE - _USUAL_WINDOW).to_bytes(4, "big")
        return _PREFACE + frame(_SETTINGS, 0, 0, settings) + frame(_WINDOW, 0, 0, more)

    def has_room(self) -> bool:
        return len(self._numbers) < _MOST_CALLS and self._window >= len(self._data)

    def request(self, number: int) -> bytes:
        self._stream += 2
        self._numbers[self._stream] = number
        self._window -= len(self._data)
        head = frame(_HEADERS, _END_HEADERS, self._stream, self._block)
        return head + frame(_DATA, _END_STREAM, self._stream, self._data)

    def feed(self, octets: bytes) -> tuple[list[int], bytes]:
        received, place = self._received + octets, 0
        answered: list[int] = []
        reply = b""
        while len(received) - place >= _HEAD:
            length = int.from_bytes(received[place : place + 3], "big")
            end = place + _HEAD + length
            if end > len(received):
                break
            kind, flags = received[place + 3], received[place + 4]
            stream = int.from_bytes(received[place + 5 : place + _HEAD], "big")
            payload = received[place + _HEAD : end]
            place = end
            if kind == _HEADERS and flags & _END_STREAM:
                if _OK not in payload:
                    raise ValueError(f"a call ended with {payload!r}")
                answered.append(self._numbers.pop(stream))
            elif kind in (_RESET, _AWAY):
                raise ValueError(f"the server gave up: {payload!r}")
            elif kind == _WINDOW and stream == 0:
                self._window += int.from_bytes(payload, "big")
            elif kind in (_SETTINGS, _PING) and not flags & _ACK:
                reply += frame(kind, _ACK, 0, payload if kind == _PING else b"")
        self._received = received[place:]
        return answered, reply


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2, "big") + value.to_bytes(4, "big")


def _literal(name: str, value: str) -> bytes:
    """Return a field that no table remembers (RFC 7541 §6.2.2)."""
    return b"\0" + _string(name) + _string(value)


def _string(text: str) -> bytes:
    octets = text.encode("latin-1")
    if len(octets) <= _ONE_OCTET:
        return bytes((len(octets),)) + octets
    beyond = len(octets) - _ONE_OCTET - 1  # RFC 7541 §5.1
    size = b""
    while beyond >> 7:
        size += bytes((beyond & 127 | 128,))
        beyond >>= 7
    return b"\x7f" + size + bytes((beyond,)) + octets
