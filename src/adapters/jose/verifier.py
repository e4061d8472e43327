"""Reading and proving JWT access tokens (RFC 9068 §4, RFC 8725)."""

import hashlib
from collections.abc import Sequence

from adapters.jose.claims import read_claims
from adapters.jose.compact import CompactJws, octets_of
from adapters.jose.header import read_header
from adapters.jose.loaded_key import load
from adapters.jose.proved_tokens import ProvedToken, ProvedTokens
from domain.model.keys import SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenRejected, TokenVerifier

_REMEMBERED = 8_192


class JoseTokenVerifier:
    """Verifies compact JWSs against our own keys.

    Args:
        remembered: How many good signatures are not computed again.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._proved = ProvedTokens(remembered)

    def peek(self, token: str, /) -> AccessTokenClaims | None:
        try:
            text = octets_of(token)
            proved = self._proved.recall(_digest(text))
            if proved is not None:
                return proved.claims
            jws = CompactJws.parse(text)
            read_header(jws.header)
            return read_claims(jws.payload)
        except ValueError:
            return None

    async def verify(
        self, token: str, /, *, keys: Sequence[SigningKey], issuer: str
    ) -> AccessTokenClaims:
        try:
            text = octets_of(token)
            digest = _digest(text)
            proved = self._proved.recall(digest)
            if proved is None:
                proved = _prove(CompactJws.parse(text), keys)
                self._proved.remember(digest, proved)
            elif all(key.key_id != proved.key_id for key in keys):
                raise TokenRejected("the key is not one of ours any more")
        except ValueError as error:
            raise TokenRejected(str(error)) from None
        if proved.claims.issuer != issuer:
            raise TokenRejected("another issuer's")
        return proved.claims


def _prove(jws: CompactJws, keys: Sequence[SigningKey]) -> ProvedToken:
    """Return what *jws* claims, its signature proved.

    `kid` selects the key and the key decides the algorithm; `alg` may only
    agree with it (RFC 8725 §3.1).
    """
    header = read_header(jws.header)
    key = next((key for key in keys if key.key_id == header.key_id), None)
    if key is None:
        raise TokenRejected("kid names no key of ours")
    if header.algorithm != key.algorithm:
        raise TokenRejected("alg is not the key's")
    if not load(key).verify(jws.signing_input, jws.signature):
        raise TokenRejected("the signature is wrong")
    return ProvedToken(key.key_id, read_claims(jws.payload))


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


_: type[TokenVerifier] = JoseTokenVerifier
