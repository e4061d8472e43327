from typing import Protocol

from domain.model.identifiers import Bucket


class Entropy(Protocol):
    def token(self, nbytes: int = 32, /) -> str:
        """Return *nbytes* unguessable bytes in unpadded base64url."""
        ...

    def octets(self, nbytes: int, /) -> bytes:
        """Return *nbytes* unguessable bytes."""
        ...

    def identifier(self, bucket: Bucket, /) -> str:
        """Return *bucket* followed by 22 unguessable characters of base64url: 132 bits."""
        ...
