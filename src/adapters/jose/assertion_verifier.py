"""Reading and proving client assertions (RFC 7523 §3, RFC 8725)."""

import hashlib
import hmac

from adapters.jose.assertion_claims import read_assertion_claims, read_subject
from adapters.jose.assertion_header import read_assertion_header
from adapters.jose.client_keys import read_client_keys, select
from adapters.jose.compact import CompactJws, octets_of
from domain.model.assertions import SHORTEST_SHARED_SECRET, AssertionClaims
from domain.model.credentials import ClientSecret
from domain.ports.assertions import AssertionRejected, AssertionVerifier, ForeseenAssertion


class JoseAssertionVerifier:
    """Verifies compact JWSs under the keys or a secret of their client."""

    def peek(self, assertion: str, /) -> ForeseenAssertion | None:
        try:
            jws = CompactJws.parse(octets_of(assertion))
            header = read_assertion_header(jws.header)
            return ForeseenAssertion(read_subject(jws.payload), header.algorithm, header.key_id)
        except ValueError:
            return None

    async def verify_by_keys(self, assertion: str, /, *, jwks: str) -> AssertionClaims:
        try:
            jws = CompactJws.parse(octets_of(assertion))
            header = read_assertion_header(jws.header)
            key = select(read_client_keys(jwks), header.algorithm, header.key_id)
            if not key.verify(header.algorithm, jws.signing_input, jws.signature):
                raise AssertionRejected("the signature is wrong")
            return read_assertion_claims(jws.payload)
        except ValueError as error:
            raise AssertionRejected(str(error)) from None

    async def verify_by_secret(self, assertion: str, /, *, secret: ClientSecret) -> AssertionClaims:
        try:
            jws = CompactJws.parse(octets_of(assertion))
            if not read_assertion_header(jws.header).algorithm.is_symmetric:
                raise AssertionRejected("alg is not that of a shared secret")
            key = secret.reveal().encode()
            if len(key) < SHORTEST_SHARED_SECRET:
                raise AssertionRejected("the secret is too short for HS256")
            mac = hmac.digest(key, jws.signing_input, hashlib.sha256)
            if not hmac.compare_digest(mac, jws.signature):
                raise AssertionRejected("the signature is wrong")
            return read_assertion_claims(jws.payload)
        except ValueError as error:
            raise AssertionRejected(str(error)) from None


_: type[AssertionVerifier] = JoseAssertionVerifier
