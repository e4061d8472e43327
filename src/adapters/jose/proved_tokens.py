"""Which signatures were found good, so that the same one is not computed again."""

from collections import OrderedDict
from dataclasses import dataclass

from domain.model.keys import KeyId
from domain.model.tokens import AccessTokenClaims


@dataclass(frozen=True, slots=True)
class ProvedToken:
    """What a token claims, and the key whose signature under it was good."""

    key_id: KeyId
    claims: AccessTokenClaims


class ProvedTokens:
    """The last *capacity* proved tokens, by the SHA-256 of their text.

    A signature is good or bad for ever; all else about a token is not, and
    stays to be judged by whoever recalls it. Failures are not kept, so that
    nobody can fill this with rubbish.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._by_digest: OrderedDict[bytes, ProvedToken] = OrderedDict()

    def recall(self, digest: bytes) -> ProvedToken | None:
        proved = self._by_digest.get(digest)
        if proved is not None:
            self._by_digest.move_to_end(digest)
        return proved

    def remember(self, digest: bytes, proved: ProvedToken) -> None:
        self._by_digest[digest] = proved
        if len(self._by_digest) > self._capacity:
            self._by_digest.popitem(last=False)

    def __len__(self) -> int:
        return len(self._by_digest)
