import base64
import os
import secrets
from collections.abc import Iterator

from domain.model.identifiers import Bucket
from domain.ports.entropy import Entropy

_IDENTIFIER_BYTES = 16
_DRAWN_AT_ONCE = 64


class SystemEntropy:
    """The system's generator of unguessable numbers.

    Identifiers are drawn many at once, since each draw is a call into the
    system. None is given away twice: it is taken out first, and a process
    that was forked draws its own.
    """

    def __init__(self) -> None:
        self._drawn: list[str] = []
        os.register_at_fork(after_in_child=self._drawn.clear)

    def token(self, nbytes: int = 32, /) -> str:
        return secrets.token_urlsafe(nbytes)

    def octets(self, nbytes: int, /) -> bytes:
        return secrets.token_bytes(nbytes)

    def identifier(self, bucket: Bucket, /) -> str:
        try:
            return bucket + self._drawn.pop()
        except IndexError:
            mine, *others = _draw()
            self._drawn.extend(others)
            return bucket + mine


def _draw() -> Iterator[str]:
    octets = secrets.token_bytes(_DRAWN_AT_ONCE * _IDENTIFIER_BYTES)
    for first in range(0, len(octets), _IDENTIFIER_BYTES):
        one = octets[first : first + _IDENTIFIER_BYTES]
        yield base64.urlsafe_b64encode(one).rstrip(b"=").decode("ascii")


_: type[Entropy] = SystemEntropy
