"""Signing JWT access tokens (RFC 9068 §2)."""

from adapters.jose.claims import write_claims
from adapters.jose.loaded_key import load
from adapters.jose.segments import encode_segment
from domain.model.keys import SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenSigner


class JoseTokenSigner:
    """Writes a compact JWS: little more work than its signature."""

    async def sign(self, claims: AccessTokenClaims, /, *, key: SigningKey) -> str:
        signer = load(key)
        signing_input = signer.header + b"." + encode_segment(write_claims(claims))
        signature = encode_segment(signer.sign(signing_input))
        return (signing_input + b"." + signature).decode("ascii")


_: type[TokenSigner] = JoseTokenSigner
