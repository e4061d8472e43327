"""Reading and proving JWT access tokens (RFC 9068 §4, RFC 8725)."""

import hashlib
from collections.abc import Sequence

from adapters.jose.claims import read_claims
from adapters.jose.compact import CompactJws, octets_of
from adapters.jose.header import read_header
from adapters.jose.loaded_key import load
from adapters.jose.proved_tokens import ProvedToken, ProvedTokens
from domain.model.keys import SigningKey, by_id
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenRejected, TokenVerifier, UnprovedToken

_REMEMBERED = 8_192


class JoseTokenVerifier:
    """Verifies compact JWSs against our own keys.

    Args:
        remembered: How many good signatures are not computed again.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._proved = ProvedTokens(remembered)

    def peek(self, token: str, /) -> UnprovedToken | None:
        try:
            text = octets_of(token)
            digest = hashlib.sha256(text).digest()
            proved = self._proved.recall(digest)
            if proved is not None:
                return UnprovedToken(text, digest, proved.claims, proved.key_id)
            return UnprovedToken(text, digest, _read(text))
        except ValueError:
            return None

    async def verify(
        self, unproved: UnprovedToken, /, *, keys: Sequence[SigningKey], issuer: str
    ) -> AccessTokenClaims:
        if unproved.signed_by is None:
            self._proved.remember(unproved.digest, _prove(unproved, keys))
        elif by_id(keys, unproved.signed_by) is None:
            raise TokenRejected("the key is not one of ours any more")
        if unproved.claims.issuer != issuer:
            raise TokenRejected("another issuer's")
        return unproved.claims


def _read(text: bytes) -> AccessTokenClaims:
    jws = CompactJws.parse(text)
    read_header(jws.header)
    return read_claims(jws.payload)


def _prove(unproved: UnprovedToken, keys: Sequence[SigningKey]) -> ProvedToken:
    """Return what a token claims, its signature proved.

    `kid` selects the key and the key decides the algorithm; `alg` may only
    agree with it (RFC 8725 §3.1).
    """
    jws = CompactJws.parse(unproved.text)
    header = read_header(jws.header)
    key = by_id(keys, header.key_id)
    if key is None:
        raise TokenRejected("kid names no key of ours")
    if header.algorithm != key.algorithm:
        raise TokenRejected("alg is not the key's")
    if not load(key).verify(jws.signing_input, jws.signature):
        raise TokenRejected("the signature is wrong")
    return ProvedToken(key.key_id, unproved.claims)


_: type[TokenVerifier] = JoseTokenVerifier
