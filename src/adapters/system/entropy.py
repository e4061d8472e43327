import secrets

from domain.model.identifiers import Bucket
from domain.ports.entropy import Entropy

_IDENTIFIER_BYTES = 16


class SystemEntropy:
    """The system's generator of unguessable numbers."""

    def token(self, nbytes: int = 32, /) -> str:
        return secrets.token_urlsafe(nbytes)

    def octets(self, nbytes: int, /) -> bytes:
        return secrets.token_bytes(nbytes)

    def identifier(self, bucket: Bucket, /) -> str:
        return bucket + secrets.token_urlsafe(_IDENTIFIER_BYTES)


_: type[Entropy] = SystemEntropy
