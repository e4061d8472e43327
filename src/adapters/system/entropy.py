import os
import secrets

from domain.model.identifiers import Bucket
from domain.ports.entropy import Entropy

_LENGTH = 22  # characters of six bits each
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


def _draw() -> list[str]:
    text = secrets.token_urlsafe(_DRAWN_AT_ONCE * _LENGTH * 6 // 8)
    return [text[first : first + _LENGTH] for first in range(0, len(text), _LENGTH)]


_: type[Entropy] = SystemEntropy
